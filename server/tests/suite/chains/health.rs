//! Who is told when something is stuck, and what a restart, a pause or a stop means.

use aq_core::event::EventKind;
use aq_core::ids::{ProjectId, TaskId};
use aq_core::output::FailureClass;
use aq_core::run::RunResult;
use aq_core::runner_link::{LandMode, RunOutcome, RunReport, StopReason};
use aq_core::task::TaskStatus;
use aq_server::clock::Clock as _;
use aq_server::commands;
use aq_server::orchestrator::tell_stuck;

use super::{agree, done, fail, result, told, worked};
use crate::harness::Harness;

/// An hour in milliseconds.
const HOUR: i64 = 3_600_000;

/// A server, its project, and three tasks in a row, the first of which is BLOCKED.
async fn stuck() -> (Harness, ProjectId, [TaskId; 3]) {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let root = server.task(&project, "root", &[]).await;
    let near = server.task(&project, "near", &[&root]).await;
    let far = server.task(&project, "far", &[&near]).await;
    let order = server.start_order().await;
    fail(&server, &order.run, FailureClass::InvalidRequest).await;
    server.until(&root, TaskStatus::Blocked).await;
    (server, project, [root, near, far])
}

/// F-012, F-090, D-33: a task that becomes BLOCKED while others wait gives one notice with the list; one that nobody waits for gives none, nor does a
/// deletion.
#[tokio::test]
async fn a_block_tells_who_waits() {
    let (server, project, [root, near, far]) = stuck().await;
    let notices = told(&server, EventKind::ChainStuck).await;
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0]["blocked_task"], root.as_str());
    assert_eq!(notices[0]["stuck"], serde_json::json!([near.as_str(), far.as_str()]));
    assert_eq!((&notices[0]["count"], &notices[0]["reason"]), (&2.into(), &"config".into()));
    assert!(notices[0]["remedy"].as_str().is_some_and(|remedy| remedy.contains("resume the agent")));
    let id = far.clone();
    server.command(move |tx, context| commands::control::stop(tx, context, &id, "")).await.unwrap();
    let alone = server.task(&project, "alone", &[]).await;
    server.task(&project, "behind", &[&alone]).await;
    server.command(move |tx, context| commands::control::delete(tx, context, &alone)).await.unwrap();
    assert_eq!(told(&server, EventKind::ChainStuck).await.len(), 1);
}

/// F-026, F-090, D-33: a task that has waited for long behind one that cannot complete is told of once per threshold, through others too, with who is
/// in its way and since when; what went on is forgotten.
#[tokio::test]
async fn stuck_tasks_are_told_once_per_threshold() {
    let (server, _, [root, _, far]) = stuck().await;
    let look = async |threshold: i64| tell_stuck(&server.engine, &server.reader, threshold, server.clock.now()).await.unwrap();
    assert_eq!(look(HOUR).await, 0, "nobody has waited for long");
    server.clock.advance(2 * HOUR);
    assert_eq!(look(0).await, 0, "switched off");
    assert_eq!(look(3 * HOUR).await, 0, "the threshold is honoured");
    assert_eq!(look(HOUR).await, 2);
    assert_eq!(look(HOUR).await, 0, "once per threshold");
    let notices = told(&server, EventKind::TaskStuck).await;
    assert_eq!(notices.iter().map(|notice| notice["title"].clone()).collect::<Vec<_>>(), ["near", "far"]);
    assert_eq!(notices[1]["waiting_on"], serde_json::json!([format!("{root} (BLOCKED)")]));
    assert_eq!((&notices[1]["hours"], &notices[1]["blockers"]), (&2.0.into(), &1.into()));
    server.clock.advance(HOUR);
    assert_eq!(look(HOUR).await, 2, "again after the threshold");
    // It goes on, and is stuck anew another time.
    server.command(|tx, context| commands::system::set_paused(tx, context, true, "")).await.unwrap();
    let id = root.clone();
    server.command(move |tx, context| commands::control::restart(tx, context, &id, "")).await.unwrap();
    assert_eq!(look(HOUR).await, 0);
    let id = root.clone();
    server.command(move |tx, context| commands::control::stop(tx, context, &id, "")).await.unwrap();
    assert_eq!(look(HOUR).await, 2, "it was forgotten that they were told of");
    // What was told survives a restart of the server.
    let server = server.restart().await;
    assert_eq!(tell_stuck(&server.engine, &server.reader, HOUR, server.clock.now()).await.unwrap(), 0);
    assert_eq!(server.get(&far).await.status, TaskStatus::Defined);
}

/// F-087, F-088: a restart starts over with fresh tries and heeds what the task waits for; feedback is added to the description, and the need for
/// approval stays.
#[tokio::test]
async fn restart_and_reopen() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "x", &[]).await;
    let id = task.clone();
    let edit = commands::edit::TaskEdit { requires_approval: Some(true), ..Default::default() };
    server.command(move |tx, context| commands::edit::edit(tx, context, &id, &edit)).await.unwrap();
    let order = server.start_order().await;
    worked(&server, &order.run).await;
    done(&server, &order.run).await;
    server.until(&task, TaskStatus::AwaitingApproval).await;
    let id = task.clone();
    let reopened = server.command(move |tx, context| commands::control::restart(tx, context, &id, "  Use tabs.  ")).await.unwrap();
    assert!(reopened.task.description.ends_with("\n\n---\n**QA Feedback:**\nUse tabs."), "{}", reopened.task.description);
    assert_eq!((reopened.task.retry_count, reopened.task.requires_approval), (0, true));
    let again = server.start_order().await;
    assert!(again.prompt.contains("Use tabs."));
    assert_eq!(worked(&server, &again.run).await.land, LandMode::KeepBranch, "approval is still needed");
    done(&server, &again.run).await;
    server.until(&task, TaskStatus::AwaitingApproval).await;
    // Gated: what it waits for is not done.
    let other = server.task(&project, "other", &[]).await;
    let held = server.start_order().await;
    assert_eq!(held.run.task, other);
    let (id, on) = (task.clone(), other.clone());
    server.command(move |tx, context| commands::edit::add_dependency(tx, context, &id, &on)).await.unwrap();
    let id = task.clone();
    let restarted = server.command(move |tx, context| commands::control::restart(tx, context, &id, "")).await.unwrap();
    assert_eq!(restarted.task.status, TaskStatus::Defined);
    let refused = server.command(move |tx, context| commands::control::restart(tx, context, &other, "")).await;
    assert!(matches!(refused, Err(commands::CommandError::Precondition { reason: "TASK_RUNNING", .. })), "{refused:?}");
}

/// F-089: a paused agent finishes what it does and takes nothing new until it is resumed.
#[tokio::test]
async fn a_paused_agent_takes_nothing_new() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 2).await;
    let (first, second) = (server.task(&project, "a", &[]).await, server.task(&project, "b", &[]).await);
    let order = server.start_order().await;
    let agent = order.agent.clone();
    server.command(move |tx, context| commands::agents::set_paused(tx, context, &agent, true)).await.unwrap();
    server.succeed(&order.run).await;
    server.until(&first, TaskStatus::Completed).await;
    assert!(server.nothing_started().await);
    let agent = order.agent.clone();
    server.command(move |tx, context| commands::agents::set_paused(tx, context, &agent, false)).await.unwrap();
    assert_eq!(server.start_order().await.run.task, second);
}

/// D-02, D-03, F-085: whatever a stopped run still says, its task stays BLOCKED and is not started again; the agent and the workspace are free.
#[tokio::test]
async fn nothing_revives_a_stopped_task() {
    let outcomes = [
        RunOutcome::Succeeded { summary: "too late".into() },
        RunOutcome::Failed { class: FailureClass::Agent, message: "Cancelled".into() },
        RunOutcome::Failed { class: FailureClass::Lost, message: "gone".into() },
        RunOutcome::Limited { window: "five_hour".into(), resets_at: None, message: "limit".into() },
        RunOutcome::Stopped { reason: StopReason::Operator },
        RunOutcome::Stopped { reason: StopReason::Shutdown },
        RunOutcome::Stopped { reason: StopReason::Limit },
    ];
    for outcome in outcomes {
        let server = Harness::start().await;
        server.agents(1).await;
        let project = server.project("App", 1).await;
        let task = server.task(&project, "x", &[]).await;
        let order = server.start_order().await;
        server.running(&order.run).await;
        let id = task.clone();
        server.command(move |tx, context| commands::control::stop(tx, context, &id, "enough")).await.unwrap();
        server.report(&order.run, RunReport::Finished { outcome: outcome.clone(), exit_code: None }).await;
        server.clock.advance(24 * HOUR);
        assert!(server.nothing_started().await, "{outcome:?}");
        let stopped = server.get(&task).await;
        assert_eq!((stopped.status, stopped.retry_count, stopped.run_number), (TaskStatus::Blocked, 0, 1), "{outcome:?}");
        assert_eq!(stopped.blocked_reason, Some(aq_core::task::BlockedReason::OperatorStop));
        assert_eq!(result(&server, &task).await, RunResult::Stopped);
        server.task(&project, "next", &[]).await;
        assert_eq!(server.start_order().await.title, "next", "agent and workspace are free");
        agree(&server).await;
    }
}
