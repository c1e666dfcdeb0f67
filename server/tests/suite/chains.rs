//! Chains of tasks: steps of a plan on one branch, who is told when something is stuck, and what a skip or a restart means.

use aq_core::event::EventKind;
use aq_core::ids::{ProjectId, RunRef, TaskId};
use aq_core::output::FailureClass;
use aq_core::run::RunResult;
use aq_core::runner_link::{ConcludeRun, Conclusion, LandMode, RunOutcome, RunReport, RunnerOrder, StopReason};
use aq_core::task::TaskStatus;
use aq_server::clock::Clock as _;
use aq_server::commands;
use aq_server::orchestrator::tell_stuck;
use aq_server::store::events;

use crate::figures::{both, check_rows};
use crate::harness::{Harness, new_task};

/// An hour in milliseconds.
const HOUR: i64 = 3_600_000;

async fn agree(server: &Harness) {
    let (memory, rows) = both(server, false).await;
    assert_eq!(memory, rows);
    check_rows(server).await.unwrap();
}

/// A finished plan and its steps; with `chained` each waits for the one before.
async fn plan(server: &Harness, project: &ProjectId, titles: &[&str], chained: bool) -> (TaskId, Vec<TaskId>) {
    let parent = server.task(project, "The plan", &[]).await;
    let order = server.start_order().await;
    server.succeed(&order.run).await;
    let mut steps: Vec<TaskId> = Vec::new();
    for title in titles {
        let after: Vec<&TaskId> = if chained { steps.last().into_iter().collect() } else { Vec::new() };
        let mut new = new_task(project, title, &after);
        (new.parent, new.is_plan_subtask) = (Some(parent.clone()), true);
        let made = server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
        steps.push(made[0].task.id.clone());
    }
    (parent, steps)
}

/// Plays the agent's success, and returns the order to conclude.
async fn worked(server: &Harness, run: &RunRef) -> ConcludeRun {
    server.running(run).await;
    let outcome = RunOutcome::Succeeded { summary: format!("did {run}") };
    server.report(run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
    conclude_order(server, run).await
}

async fn conclude_order(server: &Harness, run: &RunRef) -> ConcludeRun {
    let wanted = run.clone();
    server
        .ordered(move |order| match order {
            RunnerOrder::Conclude(order) if order.run == wanted => Some(order.as_ref().clone()),
            _ => None,
        })
        .await
}

async fn done(server: &Harness, run: &RunRef) {
    let conclusion = Conclusion::Done { commit: "1".repeat(40), files_changed: vec!["a.txt".into()], lines_changed: 0, pushed: false };
    server.report(run, RunReport::Concluded { conclusion }).await;
}

async fn fail(server: &Harness, run: &RunRef, class: FailureClass) {
    server.running(run).await;
    let outcome = RunOutcome::Failed { class, message: format!("it failed with {class:?}") };
    server.report(run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
}

async fn result(server: &Harness, task: &TaskId) -> RunResult {
    server.runs(task).await.last().unwrap().run.end.as_ref().unwrap().result
}

/// The payloads of all events of a kind.
async fn told(server: &Harness, kind: EventKind) -> Vec<serde_json::Value> {
    let all = server.reader.read(|db| events::after(db, 0, i64::MAX)).await.unwrap();
    all.into_iter().filter(|event| event.kind == kind).map(|event| event.payload).collect()
}

/// F-083: the steps of a chained plan work on their parent's branch one after the other; all but the last only commit, the last one lands them.
#[tokio::test]
async fn the_last_step_lands_the_chain() {
    let server = Harness::start().await;
    server.agents(2).await;
    let project = server.project("App", 2).await;
    let (parent, steps) = plan(&server, &project, &["one", "two", "three"], true).await;
    let branch = server.get(&parent).await.branch.unwrap();
    for (number, step) in steps.iter().enumerate() {
        let order = server.start_order().await;
        assert_eq!((&order.run.task, &order.workspace.branch), (step, &branch));
        let conclude = worked(&server, &order.run).await;
        let last = number + 1 == steps.len();
        assert_eq!(conclude.land, if last { LandMode::Merge } else { LandMode::KeepBranch });
        assert_eq!(conclude.workspace.branch, branch);
        done(&server, &order.run).await;
        server.until(step, TaskStatus::Completed).await;
        assert_eq!(result(&server, step).await, if last { RunResult::Done } else { RunResult::Kept });
        agree(&server).await;
    }
}

/// F-083: steps that do not wait for each other still share a branch, so only one of them runs at a time, also after a restart of the server;
/// the next one starts when the first is over.
#[tokio::test]
async fn unchained_steps_run_one_at_a_time() {
    let server = Harness::start().await;
    server.agents(3).await;
    let project = server.project("App", 3).await;
    let (_, steps) = plan(&server, &project, &["one", "two"], false).await;
    let first = server.start_order().await;
    assert_eq!(first.run.task, steps[0]);
    assert!(server.nothing_started().await, "there are agents and workspaces, but the branch is in use");
    agree(&server).await;
    // Another task of the project is not held up.
    let other = server.task(&project, "other", &[]).await;
    assert_eq!(server.start_order().await.run.task, other);
    // Editing a waiting step does not put it into the queue.
    let id = steps[1].clone();
    let edit = commands::edit::TaskEdit { priority: Some(1), ..Default::default() };
    server.command(move |tx, context| commands::edit::edit(tx, context, &id, &edit)).await.unwrap();
    assert!(server.nothing_started().await);
    server.running(&first.run).await;
    let server = server.restart().await;
    agree(&server).await;
    server.ordered(|order| matches!(order, RunnerOrder::Start(_)).then_some(())).await;
    assert!(server.nothing_started().await);
    let conclude = worked(&server, &first.run).await;
    assert_eq!(conclude.land, LandMode::KeepBranch);
    assert!(server.nothing_started().await, "its work is not yet on the branch");
    done(&server, &first.run).await;
    let second = server.start_order().await;
    assert_eq!(second.run.task, steps[1]);
    assert_eq!(worked(&server, &second.run).await.land, LandMode::Merge);
    done(&server, &second.run).await;
    server.until(&steps[1], TaskStatus::Completed).await;
    agree(&server).await;
}

/// Chains R3: one decision that takes two steps of a branch starts only the first of them, and the agent that is left goes to somebody else.
#[tokio::test]
async fn one_decision_starts_one_step_of_a_branch() {
    let server = Harness::start().await;
    server.agents(2).await;
    let project = server.project("App", 2).await;
    let (parent, _) = plan(&server, &project, &[], false).await;
    let step = |title| {
        let mut new = new_task(&project, title, &[]);
        (new.parent, new.is_plan_subtask) = (Some(parent.clone()), true);
        new
    };
    let new = [step("one"), step("two"), new_task(&project, "other", &[])];
    let made = server.command(move |tx, context| commands::create::create(tx, context, &new)).await.unwrap();
    let started = [server.start_order().await.run.task, server.start_order().await.run.task];
    assert_eq!(started, [made[0].task.id.clone(), made[2].task.id.clone()]);
    agree(&server).await;
}

/// F-083: a step that fails for good holds up the landing, not its siblings; when it is done after all, it is the last and lands everything.
#[tokio::test]
async fn a_failed_step_holds_up_the_landing() {
    let server = Harness::start().await;
    server.agents(2).await;
    let project = server.project("App", 2).await;
    let (_, steps) = plan(&server, &project, &["one", "two"], false).await;
    let first = server.start_order().await;
    fail(&server, &first.run, FailureClass::Auth).await;
    server.until(&steps[0], TaskStatus::Blocked).await;
    let second = server.start_order().await;
    assert_eq!(worked(&server, &second.run).await.land, LandMode::KeepBranch);
    done(&server, &second.run).await;
    server.until(&steps[1], TaskStatus::Completed).await;
    let id = steps[0].clone();
    server.command(move |tx, context| commands::control::restart(tx, context, &id, "")).await.unwrap();
    let again = server.start_order().await;
    assert_eq!(again.workspace.branch, second.workspace.branch);
    assert_eq!(worked(&server, &again.run).await.land, LandMode::Merge);
    done(&server, &again.run).await;
    server.until(&steps[0], TaskStatus::Completed).await;
    agree(&server).await;
}

/// F-083: when the last step needs approval, the chain waits on its branch until it is given.
#[tokio::test]
async fn approval_of_the_last_step_lands_the_chain() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let (_, steps) = plan(&server, &project, &["one", "two"], true).await;
    let id = steps[1].clone();
    let edit = commands::edit::TaskEdit { requires_approval: Some(true), ..Default::default() };
    server.command(move |tx, context| commands::edit::edit(tx, context, &id, &edit)).await.unwrap();
    let first = server.start_order().await;
    worked(&server, &first.run).await;
    done(&server, &first.run).await;
    let second = server.start_order().await;
    assert_eq!(worked(&server, &second.run).await.land, LandMode::KeepBranch);
    done(&server, &second.run).await;
    server.until(&steps[1], TaskStatus::AwaitingApproval).await;
    let id = steps[1].clone();
    server.command(move |tx, context| commands::control::approve(tx, context, &id)).await.unwrap();
    assert_eq!(conclude_order(&server, &second.run).await.land, LandMode::Merge);
    done(&server, &second.run).await;
    server.until(&steps[1], TaskStatus::Completed).await;
    agree(&server).await;
}

/// F-083, F-086: skipping the step that the landing waited for lands the work of the others, and what waited for it starts only then.
#[tokio::test]
async fn skipping_the_last_step_lands_the_others() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let (_, steps) = plan(&server, &project, &["one", "two"], true).await;
    let after = server.task(&project, "ship it", &[&steps[1]]).await;
    let first = server.start_order().await;
    worked(&server, &first.run).await;
    done(&server, &first.run).await;
    let second = server.start_order().await;
    fail(&server, &second.run, FailureClass::Auth).await;
    server.until(&steps[1], TaskStatus::Blocked).await;
    let id = steps[1].clone();
    let skipped = server.command(move |tx, context| commands::control::skip(tx, context, &id)).await.unwrap();
    assert_eq!(skipped.landing.as_ref().map(|task| task.task.id.clone()), Some(steps[0].clone()));
    assert!(skipped.unblocked.is_empty(), "the work is not landed yet");
    assert_eq!(server.get(&steps[1]).await.status, TaskStatus::Completed);
    assert_eq!(server.get(&steps[0]).await.status, TaskStatus::Verifying);
    agree(&server).await;
    assert_eq!(conclude_order(&server, &first.run).await.land, LandMode::Merge);
    assert!(server.nothing_started().await);
    done(&server, &first.run).await;
    assert_eq!(server.start_order().await.run.task, after);
    assert_eq!(result(&server, &steps[0]).await, RunResult::Done);
    agree(&server).await;
}

/// F-012, F-083: deleting the last step while it is READY lands the work of the others, although it waits for the one that lands again. Found by a history.
#[tokio::test]
async fn deleting_a_ready_last_step_lands_the_others() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let (_, steps) = plan(&server, &project, &["one", "two"], true).await;
    let first = server.start_order().await;
    let owner = project.clone();
    server.command(move |tx, context| commands::projects::set_paused(tx, context, &owner, true).map(|_| ())).await.unwrap();
    worked(&server, &first.run).await;
    done(&server, &first.run).await;
    server.until(&steps[1], TaskStatus::Ready).await;
    let id = steps[1].clone();
    server.command(move |tx, context| commands::control::delete(tx, context, &id).map(|_| ())).await.unwrap();
    assert_eq!(server.get(&steps[0]).await.status, TaskStatus::Verifying);
    agree(&server).await;
}

/// F-083: a step whose work was ordered to stay on the branch lands it when it turns out to be the last: the other was skipped meanwhile.
#[tokio::test]
async fn a_step_that_became_the_last_lands() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let (_, steps) = plan(&server, &project, &["one", "two"], false).await;
    let first = server.start_order().await;
    let id = steps[1].clone();
    server.command(move |tx, context| commands::control::stop(tx, context, &id, "not needed")).await.unwrap();
    assert_eq!(worked(&server, &first.run).await.land, LandMode::KeepBranch);
    let id = steps[1].clone();
    let skipped = server.command(move |tx, context| commands::control::skip(tx, context, &id)).await.unwrap();
    assert!(skipped.landing.is_none(), "its run is still open and will see to it");
    done(&server, &first.run).await;
    assert_eq!(conclude_order(&server, &first.run).await.land, LandMode::Merge);
    done(&server, &first.run).await;
    server.until(&steps[0], TaskStatus::Completed).await;
    assert_eq!(result(&server, &steps[0]).await, RunResult::Done);
}

/// F-012, F-090, D-33: a task that becomes BLOCKED while others wait gives one notice with the list; one that nobody waits for gives none, nor does a
/// deletion.
#[tokio::test]
async fn a_block_tells_who_waits() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let root = server.task(&project, "root", &[]).await;
    let near = server.task(&project, "near", &[&root]).await;
    let far = server.task(&project, "far", &[&near]).await;
    let order = server.start_order().await;
    fail(&server, &order.run, FailureClass::Auth).await;
    server.until(&root, TaskStatus::Blocked).await;
    let notices = told(&server, EventKind::ChainStuck).await;
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0]["blocked_task"], root.as_str());
    assert_eq!(notices[0]["stuck"], serde_json::json!([near.as_str(), far.as_str()]));
    assert_eq!((&notices[0]["count"], &notices[0]["reason"]), (&2.into(), &"config".into()));
    assert!(notices[0]["remedy"].as_str().is_some_and(|remedy| remedy.contains("configuration")));
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
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let root = server.task(&project, "root", &[]).await;
    let near = server.task(&project, "near", &[&root]).await;
    let far = server.task(&project, "far", &[&near]).await;
    let order = server.start_order().await;
    fail(&server, &order.run, FailureClass::Auth).await;
    server.until(&root, TaskStatus::Blocked).await;
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

/// Chains R1, C-11: steps that were made before their parent began hold its branch for it and for each other, whatever it is called by then: one works at a
/// time, and passes do not turn in circles for the rest.
#[tokio::test]
async fn steps_made_before_their_parent_began_share_its_branch() {
    let server = Harness::start().await;
    let project = server.project("App", 3).await;
    let parent = server.task(&project, "The plan", &[]).await;
    let mut new = new_task(&project, "a step", &[]);
    (new.parent, new.is_plan_subtask, new.priority) = (Some(parent.clone()), true, 200);
    let made = server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
    let step = made[0].task.id.clone();
    let (renamed, edit) = (parent.clone(), commands::edit::TaskEdit { title: Some("Another name".into()), ..Default::default() });
    server.command(move |tx, context| commands::edit::edit(tx, context, &renamed, &edit).map(|_| ())).await.unwrap();
    server.agents(2).await;
    let first = server.start_order().await;
    assert_eq!(first.run.task, parent);
    assert!(server.nothing_started().await);
    agree(&server).await;
    let server = server.restart().await;
    assert_eq!(server.start_order().await.run, first.run);
    assert!(server.nothing_started().await);
    server.succeed(&first.run).await;
    let second = server.start_order().await;
    assert_eq!((second.run.task, second.workspace.branch), (step, first.workspace.branch));
    agree(&server).await;
}

/// chains R5a: a task outside of a plan that waits for an intermediate step waits for the steps that land its work as well, whether it is made so or told so
/// later; a step that waits for that task itself is left out.
#[tokio::test]
async fn an_outside_task_waits_for_the_landing() {
    let server = Harness::start().await;
    server.agents(3).await;
    let project = server.project("App", 4).await;
    let (_, steps) = plan(&server, &project, &["a", "b", "c"], true).await;
    let waits = server.task(&project, "waits", &[&steps[0]]).await;
    let told = server.task(&project, "told", &[]).await;
    let told_run = server.start_order().await;
    let first = if told_run.run.task == told { server.start_order().await } else { told_run.clone() };
    let (of, on) = (told.clone(), steps[0].clone());
    server.command(move |tx, context| commands::edit::add_dependency(tx, context, &of, &on)).await.unwrap();
    for id in [&waits, &told] {
        assert_eq!(server.record(id).await.unmet, 3, "{id}");
    }
    // The second step is made to wait for a task that is to wait for the first: the edge back is left out.
    let between = server.task(&project, "between", &[]).await;
    let (of, on) = (steps[2].clone(), between.clone());
    server.command(move |tx, context| commands::edit::add_dependency(tx, context, &of, &on)).await.unwrap();
    let (of, on) = (between.clone(), steps[0].clone());
    server.command(move |tx, context| commands::edit::add_dependency(tx, context, &of, &on)).await.unwrap();
    assert_eq!(server.record(&between).await.unmet, 2, "the first and the second, not the one that waits for it");
    assert_eq!(first.run.task, steps[0]);
    let order = worked(&server, &first.run).await;
    assert_eq!(order.land, LandMode::KeepBranch);
    done(&server, &first.run).await;
    server.until(&steps[0], TaskStatus::Completed).await;
    assert_eq!(server.get(&waits).await.status, TaskStatus::Defined, "its work is not on the target yet");
    agree(&server).await;
}
