//! One task, report or command that goes wrong takes nothing else along.

use std::sync::{Arc, Barrier};

use aq_core::event::EventKind;
use aq_core::ids::RunRef;
use aq_core::output::{FailureClass, OutputBody, OutputItem, Question, QuestionKind};
use aq_core::run::RunResult;
use aq_core::runner_link::{Conclusion, RunOutcome, RunReport, RunnerOrder};
use aq_core::task::TaskStatus;
use aq_server::clock::Clock as _;
use aq_server::commands::{self, CommandError};
use aq_server::orchestrator::tell_stuck;
use aq_server::store::{Connection, StoreError, events};

use crate::harness::Harness;

/// An hour in milliseconds.
const HOUR: i64 = 3_600_000;

/// Lets the database refuse an update of a table while `when` holds.
async fn refuse(server: &Harness, name: &str, table: &str, when: &str) {
    let sql = format!("CREATE TRIGGER {name} BEFORE UPDATE ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
    server.engine.submit(move |tx| tx.db.batch(&sql)).await.unwrap();
}

async fn allow(server: &Harness, name: &str) {
    let sql = format!("DROP TRIGGER {name}");
    server.engine.submit(move |tx| tx.db.batch(&sql)).await.unwrap();
}

async fn told(server: &Harness, kind: EventKind) -> usize {
    let all = server.reader.read(|db| events::after(db, 0, 1000)).await.unwrap();
    all.iter().filter(|event| event.kind == kind).count()
}

/// F-057, orchestrator R22, D-20: a due task that cannot be moved is told once and tried again later; all other due tasks go on in the same pass.
#[tokio::test]
async fn a_task_that_cannot_be_moved_keeps_no_other_waiting() {
    let server = Harness::start().await;
    server.agents(2).await;
    let project = server.project("App", 2).await;
    let (bad, good) = (server.task(&project, "bad", &[]).await, server.task(&project, "good", &[]).await);
    let resets_at = server.admin().now.plus_millis(10_000);
    for _ in 0..2 {
        let order = server.start_order().await;
        server.running(&order.run).await;
        let outcome = RunOutcome::Limited { window: "w".into(), resets_at: Some(resets_at), message: "limit".into() };
        server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
    }
    let key = server.record(&bad).await.key;
    refuse(&server, "no", "tasks", &format!("OLD.key = {key}")).await;
    // The task that was refused second comes back within 31 s after the reset (limits R7); by then both are due.
    server.clock.advance(10_000 + 31_000);
    server.wake.ring();
    let order = server.start_order().await;
    assert_eq!(order.run.task, good, "the other one goes on");
    assert_eq!(server.get(&bad).await.status, TaskStatus::Paused);
    server.wake.ring();
    assert!(server.nothing_started().await);
    assert_eq!(told(&server, EventKind::TaskHeldUp).await, 1, "told once, however many passes");
    allow(&server, "no").await;
    server.clock.advance(60_000);
    server.wake.ring();
    assert_eq!(server.start_order().await.run.task, bad, "it is tried again by itself");
    let held = server.engine.submit(|tx| Ok::<_, CommandError>(tx.state.held_up.len())).await.unwrap();
    assert_eq!(held, 0);
}

/// Orchestrator R22: a ready task that cannot be started gives its turn to the next one.
#[tokio::test]
async fn a_task_that_cannot_be_started_gives_its_turn_away() {
    let server = Harness::start().await;
    let project = server.project("App", 1).await;
    let (bad, good) = (server.task(&project, "bad", &[]).await, server.task(&project, "good", &[]).await);
    let key = server.record(&bad).await.key;
    refuse(&server, "no", "tasks", &format!("OLD.key = {key}")).await;
    server.agents(1).await;
    server.wake.ring();
    assert_eq!(server.start_order().await.run.task, good);
    assert_eq!(server.get(&bad).await.status, TaskStatus::Ready);
    let fresh = server.engine.submit(|tx| Ok::<_, CommandError>(tx.state.runs.len())).await.unwrap();
    assert_eq!(fresh, 1, "nothing of the failed start is left in the figures");
}

/// Orchestrator R23: when the end of a run cannot be recorded as reported, the run ends as failed and its task goes on by the rules of failures.
#[tokio::test]
async fn a_report_that_cannot_be_taken_ends_its_run_only() {
    let server = Harness::start().await;
    server.agents(2).await;
    let project = server.project("App", 2).await;
    let bad = server.task(&project, "bad", &[]).await;
    let good = server.task(&project, "good", &[]).await;
    let (first, second) = (server.start_order().await, server.start_order().await);
    refuse(&server, "no", "runs", &format!("NEW.result = 'done' AND OLD.task_key = {}", server.record(&bad).await.key)).await;
    for order in [&first, &second] {
        server.running(&order.run).await;
        let outcome = RunOutcome::Succeeded { summary: String::new() };
        server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
        let wanted = order.run.clone();
        server.ordered(move |order| matches!(order, RunnerOrder::Conclude(order) if order.run == wanted).then_some(())).await;
        let conclusion = Conclusion::Done { commit: "1".repeat(40), files_changed: Vec::new(), lines_changed: 0, pushed: false };
        server.report(&order.run, RunReport::Concluded { conclusion }).await;
    }
    server.until(&good, TaskStatus::Completed).await;
    server.until(&bad, TaskStatus::Paused).await;
    let end = server.runs(&bad).await[0].run.end.clone().unwrap();
    assert_eq!((end.result, end.class), (RunResult::Failed, Some(FailureClass::Internal)));
    assert!(end.message.contains("refused by the test"), "{}", end.message);
}

/// Store R4: a command that panics is answered as an error of the server; what it did is taken back, and the writer goes on.
#[tokio::test]
async fn a_panic_in_a_command_is_an_internal_error_of_that_command() {
    let server = Harness::start().await;
    let panicked = server
        .engine
        .submit(|tx| {
            tx.state.set_paused(true);
            assert!(tx.state.projects.contains_key(&aq_core::ids::ProjectId::parse("nowhere").unwrap()), "boom");
            Ok::<_, StoreError>(())
        })
        .await;
    assert!(matches!(&panicked, Err(StoreError::Panicked(text)) if text.contains("boom")), "{panicked:?}");
    assert!(matches!(CommandError::from(panicked.unwrap_err()), CommandError::Internal(_)));
    let paused = server.engine.submit(|tx| Ok::<_, CommandError>(tx.state.paused)).await.unwrap();
    assert!(!paused, "what it had done was taken back");
}

/// Does something on the connection of each of the two readers.
async fn on_every_reader(server: &Harness, sql: &'static str) {
    let both = Arc::new(Barrier::new(2));
    // One asker has one of them at a time.
    let one = async |asker: &str| {
        let both = Arc::clone(&both);
        let spoil = move |db: &mut Connection| {
            both.wait();
            db.batch(sql)
        };
        server.reader.asked_by(asker).read(spoil).await
    };
    let (first, second): (Result<(), StoreError>, Result<(), StoreError>) = futures_util::future::join(one("first"), one("second")).await;
    first.and(second).unwrap();
}

/// Orchestrator R26: a run that began while its rows cannot be read for a moment is ordered as soon as they can be. Once it waited for the next start of the server,
/// with its agent and its workspace.
#[tokio::test]
async fn a_start_whose_rows_cannot_be_read_yet_is_ordered_later() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    // What reads runs is told that the database is locked.
    let spoil = "PRAGMA query_only = OFF; CREATE TEMP VIEW runs AS SELECT [database is locked] FROM main.tasks";
    on_every_reader(&server, spoil).await;
    let run = RunRef { task: server.task(&project, "one", &[]).await, number: 1 };
    // The output is opened in the same breath in which the rows are asked for.
    while !server.hub.is_live(&run) {
        tokio::task::yield_now().await;
    }
    assert!(server.nothing_started().await);
    on_every_reader(&server, "DROP VIEW temp.runs").await;
    assert_eq!(server.start_order().await.run, run);
}

/// Orchestrator R22, R18: a question whose deadline has come and whose task cannot be moved keeps no other question waiting, and no start; the pass is not done over
/// and over for it, and later it is tried again.
#[tokio::test]
async fn a_question_that_cannot_be_dealt_with_keeps_no_other_waiting() {
    let server = Harness::start().await;
    server.agents(2).await;
    let project = server.project("App", 2).await;
    let (bad, good) = (server.task(&project, "bad", &[]).await, server.task(&project, "good", &[]).await);
    for _ in 0..2 {
        let run = server.start_order().await.run;
        server.running(&run).await;
        let question = Question {
            request_id: "q".into(),
            kind: QuestionKind::Question,
            text: "Which one?".into(),
            tool: String::new(),
            detail: String::new(),
            options: Vec::new(),
        };
        let items = vec![OutputItem { seq: 1, at: server.clock.now(), body: OutputBody::Question(question) }];
        server.report(&run, RunReport::Output { items }).await;
        server.until(&run.task, TaskStatus::WaitingInput).await;
    }
    let later = server.task(&project, "later", &[]).await;
    let key = server.record(&bad).await.key;
    refuse(&server, "no", "tasks", &format!("OLD.key = {key}")).await;
    server.clock.advance(24 * 3_600_000);
    server.wake.ring();
    server.until(&good, TaskStatus::Paused).await;
    assert_eq!(server.get(&bad).await.status, TaskStatus::WaitingInput);
    assert_eq!(told(&server, EventKind::TaskHeldUp).await, 1);
    let run = server.runs(&good).await.pop().unwrap().run.id;
    let outcome = RunOutcome::Stopped { reason: aq_core::runner_link::StopReason::Operator };
    server.report(&run, RunReport::Finished { outcome, exit_code: None }).await;
    assert_eq!(server.start_order().await.run.task, later, "what can start does");
    allow(&server, "no").await;
    server.clock.advance(60_000);
    server.wake.ring();
    server.until(&bad, TaskStatus::Paused).await;
}

/// Orchestrator R22, F-050: a task that a raised budget lets go on and that cannot be moved keeps no other blocked, and is tried again later.
#[tokio::test]
async fn a_block_that_cannot_be_lifted_keeps_no_other_blocked() {
    let server = Harness::start().await;
    let project = server.project("App", 2).await;
    let (bad, good) = (server.task(&project, "bad", &[]).await, server.task(&project, "good", &[]).await);
    for task in [&bad, &good] {
        let id = task.clone();
        server.command(move |tx, context| aq_server::commands::control::stop(tx, context, &id, "")).await.unwrap();
        // As a budget leaves it: blocked for it.
        let sql = format!("UPDATE tasks SET blocked_reason = 'budget' WHERE key = {}", server.record(task).await.key);
        server.engine.submit(move |tx| tx.db.batch(&sql)).await.unwrap();
    }
    let key = server.record(&bad).await.key;
    refuse(&server, "no", "tasks", &format!("OLD.key = {key}")).await;
    let raise = || {
        server.engine.submit(|tx| {
            tx.state.set_budgets_changed(true);
            Ok::<_, CommandError>(())
        })
    };
    raise().await.unwrap();
    server.wake.ring();
    server.until(&good, TaskStatus::Ready).await;
    assert_eq!((server.get(&bad).await.status, told(&server, EventKind::TaskHeldUp).await), (TaskStatus::Blocked, 1));
    allow(&server, "no").await;
    server.clock.advance(60_000);
    server.wake.ring();
    server.until(&bad, TaskStatus::Ready).await;
}

/// F-090, orchestrator R22: a notice that cannot be written, and a task whose row cannot be read, keep no other notice back; what failed is told when it can be.
#[tokio::test]
async fn one_notice_that_fails_keeps_no_other_back() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let root = server.task(&project, "root", &[]).await;
    let near = server.task(&project, "near", &[&root]).await;
    let far = server.task(&project, "far", &[&near]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let outcome = RunOutcome::Failed { class: FailureClass::InvalidRequest, message: "no".into() };
    server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
    server.until(&root, TaskStatus::Blocked).await;
    server.clock.advance(2 * HOUR);
    let sql = async |text: String| server.engine.submit(move |tx| tx.db.batch(&text)).await.unwrap();
    let look = async || tell_stuck(&server.engine, &server.reader, HOUR, server.clock.now()).await.unwrap();
    let key = server.record(&near).await.key;
    let refuse = "BEGIN SELECT RAISE(ABORT, 'refused by the test'); END";
    sql(format!("CREATE TRIGGER no BEFORE INSERT ON stuck_alerts WHEN NEW.task_key = {key} {refuse}")).await;
    assert_eq!(look().await, 1);
    let titles = async || {
        let all = server.reader.read(|db| events::after(db, 0, 1000)).await.unwrap();
        let notices = all.into_iter().filter(|event| event.kind == EventKind::TaskStuck);
        notices.map(|notice| notice.payload["title"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(titles().await, ["far"]);
    assert_eq!(told(&server, EventKind::TaskHeldUp).await, 1);
    sql("DROP TRIGGER no".to_owned()).await;
    server.clock.advance(61_000);
    assert_eq!(look().await, 1);
    assert_eq!(titles().await, ["far", "near"]);
    // Nobody can say of this one whether it still waits; the other is forgotten, and told anew.
    sql(format!("UPDATE tasks SET verification = 'garbage' WHERE key = {key}")).await;
    server.command(|tx, context| commands::system::set_paused(tx, context, true, "")).await.unwrap();
    let id = root.clone();
    server.command(move |tx, context| commands::control::restart(tx, context, &id, "")).await.unwrap();
    assert_eq!(look().await, 0);
    let id = root.clone();
    server.command(move |tx, context| commands::control::stop(tx, context, &id, "")).await.unwrap();
    assert_eq!(look().await, 1);
    assert_eq!(titles().await, ["far", "near", "far"]);
    assert_eq!(server.get(&far).await.status, TaskStatus::Defined);
}
