//! What stays of a run, whichever way it ends: tokens in the ledger, the files it changed, the reason in words; and that no failure is tried for ever.

use aq_core::ids::{RunRef, TaskId};
use aq_core::output::{FailureClass, OutputBody, OutputItem, TokenUsage};
use aq_core::run::RunResult;
use aq_core::runner_link::{Conclusion, RunLimits, RunOutcome, RunReport, RunnerOrder, StopReason};
use aq_core::task::{BlockedReason, OwnLimits, TaskStatus};
use aq_core::time::Timestamp;
use aq_server::clock::Clock as _;
use aq_server::commands;
use aq_server::store::{StoreError, ledger};

use crate::figures::{both, check_rows};
use crate::harness::{Harness, new_task, policy};

async fn spend(server: &Harness, run: &RunRef, message: &str, tokens: u64) {
    let seq = server.hub.log().last_seq(run).unwrap() + 1;
    let tokens = TokenUsage { input: tokens, output: 1, cache_read: 2, cache_write: 3 };
    let body = OutputBody::Usage { message_id: message.into(), model: "test".into(), tokens, cost_micros: None };
    let items = vec![OutputItem { seq, at: server.clock.now(), body }];
    server.report(run, RunReport::Output { items }).await;
}

/// The tokens of the project in the ledger, of the first run of the task, and in the window that decisions are made with.
async fn spent(server: &Harness, task: &TaskId) -> (u64, u64, u64) {
    let (project, now) = (server.get(task).await.project, server.clock.now());
    let wanted = project.clone();
    let booked = server.reader.read(move |db| ledger::project_total(db, &wanted, Timestamp::from_millis(0))).await.unwrap();
    let window = server.engine.submit(move |tx| Ok::<_, StoreError>(tx.state.projects[&project].usage.tokens_at(now))).await.unwrap();
    (booked, server.runs(task).await.first().unwrap().run.tokens.total(), window)
}

/// F-092, D-24: on every way out the tokens of a run are in the ledger, in the run and in the window, by kind, and they stay there after a restart.
#[tokio::test]
async fn every_exit_keeps_the_tokens() {
    let failed = |class| RunOutcome::Failed { class, message: "no".into() };
    let exits = [
        (failed(FailureClass::Agent), RunResult::Failed),
        (failed(FailureClass::Timeout), RunResult::Failed),
        (failed(FailureClass::Silence), RunResult::Failed),
        (failed(FailureClass::Lost), RunResult::Failed),
        (failed(FailureClass::Internal), RunResult::Failed),
        (RunOutcome::Limited { window: "w".into(), resets_at: None, message: "limit".into() }, RunResult::Limited),
        (RunOutcome::Stopped { reason: StopReason::Shutdown }, RunResult::Stopped),
        (RunOutcome::Stopped { reason: StopReason::Limit }, RunResult::Stopped),
        (RunOutcome::Stopped { reason: StopReason::Operator }, RunResult::Stopped),
    ];
    for (outcome, wanted) in exits {
        let server = Harness::start().await;
        server.agents(1).await;
        let project = server.project("App", 1).await;
        let task = server.task(&project, "x", &[]).await;
        let order = server.start_order().await;
        server.running(&order.run).await;
        spend(&server, &order.run, "one", 10).await;
        if outcome == (RunOutcome::Stopped { reason: StopReason::Operator }) {
            // What an agent still says while it is being stopped counts too.
            let id = task.clone();
            server.command(move |tx, context| commands::control::stop(tx, context, &id, "")).await.unwrap();
        }
        spend(&server, &order.run, "two", 20).await;
        server.report(&order.run, RunReport::Finished { outcome: outcome.clone(), exit_code: None }).await;
        let run = server.runs(&task).await.remove(0).run;
        assert_eq!((run.end.unwrap().result, run.tokens.cache_read, run.tokens.cache_write), (wanted, 4, 6), "{outcome:?}");
        assert_eq!(spent(&server, &task).await, (42, 42, 42), "{outcome:?}");
        let server = server.restart().await;
        assert_eq!(spent(&server, &task).await, (42, 42, 42), "{outcome:?}");
        check_rows(&server).await.unwrap();
    }
}

/// F-092, D-17, D-24: a run that concludes keeps its tokens whatever comes of the landing, and lists the files that it changed when it is done.
#[tokio::test]
async fn every_conclusion_keeps_the_tokens() {
    let done =
        Conclusion::Done { commit: "1".repeat(40), files_changed: vec!["src/a.rs".into(), "b".into()], lines_changed: 0, pushed: true };
    let conclusions = [
        (done, RunResult::Done, TaskStatus::Completed),
        (Conclusion::NothingToDo, RunResult::NoOp, TaskStatus::Completed),
        (Conclusion::VerifyFailed { command: "make".into(), exit_code: 1, tail: String::new() }, RunResult::Failed, TaskStatus::Paused),
        (Conclusion::MergeConflict { files: vec!["a".into()] }, RunResult::NotLanded, TaskStatus::Blocked),
        (Conclusion::PushFailed { message: "no".into() }, RunResult::NotLanded, TaskStatus::Blocked),
        (Conclusion::TargetDirty { path: "/home".into() }, RunResult::NotLanded, TaskStatus::Blocked),
        (Conclusion::Error { message: "disk".into() }, RunResult::Failed, TaskStatus::Paused),
    ];
    for (conclusion, result, status) in conclusions {
        let server = Harness::start().await;
        server.agents(1).await;
        let project = server.project("App", 1).await;
        let task = server.task(&project, "x", &[]).await;
        let order = server.start_order().await;
        server.running(&order.run).await;
        spend(&server, &order.run, "one", 36).await;
        let outcome = RunOutcome::Succeeded { summary: "did it".into() };
        server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
        server.report(&order.run, RunReport::Concluded { conclusion: conclusion.clone() }).await;
        server.until(&task, status).await;
        let run = server.runs(&task).await.remove(0).run;
        assert_eq!((run.end.unwrap().result, run.summary.as_str()), (result, "did it"), "{conclusion:?}");
        let files: &[&str] = if result == RunResult::Done { &["src/a.rs", "b"] } else { &[] };
        assert_eq!(run.files_changed, files, "{conclusion:?}");
        assert_eq!(spent(&server, &task).await, (42, 42, 42), "{conclusion:?}");
    }
}

/// D-12, F-075: an error of the server's own uses a try like any failure, so that it cannot go on for ever; a fault of the surroundings uses none, and
/// ends all the same.
#[tokio::test]
async fn no_failure_is_tried_for_ever() {
    for (class, runs, reason) in [
        (FailureClass::Internal, 3, BlockedReason::RetriesExhausted),
        (FailureClass::Verification, 3, BlockedReason::RetriesExhausted),
        (FailureClass::Silence, 3, BlockedReason::RetriesExhausted),
        (FailureClass::Lost, 10, BlockedReason::SameFailure),
        (FailureClass::Workspace, 10, BlockedReason::SameFailure),
        (FailureClass::Auth, 3, BlockedReason::Config),
        (FailureClass::Spawn, 3, BlockedReason::Config),
        (FailureClass::InvalidRequest, 1, BlockedReason::Config),
        (FailureClass::Timeout, 1, BlockedReason::Timeout),
    ] {
        let server = Harness::start().await;
        server.agents(1).await;
        let project = server.project("App", 1).await;
        let task = server.task(&project, "x", &[]).await;
        for number in 1..=runs {
            let order = server.start_order().await;
            assert_eq!(order.run.number, number, "{class:?}");
            server.running(&order.run).await;
            let outcome = RunOutcome::Failed { class, message: "the same".into() };
            server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
            server.clock.advance(3_600_000);
            server.wake.ring();
        }
        let blocked = server.until(&task, TaskStatus::Blocked).await;
        assert_eq!(blocked.blocked_reason, Some(reason), "{class:?}");
        assert!(server.nothing_started().await, "{class:?}");
    }
}

/// F-075, D-12: three equal failures in a row block a task however many tries it has left; another failure in between begins a new row.
#[tokio::test]
async fn three_equal_failures_block() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let mut new = new_task(&project, "x", &[]);
    new.max_retries = 20;
    let made = server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
    let task = made[0].task.id.clone();
    for message in
        ["error 1 at line 5", "Error 2 at line 77", "something else", "error 3 at line 9", "error 4 at line 9", "ERROR 5 at line 1"]
    {
        let order = server.start_order().await;
        server.running(&order.run).await;
        let outcome = RunOutcome::Failed { class: FailureClass::Agent, message: message.into() };
        server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
        server.clock.advance(3_600_000);
        server.wake.ring();
    }
    let blocked = server.until(&task, TaskStatus::Blocked).await;
    assert_eq!((blocked.blocked_reason, blocked.retry_count), (Some(BlockedReason::SameFailure), 6));
    // A restart forgets the row.
    let id = task.clone();
    let again = server.command(move |tx, context| commands::control::restart(tx, context, &id, "")).await.unwrap();
    assert_eq!((again.task.retry_count, again.failure), (0, None));
}

/// F-076, D-07, D-08: each run carries its two limits, the task's own, else the project's, else the configured, and never none.
#[tokio::test]
async fn limits_come_from_the_nearest() {
    let server = Harness::start().await;
    server.agents(3).await;
    let project = server.project("App", 3).await;
    let fields = commands::projects::ProjectFields { time_limit_ms: Some(Some(7_200_000)), ..Default::default() };
    let id = project.clone();
    server.command(move |tx, context| commands::projects::edit(tx, context, &id, &fields)).await.unwrap();
    let mut own = new_task(&project, "own", &[]);
    own.limits = OwnLimits { time_ms: Some(60_000), silence_ms: Some(5_000) };
    server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&own))).await.unwrap();
    server.task(&project, "plain", &[]).await;
    let configured = policy().run_limits;
    for (title, wanted) in [("own", (60_000, 5_000)), ("plain", (7_200_000, configured.silence_ms))] {
        let order = server.ordered(|order| match order {
            RunnerOrder::Start(start) if start.title == title => Some(start.as_ref().clone()),
            _ => None,
        });
        let order = order.await;
        let RunLimits { wall_ms, silence_ms, .. } = order.limits;
        assert_eq!((wall_ms, silence_ms), wanted, "{title}");
    }
    assert!(configured.wall_ms > 0 && configured.silence_ms > 0);
    let mut bad = new_task(&project, "bad", &[]);
    bad.limits = OwnLimits { time_ms: Some(0), silence_ms: Some(u64::MAX) };
    let refused = server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&bad))).await.unwrap_err();
    let commands::CommandError::Invalid(wrong) = refused else { panic!("{refused:?}") };
    assert_eq!(wrong.iter().map(|violation| violation.field.as_str()).collect::<Vec<_>>(), ["time_limit", "silence_limit"]);
    // They survive a restart of the server.
    let server = server.restart().await;
    let again = server
        .ordered(|order| match order {
            RunnerOrder::Start(start) if start.title == "own" => Some(start.limits),
            _ => None,
        })
        .await;
    assert_eq!((again.wall_ms, again.silence_ms), (60_000, 5_000));
    let (memory, rows) = both(&server, true).await;
    assert_eq!(memory, rows);
}

/// F-092: what a person sees of a stopped, failed or limited run says why it ended.
#[tokio::test]
async fn the_end_is_told_in_words() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "x", &[]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let outcome = RunOutcome::Failed { class: FailureClass::Timeout, message: "the run reached its time limit".into() };
    server.report(&order.run, RunReport::Finished { outcome, exit_code: None }).await;
    server.until(&task, TaskStatus::Blocked).await;
    let end = server.runs(&task).await.remove(0).run.end.unwrap();
    assert_eq!((end.class, end.message.as_str()), (Some(FailureClass::Timeout), "the run reached its time limit"));
}
