//! Accounts and their windows through the real store, lifecycle and orchestrator: gates, pauses, probes, and what a restart must not forget.

use aq_core::event::EventKind;
use aq_core::ids::RunRef;
use aq_core::output::{FailureClass, LimitNotice, LimitStatus, OutputBody, OutputItem, Question, QuestionKind, TokenUsage};
use aq_core::profile::RuntimeProfile;
use aq_core::run::RunResult;
use aq_core::runner_link::{RunOutcome, RunReport, SessionOrder};
use aq_core::runtime::RuntimeKind;
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use aq_server::clock::Clock as _;
use aq_server::commands;
use aq_server::commands::accounts::AccountFields;
use aq_server::commands::agents::AgentFields;
use aq_server::store::{StoreError, events};

use crate::harness::Harness;

const HOUR: i64 = 3_600_000;

/// An account with this many agents that speak to `model`. Scripted agents speak to none, so those with a model are of a runtime that has models;
/// the test plays the runner's part of both.
async fn account(server: &Harness, name: &str, agents: usize, model: &str) {
    let fields = AccountFields { name: Some(name.to_owned()), ..AccountFields::default() };
    let made = server.command(move |tx, context| commands::accounts::create(tx, context, &fields)).await;
    let id = made.map_or_else(|_| aq_core::ids::AccountId::parse(&name.to_lowercase()).unwrap(), |account| account.id);
    let runtime = if model.is_empty() { RuntimeKind::Scripted } else { RuntimeKind::Claude };
    for number in 0..agents {
        let fields = AgentFields {
            name: Some(format!("{name} {model} {number}")),
            runtime: Some(runtime),
            profile: Some(RuntimeProfile { model: model.to_owned(), ..RuntimeProfile::default() }),
            account: Some(Some(id.clone())),
        };
        server.command(move |tx, context| commands::agents::create(tx, context, &fields)).await.unwrap();
    }
}

async fn say(server: &Harness, run: &RunRef, seq: u64, body: OutputBody) {
    let items = vec![OutputItem { seq, at: server.clock.now(), body }];
    server.report(run, RunReport::Output { items }).await;
}

fn window(name: &str, status: LimitStatus, used: Option<f64>, resets_at: Option<Timestamp>) -> OutputBody {
    OutputBody::Limit(LimitNotice { window: name.into(), status, used, resets_at, source: "rate_limit_event".into() })
}

fn spent(id: &str, tokens: u64) -> OutputBody {
    let tokens = TokenUsage { input: tokens, ..TokenUsage::default() };
    OutputBody::Usage { message_id: id.into(), model: "m".into(), tokens, cost_micros: None }
}

async fn limited(server: &Harness, run: &RunRef, name: &str, resets_at: Option<Timestamp>) {
    let outcome = RunOutcome::Limited { window: name.into(), resets_at, message: "You've hit your limit".into() };
    server.report(run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
}

async fn kinds(server: &Harness) -> Vec<EventKind> {
    server
        .reader
        .read(|db| Ok::<_, StoreError>(events::after(db, 0, i64::MAX)?.into_iter().map(|event| event.kind).collect()))
        .await
        .unwrap()
}

/// F-074, schedule R17: a task that a limit cut goes on with the agent that has its session, although an agent of another runtime is idle all the time: the
/// probe of its account is the one start that it takes. While its account is refused nobody else begins it anew either.
#[tokio::test]
async fn a_cut_task_goes_on_where_its_session_is() {
    let server = Harness::start().await;
    account(&server, "Max", 1, "opus").await;
    let project = server.project("App", 3).await;
    let task = server.task(&project, "a", &[]).await;
    let first = server.start_order().await;
    server.running(&first.run).await;
    server.agents(2).await;
    let reset = server.clock.now().plus_millis(HOUR);
    say(&server, &first.run, 1, window("five_hour", LimitStatus::Rejected, Some(1.0), Some(reset))).await;
    limited(&server, &first.run, "five_hour", Some(reset)).await;
    server.until(&task, TaskStatus::Paused).await;
    assert!(server.nothing_started().await);
    server.clock.advance(HOUR + 31_000);
    server.wake.ring();
    let again = server.start_order().await;
    assert_eq!((again.run.number, &again.agent, again.runtime), (2, &first.agent, RuntimeKind::Claude));
    assert_eq!(again.session, SessionOrder::Resume { session_id: session(&first.session) });
}

/// F-054, F-074, D-15: a refusal closes the account for every agent of it; the tasks pause without a try and go on in their sessions at the reset,
/// one probe first and the rest after it, also when the server was killed in between.
#[tokio::test]
async fn a_refused_account_pauses_probes_and_goes_on() {
    let server = Harness::start().await;
    account(&server, "Max", 3, "").await;
    let project = server.project("App", 5).await;
    let mut tasks = Vec::new();
    for title in ["a", "b", "c", "d"] {
        tasks.push(server.task(&project, title, &[]).await);
    }
    let starts = [server.start_order().await, server.start_order().await, server.start_order().await];
    let reset = server.clock.now().plus_millis(5 * HOUR);
    for start in &starts {
        server.running(&start.run).await;
    }
    say(&server, &starts[0].run, 1, window("five_hour", LimitStatus::Rejected, Some(1.0), Some(reset))).await;
    for start in &starts {
        limited(&server, &start.run, "five_hour", Some(reset)).await;
    }
    assert!(server.nothing_started().await, "the fourth task must not start on a refused account");
    let mut instants = Vec::new();
    for start in &starts {
        let task = server.until(&start.run.task, TaskStatus::Paused).await;
        assert_eq!(task.retry_count, 0);
        instants.push(task.resume_after.unwrap());
    }
    assert_eq!(instants[0], reset, "the first is the probe");
    assert!(instants[1..].iter().all(|at| *at > reset && *at <= reset.plus_millis(31_000)), "{instants:?}");
    let told = kinds(&server).await;
    assert_eq!(told.iter().filter(|kind| **kind == EventKind::AccountLimited).count(), 1);

    let server = server.restart().await;
    assert!(server.nothing_started().await, "a restart forgets no refusal");
    server.clock.advance(5 * HOUR + 31_000);
    server.wake.ring();
    let probe = server.start_order().await;
    assert_eq!(probe.run, RunRef { task: starts[0].run.task.clone(), number: 2 });
    assert_eq!(probe.session, SessionOrder::Resume { session_id: session(&starts[0].session) });
    assert!(server.nothing_started().await, "one probe, then the rest");
    // Killed while the probe runs: the next server waits for it as well.
    let server = server.restart().await;
    assert_eq!(server.start_order().await.run, probe.run);
    assert!(server.nothing_started().await);
    server.running(&probe.run).await;
    say(&server, &probe.run, 1, spent("m1", 100)).await;
    let (second, third) = (server.start_order().await, server.start_order().await);
    for next in [&second, &third] {
        let before = starts.iter().find(|start| start.run.task == next.run.task);
        let resumed = before.map(|start| SessionOrder::Resume { session_id: session(&start.session) });
        assert!(resumed.is_none_or(|order| order == next.session));
    }
    assert!(kinds(&server).await.contains(&EventKind::AccountReopened));
}

fn session(order: &SessionOrder) -> String {
    let (SessionOrder::Fresh { session_id } | SessionOrder::Resume { session_id }) = order;
    session_id.clone()
}

/// limits R6: a probe that is refused again closes the account until the next reset, and nobody else was sent after it.
#[tokio::test]
async fn a_refused_probe_closes_the_account_again() {
    let server = Harness::start().await;
    account(&server, "Max", 2, "").await;
    let project = server.project("App", 2).await;
    let task = server.task(&project, "a", &[]).await;
    server.task(&project, "b", &[]).await;
    let (first, second) = (server.start_order().await, server.start_order().await);
    let reset = server.clock.now().plus_millis(HOUR);
    for start in [&first, &second] {
        server.running(&start.run).await;
        limited(&server, &start.run, "five_hour", Some(reset)).await;
    }
    server.clock.advance(HOUR + 31_000);
    server.wake.ring();
    let probe = server.start_order().await;
    assert_eq!(probe.run.task, task);
    server.running(&probe.run).await;
    limited(&server, &probe.run, "five_hour", Some(reset.plus_millis(2 * HOUR))).await;
    assert!(server.nothing_started().await);
    assert_eq!(server.until(&task, TaskStatus::Paused).await.resume_after, Some(reset.plus_millis(2 * HOUR)));
}

/// limits R3, R6, F-072: a run whose question waits for a person uses nothing: it does not keep the account closed after a reset.
#[tokio::test]
async fn a_waiting_question_holds_no_probe_back() {
    let server = Harness::start().await;
    account(&server, "Max", 2, "").await;
    let project = server.project("App", 2).await;
    server.task(&project, "a", &[]).await;
    let asks = server.start_order().await;
    server.running(&asks.run).await;
    say(&server, &asks.run, 1, OutputBody::Question(which())).await;
    let other = server.task(&project, "b", &[]).await;
    let cut = server.start_order().await;
    server.running(&cut.run).await;
    limited(&server, &cut.run, "five_hour", Some(server.clock.now().plus_millis(HOUR))).await;
    server.until(&other, TaskStatus::Paused).await;
    let server = server.restart().await;
    server.clock.advance(HOUR);
    server.wake.ring();
    assert_eq!(server.start_order().await.run.task, other, "the question may wait for a day");
}

/// Models R5: an account has at most as many open runs as its owner allows, those that wait for a person among them; raising the number lets the next one start.
#[tokio::test]
async fn an_account_has_only_so_many_runs() {
    let server = Harness::start().await;
    account(&server, "Max", 3, "").await;
    let id = aq_core::ids::AccountId::parse("max").unwrap();
    let most = |count| AccountFields { max_concurrent_runs: Some(count), ..AccountFields::default() };
    let (edited, two) = (id.clone(), most(2));
    server.command(move |tx, context| commands::accounts::edit(tx, context, &edited, &two)).await.unwrap();
    let project = server.project("App", 3).await;
    for title in ["a", "b", "c"] {
        server.task(&project, title, &[]).await;
    }
    let (first, _second) = (server.start_order().await, server.start_order().await);
    assert!(server.nothing_started().await, "two are open");
    server.running(&first.run).await;
    say(&server, &first.run, 1, OutputBody::Question(which())).await;
    assert!(server.nothing_started().await, "a run that waits is open");
    let server = server.restart().await;
    server.quiet().await;
    assert_eq!(open_runs(&server).await, 2);
    let three = most(3);
    server.command(move |tx, context| commands::accounts::edit(tx, context, &id, &three)).await.unwrap();
    server.quiet().await;
    assert_eq!(open_runs(&server).await, 3);
}

fn which() -> Question {
    Question {
        request_id: "q1".into(),
        kind: QuestionKind::Question,
        text: "which?".into(),
        tool: String::new(),
        detail: String::new(),
        options: Vec::new(),
    }
}

async fn open_runs(server: &Harness) -> usize {
    server.engine.submit(|tx| Ok::<_, StoreError>(tx.state.runs.len())).await.unwrap()
}

/// F-073, limits R2: a short throttle waits 60, 120, 240 seconds, then 300; no try is used and the account stays open for others.
#[tokio::test]
async fn throttles_wait_shortly_and_leave_the_account_open() {
    let server = Harness::start().await;
    account(&server, "Key", 1, "").await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "a", &[]).await;
    let mut waits = Vec::new();
    for _ in 0..5 {
        let start = server.start_order().await;
        server.running(&start.run).await;
        limited(&server, &start.run, "unknown", None).await;
        let paused = server.until(&task, TaskStatus::Paused).await;
        assert_eq!(paused.retry_count, 0);
        let wait = paused.resume_after.unwrap().millis_since(server.clock.now());
        waits.push(wait / 1_000);
        server.clock.advance(wait);
        server.wake.ring();
    }
    assert_eq!(waits, [60, 120, 240, 300, 300]);
    assert_eq!(server.start_order().await.run.number, 6, "the account was never closed");
    assert!(!kinds(&server).await.contains(&EventKind::AccountLimited));
}

/// F-054, limits R1: the weekly limit of a model family holds back the agents of that family only.
#[tokio::test]
async fn a_family_limit_holds_back_its_family_only() {
    let server = Harness::start().await;
    account(&server, "Max", 1, "claude-opus-4-5").await;
    let project = server.project("App", 4).await;
    server.task(&project, "a", &[]).await;
    let first = server.start_order().await;
    server.running(&first.run).await;
    let reset = server.clock.now().plus_millis(48 * HOUR);
    limited(&server, &first.run, "seven_day_opus", Some(reset)).await;
    let next = server.task(&project, "b", &[]).await;
    assert!(server.nothing_started().await);
    account(&server, "Max", 1, "claude-sonnet-4-5").await;
    server.wake.ring();
    assert_eq!(server.start_order().await.run.task, next);
}

/// limits R1: paying from extra credit is not a stop: a warning closes nothing.
#[tokio::test]
async fn a_warning_closes_nothing() {
    let server = Harness::start().await;
    account(&server, "Max", 2, "").await;
    let project = server.project("App", 2).await;
    server.task(&project, "a", &[]).await;
    let first = server.start_order().await;
    server.running(&first.run).await;
    say(&server, &first.run, 1, window("five_hour", LimitStatus::Warning, Some(0.97), Some(server.clock.now().plus_millis(HOUR)))).await;
    server.task(&project, "b", &[]).await;
    server.start_order().await;
}

/// D-15: a run that dies while its account is known to be refused is limited, not failed: no try is used.
#[tokio::test]
async fn a_failure_on_a_refused_account_is_the_limit() {
    let server = Harness::start().await;
    account(&server, "Max", 1, "").await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "a", &[]).await;
    let start = server.start_order().await;
    server.running(&start.run).await;
    let reset = server.clock.now().plus_millis(HOUR);
    say(&server, &start.run, 1, window("five_hour", LimitStatus::Rejected, Some(1.0), Some(reset))).await;
    let outcome = RunOutcome::Failed { class: FailureClass::Incomplete, message: "ended without a result".into() };
    server.report(&start.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
    let paused = server.until(&task, TaskStatus::Paused).await;
    assert_eq!((paused.retry_count, paused.resume_after), (0, Some(reset)));
    assert_eq!(server.runs(&task).await[0].run.end.as_ref().unwrap().result, RunResult::Limited);
}

/// limits R3: once the size of a window is learned, the last part of it is given to what fits; a restart keeps what was learned.
#[tokio::test]
async fn the_end_of_a_window_is_drained() {
    let server = Harness::start().await;
    account(&server, "Max", 3, "").await;
    let project = server.project("App", 3).await;
    let first = server.task(&project, "a", &[]).await;
    let start = server.start_order().await;
    server.running(&start.run).await;
    let reset = server.clock.now().plus_millis(HOUR);
    let heard = |used| window("five_hour", LimitStatus::Allowed, Some(used), Some(reset));
    say(&server, &start.run, 1, heard(0.5)).await;
    say(&server, &start.run, 2, spent("m1", 200_000)).await;
    say(&server, &start.run, 3, heard(0.7)).await;
    server.succeed(&start.run).await;
    server.until(&first, TaskStatus::Completed).await;
    // A run costs 200,000 tokens, 20 % of the window; 30 % are left: one may start, a second one would not fit.
    for title in ["b", "c", "d"] {
        server.task(&project, title, &[]).await;
    }
    let second = server.start_order().await;
    assert!(server.nothing_started().await, "only one more fits");
    let server = server.restart().await;
    assert_eq!(server.start_order().await.run, second.run);
    assert!(server.nothing_started().await, "what was learned survives");
    server.clock.advance(HOUR + 1);
    server.wake.ring();
    server.start_order().await;
    server.start_order().await;
}

/// limits R4: quiet hours, the reserve and a pause hold starts back until they end; what runs goes on.
#[tokio::test]
async fn the_owners_wishes_hold_starts_back() {
    let server = Harness::start().await;
    account(&server, "Max", 2, "").await;
    let project = server.project("App", 2).await;
    // The clock stands at 00:16:40 UTC.
    let quiet = AccountFields { quiet: Some(vec!["23:00-06:00".parse().unwrap()]), ..AccountFields::default() };
    let id = aq_core::ids::AccountId::parse("max").unwrap();
    let edited = id.clone();
    server.command(move |tx, context| commands::accounts::edit(tx, context, &edited, &quiet)).await.unwrap();
    let task = server.task(&project, "a", &[]).await;
    assert!(server.nothing_started().await);
    let server = server.restart().await;
    assert!(server.nothing_started().await, "wishes survive a restart");
    server.clock.advance(6 * HOUR);
    server.wake.ring();
    assert_eq!(server.start_order().await.run.task, task);
    let paused = AccountFields { paused: Some(true), ..AccountFields::default() };
    server.command(move |tx, context| commands::accounts::edit(tx, context, &id, &paused)).await.unwrap();
    server.task(&project, "b", &[]).await;
    assert!(server.nothing_started().await);
    assert_eq!(server.get(&task).await.status, TaskStatus::Assigned);
}
