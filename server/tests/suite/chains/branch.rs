//! Steps of a plan share a branch: one at a time, the last one lands it, and what becomes of that when a step fails, is skipped or is deleted.

use aq_core::output::FailureClass;
use aq_core::run::RunResult;
use aq_core::runner_link::{LandMode, RunnerOrder};
use aq_core::task::TaskStatus;
use aq_server::commands;

use super::{agree, conclude_order, done, fail, plan, result, worked};
use crate::harness::{Harness, new_task};

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
    fail(&server, &first.run, FailureClass::InvalidRequest).await;
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
    fail(&server, &second.run, FailureClass::InvalidRequest).await;
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
