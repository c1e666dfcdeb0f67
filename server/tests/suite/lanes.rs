//! What tasks ask of their agents: filler work, falling back to another runtime, and the line each stands in, through the real store and orchestrator.

use aq_core::account::Account;
use aq_core::ids::{AccountId, RunRef};
use aq_core::output::{LimitNotice, LimitStatus, OutputBody, OutputItem};
use aq_core::run::RunResult;
use aq_core::runner_link::{RunOutcome, RunReport, RunnerOrder, StopReason};
use aq_core::runtime::{RuntimeKind, RuntimeSet};
use aq_core::task::{Needs, TaskStatus};
use aq_core::time::Timestamp;
use aq_server::clock::Clock as _;
use aq_server::commands;
use aq_server::commands::accounts::AccountFields;
use aq_server::commands::agents::AgentFields;
use aq_server::commands::create::NewTask;
use aq_server::commands::edit::TaskEdit;

use crate::harness::{Harness, new_task};

const HOUR: i64 = 3_600_000;

async fn account(server: &Harness) -> AccountId {
    let fields = AccountFields { name: Some("Max".into()), ..AccountFields::default() };
    let made: Account = server.command(move |tx, context| commands::accounts::create(tx, context, &fields)).await.unwrap();
    made.id
}

async fn agent(server: &Harness, name: &str, runtime: RuntimeKind, account: Option<AccountId>) {
    let fields = AgentFields { name: Some(name.into()), runtime: Some(runtime), account: Some(account), ..AgentFields::default() };
    server.command(move |tx, context| commands::agents::create(tx, context, &fields)).await.unwrap();
}

async fn create(server: &Harness, new: NewTask) -> aq_core::ids::TaskId {
    let made = server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
    made[0].task.id.clone()
}

async fn heard(server: &Harness, run: &RunRef, seq: u64, status: LimitStatus, used: f64, resets_at: Timestamp) {
    let notice = LimitNotice { window: "five_hour".into(), status, used: Some(used), resets_at: Some(resets_at), source: "test".into() };
    let items = vec![OutputItem { seq, at: server.clock.now(), body: OutputBody::Limit(notice) }];
    server.report(run, RunReport::Output { items }).await;
}

/// limits R8, schedule R15: a filler task waits while regular work could still use the window, and starts when it would expire.
#[tokio::test]
async fn filler_starts_only_in_what_would_expire() {
    let server = Harness::start().await;
    let max = account(&server).await;
    agent(&server, "Nova", RuntimeKind::Scripted, Some(max.clone())).await;
    let project = server.project("App", 3).await;
    let regular = server.task(&project, "regular", &[]).await;
    let start = server.start_order().await;
    server.running(&start.run).await;
    let reset = server.clock.now().plus_millis(5 * HOUR);
    heard(&server, &start.run, 1, LimitStatus::Allowed, 0.5, reset).await;
    let filler = create(&server, NewTask { filler: true, ..new_task(&project, "someday", &[]) }).await;
    server.succeed(&start.run).await;
    server.until(&regular, TaskStatus::Completed).await;
    assert!(server.nothing_started().await, "half the window is used and hardly any of its time has passed");
    // An hour before the reset three quarters of the time are gone: what is left would expire.
    server.clock.advance(4 * HOUR);
    server.wake.ring();
    assert_eq!(server.start_order().await.run.task, filler);
}

/// schedule R16, limits R10, explain R6: while the account of its runtime is refused a task goes to one that it names; cut by the refusal itself it goes on
/// there at once, in a session of its own, with no try used.
#[tokio::test]
async fn a_refused_task_falls_back() {
    let server = Harness::start().await;
    let max = account(&server).await;
    agent(&server, "Clara", RuntimeKind::Claude, Some(max.clone())).await;
    let project = server.project("App", 3).await;
    let fallback = RuntimeSet::EMPTY.with(RuntimeKind::Codex);
    let new = NewTask { runtime: Some(RuntimeKind::Claude), fallback, model: Some("opus".into()), ..new_task(&project, "build", &[]) };
    let id = create(&server, new.clone()).await;
    let alone = create(&server, NewTask { fallback: RuntimeSet::EMPTY, ..new }).await;
    let start = server.start_order().await;
    assert_eq!((&start.run.task, start.profile.model.as_str()), (&id, "opus"));
    server.running(&start.run).await;
    agent(&server, "Cody", RuntimeKind::Codex, None).await;
    agent(&server, "Gem", RuntimeKind::Gemini, None).await;
    assert!(server.nothing_started().await, "its own runtime is not refused, only busy");
    let reset = server.clock.now().plus_millis(5 * HOUR);
    let outcome = RunOutcome::Limited { window: "five_hour".into(), resets_at: Some(reset), message: "limit".into() };
    server.report(&start.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
    let again = server.start_order().await;
    assert_eq!((again.run.clone(), again.runtime), (RunRef { task: id.clone(), number: 2 }, RuntimeKind::Codex));
    assert_eq!(again.profile.model, "", "a model is named in the words of one runtime");
    assert_eq!(server.get(&id).await.retry_count, 0);
    assert!(server.nothing_started().await, "the other one allows no runtime but its own");
    assert_eq!(server.get(&alone).await.status, TaskStatus::Ready);
    server.succeed(&again.run).await;
    server.until(&id, TaskStatus::Completed).await;
}

/// limits R9: one refusal pauses the runs on the account that have barely begun; one that has spent something goes on. No try is used, and the sessions are kept.
#[tokio::test]
async fn a_refusal_pauses_beginners() {
    let server = Harness::start().await;
    let max = account(&server).await;
    for name in ["Ann", "Ben", "Cid", "Dan"] {
        agent(&server, name, RuntimeKind::Scripted, Some(max.clone())).await;
    }
    agent(&server, "Eve", RuntimeKind::Scripted, None).await;
    let project = server.project("App", 5).await;
    let mut starts = Vec::new();
    for title in ["a", "b", "c", "d", "e"] {
        server.task(&project, title, &[]).await;
        starts.push(server.start_order().await);
    }
    for start in &starts[..4] {
        server.running(&start.run).await;
    }
    // The third has spent something; the fourth runs and has not; the fifth belongs to an agent without account.
    let tokens = aq_core::output::TokenUsage { input: 9, ..Default::default() };
    let body = OutputBody::Usage { message_id: "m".into(), model: String::new(), tokens, cost_micros: None };
    server.report(&starts[2].run, RunReport::Output { items: vec![OutputItem { seq: 1, at: server.clock.now(), body }] }).await;
    let reset = server.clock.now().plus_millis(5 * HOUR);
    let outcome = RunOutcome::Limited { window: "five_hour".into(), resets_at: Some(reset), message: "limit".into() };
    server.report(&starts[0].run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
    for index in [0, 1, 3] {
        let task = server.until(&starts[index].run.task, TaskStatus::Paused).await;
        assert_eq!(task.retry_count, 0);
        let at = task.resume_after.unwrap();
        assert!(if index == 0 { at == reset } else { at > reset && at <= reset.plus_millis(31_000) }, "{index}: {at}");
    }
    for index in [2, 4] {
        assert!(server.get(&starts[index].run.task).await.status.is_live(), "{index}");
    }
    for index in [1, 3] {
        let run = starts[index].run.clone();
        let wanted = run.clone();
        let reason = server.ordered(move |order| match order {
            RunnerOrder::Stop { run, reason } if *run == wanted => Some(*reason),
            _ => None,
        });
        assert_eq!(reason.await, StopReason::Limit);
        server.report(&run, RunReport::Finished { outcome: RunOutcome::Stopped { reason: StopReason::Limit }, exit_code: None }).await;
        let end = server.runs(&run.task).await[0].run.end.clone().unwrap();
        assert_eq!(end.result, RunResult::Limited);
    }
}

/// core/task R11: the line a task stands in follows every edit and every restart of the server; what makes no sense is refused.
#[tokio::test]
async fn the_line_follows_the_task() {
    let server = Harness::start().await;
    let project = server.project("App", 1).await;
    let id = server.task(&project, "wait", &[]).await;
    let wants = TaskEdit {
        runtime: Some(Some(RuntimeKind::Claude)),
        fallback: Some(RuntimeSet::EMPTY.with(RuntimeKind::Gemini)),
        filler: Some(true),
        ..TaskEdit::default()
    };
    let edited = id.clone();
    server.command(move |tx, context| commands::edit::edit(tx, context, &edited, &wants)).await.unwrap();
    for wrong in [Some(RuntimeKind::Gemini), None] {
        let edited = id.clone();
        let edit = TaskEdit { runtime: Some(wrong), ..TaskEdit::default() };
        assert!(server.command(move |tx, context| commands::edit::edit(tx, context, &edited, &edit)).await.is_err());
    }
    let expected = Needs { runtime: Some(RuntimeKind::Claude), fallback: RuntimeSet::EMPTY.with(RuntimeKind::Gemini), filler: true };
    let lines = |server: &Harness| {
        let (engine, project) = (server.engine.clone(), project.clone());
        async move {
            let read = move |tx: &mut aq_server::lifecycle::Tx<'_>| {
                Ok::<_, commands::CommandError>(tx.state.projects[&project].ready.keys().copied().collect::<Vec<_>>())
            };
            engine.submit(read).await.unwrap()
        }
    };
    assert_eq!(lines(&server).await, [expected]);
    let server = server.kill().await;
    assert_eq!((lines(&server).await, server.get(&id).await.needs()), (vec![expected], expected));
}
