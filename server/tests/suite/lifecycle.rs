//! The life of a task through the real store, lifecycle and orchestrator, with the runner's part played by the test.

use aq_core::ids::RunRef;
use aq_core::output::{FailureClass, OutputBody, OutputItem, Question, QuestionKind, TokenUsage};
use aq_core::run::RunResult;
use aq_core::runner_link::{Conclusion, RunOutcome, RunReport, RunnerOrder, SessionOrder, StopReason};
use aq_core::task::{BlockedReason, TaskStatus};
use aq_server::clock::Clock as _;
use aq_server::commands::{self, CommandError};

use crate::harness::{Harness, new_task};

/// F-059, F-060: a diamond runs in order, two at a time where it may; each task ends COMPLETED with its run recorded.
#[tokio::test]
async fn a_diamond_runs_in_order() {
    let server = Harness::start().await;
    server.agents(2).await;
    let project = server.project("App", 2).await;
    let top = server.task(&project, "top", &[]).await;
    let left = server.task(&project, "left", &[&top]).await;
    let right = server.task(&project, "right", &[&top]).await;
    let bottom = server.task(&project, "bottom", &[&left, &right]).await;
    assert_eq!(server.get(&bottom).await.status, TaskStatus::Defined);

    let first = server.start_order().await;
    assert_eq!(first.run, RunRef { task: top.clone(), number: 1 });
    assert!(server.nothing_started().await, "only the top may run");
    server.succeed(&first.run).await;

    let (a, b) = (server.start_order().await, server.start_order().await);
    assert!(a.prompt.contains("did ") && a.prompt.contains("Completed upstream work"), "{}", a.prompt);
    assert_ne!(a.agent, b.agent);
    assert_ne!(a.workspace.id, b.workspace.id);
    server.succeed(&a.run).await;
    assert!(server.nothing_started().await, "bottom waits for both");
    server.succeed(&b.run).await;
    let last = server.start_order().await;
    assert_eq!(last.run.task, bottom);
    server.succeed(&last.run).await;
    server.until(&bottom, TaskStatus::Completed).await;
    let run = &server.runs(&bottom).await[0].run;
    assert_eq!(run.end.as_ref().unwrap().result, RunResult::Done);
    assert_eq!(run.files_changed, ["a.txt"]);
}

/// F-028, F-048: with one workspace only one task runs, whatever the number of agents.
#[tokio::test]
async fn workspaces_are_never_over_assigned() {
    let server = Harness::start().await;
    server.agents(3).await;
    let project = server.project("App", 1).await;
    for title in ["a", "b", "c"] {
        server.task(&project, title, &[]).await;
    }
    let first = server.start_order().await;
    assert!(server.nothing_started().await);
    server.succeed(&first.run).await;
    let second = server.start_order().await;
    assert_ne!(first.run.task, second.run.task);
}

/// F-075, orchestrator R11: a failing task is tried three times with a wait in between, then BLOCKED with its reason.
#[tokio::test]
async fn a_failing_task_is_retried_then_blocked() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "hard", &[]).await;
    for try_number in 1..=3 {
        let order = server.start_order().await;
        assert_eq!(order.run.number, try_number);
        if try_number > 1 {
            assert!(order.prompt.contains(&format!("no luck {}", "x".repeat(try_number as usize - 1))), "{}", order.prompt);
        }
        server.running(&order.run).await;
        let message = format!("no luck {}", "x".repeat(try_number as usize));
        let outcome = RunOutcome::Failed { class: FailureClass::Agent, message };
        server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
        if try_number < 3 {
            let paused = server.until(&task, TaskStatus::Paused).await;
            assert_eq!(paused.retry_count, try_number);
            assert!(server.nothing_started().await, "the wait is kept");
            server.clock.advance(60_000);
            server.wake.ring();
        }
    }
    let blocked = server.until(&task, TaskStatus::Blocked).await;
    assert_eq!(blocked.blocked_reason, Some(BlockedReason::RetriesExhausted));
    assert_eq!(server.runs(&task).await.len(), 3);
}

/// F-074: a refusal pauses the task until the reset instant, uses no retry, and the run goes on in its session.
#[tokio::test]
async fn a_limit_pauses_without_a_retry() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "big", &[]).await;
    let first = server.start_order().await;
    let SessionOrder::Fresh { session_id } = first.session.clone() else { panic!("{:?}", first.session) };
    server.running(&first.run).await;
    let resets_at = server.clock.now().plus_millis(3_600_000);
    let outcome = RunOutcome::Limited { window: "five_hour".into(), resets_at: Some(resets_at), message: "limit".into() };
    server.report(&first.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
    let paused = server.until(&task, TaskStatus::Paused).await;
    assert_eq!((paused.resume_after, paused.retry_count), (Some(resets_at), 0));
    server.clock.advance(3_599_000);
    assert!(server.nothing_started().await);
    server.clock.advance(1_000);
    server.wake.ring();
    let second = server.start_order().await;
    assert_eq!(second.session, SessionOrder::Resume { session_id });
}

/// D-02, F-085: stop means BLOCKED at once and for good; the late result of the stopped run changes nothing.
#[tokio::test]
async fn a_stopped_task_stays_stopped() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "long", &[]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let id = task.clone();
    server.command(move |tx, context| commands::control::stop(tx, context, &id, "")).await.unwrap();
    assert_eq!(server.get(&task).await.status, TaskStatus::Blocked);
    let stop = server.ordered(|order| matches!(order, RunnerOrder::Stop { .. }).then(|| order.clone())).await;
    assert_eq!(stop, RunnerOrder::Stop { run: order.run.clone(), reason: StopReason::Operator });
    // The agent stays busy until the process is gone.
    server.task(&project, "next", &[]).await;
    assert!(server.nothing_started().await);
    let outcome = RunOutcome::Succeeded { summary: "too late".into() };
    server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
    let stopped = server.get(&task).await;
    assert_eq!((stopped.status, stopped.blocked_reason), (TaskStatus::Blocked, Some(BlockedReason::OperatorStop)));
    assert_eq!(server.start_order().await.title, "next");
}

/// I-13: a report with an old run number changes nothing.
#[tokio::test]
async fn old_runs_are_fenced() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "x", &[]).await;
    let first = server.start_order().await;
    server.running(&first.run).await;
    let outcome = RunOutcome::Failed { class: FailureClass::Lost, message: "gone".into() };
    server.report(&first.run, RunReport::Finished { outcome, exit_code: None }).await;
    server.clock.advance(1_000_000);
    server.wake.ring();
    let second = server.start_order().await;
    assert_eq!(second.run.number, 2);
    server.running(&second.run).await;
    for report in [
        RunReport::Finished { outcome: RunOutcome::Succeeded { summary: String::new() }, exit_code: Some(0) },
        RunReport::Concluded { conclusion: Conclusion::NothingToDo },
        RunReport::Started { pid: 9 },
    ] {
        server.report(&first.run, report).await;
    }
    let task = server.get(&task).await;
    assert_eq!((task.status, task.run_number), (TaskStatus::InProgress, 2));
}

/// D-06, F-079: a landing failure is never COMPLETED, and what waits for the task keeps waiting.
#[tokio::test]
async fn a_landing_failure_blocks() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "x", &[]).await;
    let next = server.task(&project, "y", &[&task]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let outcome = RunOutcome::Succeeded { summary: String::new() };
    server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
    server.report(&order.run, RunReport::Concluded { conclusion: Conclusion::MergeConflict { files: vec!["a".into()] } }).await;
    assert_eq!(server.get(&task).await.blocked_reason, Some(BlockedReason::MergeConflict));
    assert_eq!(server.get(&next).await.status, TaskStatus::Defined);
    // Skipping releases what waits (F-086).
    let id = task.clone();
    let skipped = server.command(move |tx, context| commands::control::skip(tx, context, &id)).await.unwrap();
    assert_eq!((skipped.unblocked.len(), skipped.waiting.len()), (1, 0));
    assert_eq!(server.start_order().await.run.task, next);
}

/// F-084: failing test commands are a failure of the run, told to the next try.
#[tokio::test]
async fn failing_tests_are_retried() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "x", &[]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let outcome = RunOutcome::Succeeded { summary: String::new() };
    server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
    let conclusion = Conclusion::VerifyFailed { command: "make test".into(), exit_code: 2, tail: "assertion".into() };
    server.report(&order.run, RunReport::Concluded { conclusion }).await;
    let paused = server.until(&task, TaskStatus::Paused).await;
    assert_eq!(paused.retry_count, 1);
    server.clock.advance(1_000_000);
    server.wake.ring();
    assert!(server.start_order().await.prompt.contains("`make test` ended with exit code 2"));
}

/// F-072: a question makes the task wait for a person; the answer reaches the run and the task goes on.
#[tokio::test]
async fn a_question_waits_for_an_answer() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "x", &[]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let question = Question {
        request_id: "q1".into(),
        kind: QuestionKind::Question,
        text: "red or blue?".into(),
        tool: String::new(),
        detail: String::new(),
        options: Vec::new(),
    };
    let at = server.clock.now();
    let item = |seq, body| OutputItem { seq, at, body };
    server.report(&order.run, RunReport::Output { items: vec![item(1, OutputBody::Question(question))] }).await;
    server.until(&task, TaskStatus::WaitingInput).await;
    let id = task.clone();
    let (_, answer) = server
        .command(move |tx, context| {
            commands::questions::answer(tx, context, &id, "", aq_core::runner_link::Answer::Text("blue".into()), None)
        })
        .await
        .unwrap();
    assert!(matches!(answer, Some(RunnerOrder::Answer { ref request_id, .. }) if request_id == "q1"));
    let closed = OutputBody::QuestionClosed { request_id: "q1".into(), answer: "blue".into() };
    server.report(&order.run, RunReport::Output { items: vec![item(2, closed)] }).await;
    server.until(&task, TaskStatus::InProgress).await;
}

/// F-029, D-24: tokens are counted per message, once however often they are reported, and survive a failed run.
#[tokio::test]
async fn tokens_are_counted_once() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "x", &[]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let at = server.clock.now();
    let usage = |seq| OutputItem {
        seq,
        at,
        body: OutputBody::Usage {
            message_id: "m1".into(),
            model: "test".into(),
            tokens: TokenUsage { input: 10, output: 5, cache_read: 2, cache_write: 1 },
            cost_micros: Some(3),
        },
    };
    server.report(&order.run, RunReport::Output { items: vec![usage(1)] }).await;
    server.report(&order.run, RunReport::Output { items: vec![usage(1), usage(2)] }).await;
    assert_eq!(server.runs(&task).await[0].run.tokens.total(), 18);
    let used = server
        .engine
        .submit(move |tx| Ok::<_, CommandError>(tx.state.projects.values().next().unwrap().usage.tokens_at(at)))
        .await
        .unwrap();
    assert_eq!(used, 18);
}

/// F-019, F-061: after a restart everything is there; a running run is attached, an assigned one is ordered again, a concluding one is
/// concluded again.
#[tokio::test]
async fn a_restart_takes_up_every_run() {
    let server = Harness::start().await;
    server.agents(3).await;
    let project = server.project("App", 3).await;
    for title in ["a", "b", "c"] {
        server.task(&project, title, &[]).await;
    }
    let (starting, running, concluding) = (server.start_order().await, server.start_order().await, server.start_order().await);
    server.running(&running.run).await;
    server.running(&concluding.run).await;
    let outcome = RunOutcome::Succeeded { summary: String::new() };
    server.report(&concluding.run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
    let at = server.clock.now();
    let note = OutputItem { seq: 1, at, body: OutputBody::Note { text: "hello".into() } };
    server.report(&running.run, RunReport::Output { items: vec![note] }).await;

    let server = server.restart().await;
    let again = server.start_order().await;
    assert_eq!(again.run, starting.run);
    let (attached, last_seq) = server
        .ordered(|order| match order {
            RunnerOrder::Attach { start, last_seq } => Some((start.run.clone(), *last_seq)),
            _ => None,
        })
        .await;
    assert_eq!((attached, last_seq), (running.run.clone(), 1));
    let wanted = concluding.run.clone();
    server.ordered(move |order| matches!(order, RunnerOrder::Conclude(order) if order.run == wanted).then_some(())).await;
    let open = server.ordered(|order| if let RunnerOrder::Sweep { open } = order { Some(open.len()) } else { None }).await;
    assert_eq!(open, 3);
    server.report(&concluding.run, RunReport::Concluded { conclusion: Conclusion::NothingToDo }).await;
    server.until(&concluding.run.task, TaskStatus::Completed).await;
}

/// F-062, D-18: the global pause stops starts, not runs, and survives a restart.
#[tokio::test]
async fn the_global_pause_survives_a_restart() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    server.command(|tx, context| commands::system::set_paused(tx, context, true, "lunch")).await.unwrap();
    server.task(&project, "x", &[]).await;
    assert!(server.nothing_started().await);
    let server = server.restart().await;
    assert!(server.nothing_started().await);
    server.command(|tx, context| commands::system::set_paused(tx, context, false, "")).await.unwrap();
    server.start_order().await;
}

/// D-34, F-160: a new unmet dependency makes a READY task wait again; a closed cycle is refused and nothing changes.
#[tokio::test]
async fn dependencies_are_heeded_at_any_time() {
    let server = Harness::start().await;
    let project = server.project("App", 1).await;
    let (a, b) = (server.task(&project, "a", &[]).await, server.task(&project, "b", &[]).await);
    let (x, y) = (a.clone(), b.clone());
    server.command(move |tx, context| commands::edit::add_dependency(tx, context, &x, &y)).await.unwrap();
    assert_eq!(server.get(&a).await.status, TaskStatus::Defined);
    let (x, y) = (a.clone(), b.clone());
    let refused = server.command(move |tx, context| commands::edit::add_dependency(tx, context, &y, &x)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Precondition { reason: "DEPENDENCY_CYCLE", .. }), "{refused}");
    let (x, y) = (a.clone(), b.clone());
    server.command(move |tx, context| commands::edit::remove_dependency(tx, context, &x, &y)).await.unwrap();
    assert_eq!(server.get(&a).await.status, TaskStatus::Ready);
}

/// F-149, D-76: every wrong field is named and nothing is written.
#[tokio::test]
async fn bad_fields_are_all_named() {
    let server = Harness::start().await;
    let project = server.project("App", 1).await;
    let mut new = new_task(&project, " ", &[]);
    new.max_retries = 1000;
    let refused = server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap_err();
    let CommandError::Invalid(violations) = refused else { panic!("{refused}") };
    let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["title", "max_retries"]);
    let last = server.engine.submit(|tx| Ok::<_, CommandError>(tx.state.last_key)).await.unwrap();
    assert_eq!(last, 0);
}

/// F-031, D-27: deleting a running task stops its run, frees what waited for it, and keeps its name taken.
#[tokio::test]
async fn deleting_a_running_task_leaves_nothing() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "x", &[]).await;
    let next = server.task(&project, "y", &[&task]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let id = task.clone();
    server.command(move |tx, context| commands::control::delete(tx, context, &id)).await.unwrap();
    server.ordered(|order| matches!(order, RunnerOrder::Stop { .. }).then_some(())).await;
    let outcome = RunOutcome::Stopped { reason: StopReason::Operator };
    server.report(&order.run, RunReport::Finished { outcome, exit_code: None }).await;
    assert_eq!(server.start_order().await.run.task, next);
    let name = task.to_string();
    assert!(server.reader.read(move |db| aq_server::store::tasks::name_used(db, &name)).await.unwrap());
}
