//! Chains of tasks: steps of a plan on one branch, and what people are told and may do about those that are stuck. Here is what both play with.

mod branch;
mod health;

use aq_core::event::EventKind;
use aq_core::ids::{ProjectId, RunRef, TaskId};
use aq_core::output::FailureClass;
use aq_core::run::RunResult;
use aq_core::runner_link::{ConcludeRun, Conclusion, RunOutcome, RunReport, RunnerOrder};
use aq_server::commands;
use aq_server::store::events;

use crate::figures::{both, check_rows};
use crate::harness::{Harness, new_task};

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
