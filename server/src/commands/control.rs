//! What a person does to a task as a whole: stop, restart, skip, approve, reject, set its status, delete.
//!
//! A command records the intent and returns; a run that should no longer be is found and stopped by the orchestrator.

use aq_core::event::EventKind;
use aq_core::ids::TaskId;
use aq_core::task::{BlockedReason, TaskStatus, Trigger};
use serde_json::json;

use super::context::{Context, task};
use super::edit::promote;
use super::error::CommandError;
use crate::lifecycle::{Move, Subject, Tx, announce, apply, reopen};
use crate::store::{TaskRecord, dependencies, questions, runs, tasks};

/// Stops a task: its run is ended, nothing of it is left, and it stays BLOCKED until a person restarts or skips it.
///
/// # Errors
/// [`CommandError::Precondition`] when the task is finished already.
pub fn stop(tx: &mut Tx<'_>, context: &Context, id: &TaskId, reason: &str) -> Result<TaskRecord, CommandError> {
    let mut record = task(tx.db, context, id)?;
    let (status, run, actor) = (record.task.status, record.task.run_number, context.actor());
    if status.is_finished() {
        return Err(CommandError::status("TASK_NOT_STOPPABLE", id.as_str(), status, "there is nothing to stop"));
    }
    let change = Move::by(&actor, Trigger::stop_in(status), context.now)
        .because(BlockedReason::OperatorStop)
        .with("context", if reason.is_empty() { "stopped by a person" } else { reason });
    apply(tx, &mut record, run, change)?;
    Ok(record)
}

/// Starts a task over: retries are counted from zero, what it waits for is heeded. Feedback is added to its description.
///
/// # Errors
/// [`CommandError::Precondition`] while it runs: stop it first.
pub fn restart(tx: &mut Tx<'_>, context: &Context, id: &TaskId, feedback: &str) -> Result<TaskRecord, CommandError> {
    let mut record = task(tx.db, context, id)?;
    let (status, run, actor) = (record.task.status, record.task.run_number, context.actor());
    match status {
        TaskStatus::InProgress | TaskStatus::Assigned | TaskStatus::Verifying | TaskStatus::WaitingInput => {
            return Err(CommandError::status("TASK_RUNNING", id.as_str(), status, "it is in progress; stop it first"));
        }
        TaskStatus::Ready => {
            return Err(CommandError::status("TASK_READY", id.as_str(), status, "it is about to start; there is nothing to restart"));
        }
        _ => {}
    }
    let trigger = if feedback.trim().is_empty() {
        Trigger::AdminRestart
    } else {
        if matches!(status, TaskStatus::Defined) {
            return Err(CommandError::status("TASK_NOT_STARTED", id.as_str(), status, "it has not run yet; edit its description instead"));
        }
        record.task.description = format!("{}\n\n---\n**QA Feedback:**\n{}", record.task.description.trim_end(), feedback.trim());
        tasks::edit(tx.db, &record)?;
        Trigger::Reopen
    };
    record.task.retry_count = 0;
    record.failure = None;
    apply(tx, &mut record, run, Move::by(&actor, trigger, context.now).with("feedback", feedback))?;
    Ok(record)
}

/// Declares a BLOCKED or FAILED task as done without its work, so that what waits for it goes on. Returns it and the tasks that may start now.
///
/// # Errors
/// [`CommandError::Precondition`] in any other status.
pub fn skip(tx: &mut Tx<'_>, context: &Context, id: &TaskId) -> Result<(TaskRecord, Vec<TaskRecord>), CommandError> {
    let mut record = task(tx.db, context, id)?;
    let (status, run, actor) = (record.task.status, record.task.run_number, context.actor());
    if !matches!(status, TaskStatus::Blocked | TaskStatus::Failed) {
        return Err(CommandError::status("TASK_NOT_SKIPPABLE", id.as_str(), status, "only blocked or failed tasks can be skipped"));
    }
    let downstream = dependencies::downstream(tx.db, record.key)?;
    let waited: Vec<_> = tasks::by_keys(tx.db, &downstream)?
        .into_iter()
        .filter(|dependent| dependent.task.status == TaskStatus::Defined)
        .map(|dependent| dependent.key)
        .collect();
    apply(tx, &mut record, run, Move::by(&actor, Trigger::AdminSkip, context.now).with("skipped_from", status.as_str()))?;
    let mut unblocked = tasks::by_keys(tx.db, &waited)?;
    unblocked.retain(|dependent| dependent.task.status == TaskStatus::Ready);
    unblocked.sort_by_key(|dependent| dependent.key);
    Ok((record, unblocked))
}

/// Approves finished work: its branch is landed now, and the task completes when it has.
///
/// # Errors
/// [`CommandError::Precondition`] unless the task is AWAITING_APPROVAL with finished work and a workspace is free.
pub fn approve(tx: &mut Tx<'_>, context: &Context, id: &TaskId) -> Result<TaskRecord, CommandError> {
    let mut record = task(tx.db, context, id)?;
    let (status, run, actor) = (record.task.status, record.task.run_number, context.actor());
    if status != TaskStatus::AwaitingApproval {
        return Err(CommandError::status(
            "TASK_NOT_AWAITING_APPROVAL",
            id.as_str(),
            status,
            "only a task that awaits approval can be approved",
        ));
    }
    record.task.requires_approval = false;
    tasks::edit(tx.db, &record)?;
    land_again(tx, &mut record, run, Move::by(&actor, Trigger::ApprovedToLand, context.now))?;
    Ok(record)
}

/// Takes up the run of a task again to land its branch. The run's leases are its own only while a workspace is free.
fn land_again(tx: &mut Tx<'_>, record: &mut TaskRecord, number: u32, change: Move<'_>) -> Result<(), CommandError> {
    if let Some(open) = tx.state.runs.get(&record.key) {
        return Err(CommandError::precondition("RUN_NOT_OVER", format!("run {} has not ended yet; try again when it has", open.run)));
    }
    let Some(mut run) = runs::get(tx.db, record.key, number)?.filter(|run| !run.run.commit.is_empty()) else {
        let id = &record.task.id;
        return Err(CommandError::precondition(
            "NOTHING_TO_LAND",
            format!("task `{id}` has no finished work; restart it or skip it instead"),
        ));
    };
    if tx.state.leased.contains_key(&run.run.workspace) || !tx.state.workspaces.contains_key(&run.run.workspace) {
        let free = tx.state.free_workspace(&record.task.project).map(|workspace| workspace.id.clone());
        run.run.workspace = free.ok_or_else(|| {
            CommandError::precondition("NO_WORKSPACE", "every workspace of the project is in use; try again when a run has ended")
        })?;
    }
    record.task.assigned_agent = Some(run.run.agent.clone());
    apply(tx, record, number, change)?;
    reopen(tx, &mut run)?;
    Ok(())
}

/// Refuses finished work.
///
/// # Errors
/// [`CommandError::Precondition`] unless the task is AWAITING_APPROVAL.
pub fn reject(tx: &mut Tx<'_>, context: &Context, id: &TaskId, reason: &str) -> Result<TaskRecord, CommandError> {
    let mut record = task(tx.db, context, id)?;
    let (status, run, actor) = (record.task.status, record.task.run_number, context.actor());
    if status != TaskStatus::AwaitingApproval {
        return Err(CommandError::status(
            "TASK_NOT_AWAITING_APPROVAL",
            id.as_str(),
            status,
            "only a task that awaits approval can be rejected",
        ));
    }
    let change = Move::by(&actor, Trigger::AdminReject, context.now).because(BlockedReason::ApprovalRejected).with("context", reason);
    apply(tx, &mut record, run, change)?;
    Ok(record)
}

/// Writes a status by hand, as its own kind of move and event.
///
/// # Errors
/// [`CommandError::Precondition`] for a status that a live run stands behind, or the one it has.
pub fn set_status(tx: &mut Tx<'_>, context: &Context, id: &TaskId, status: TaskStatus, reason: &str) -> Result<TaskRecord, CommandError> {
    let mut record = task(tx.db, context, id)?;
    let (run, actor) = (record.task.run_number, context.actor());
    // PAUSED needs an instant; by hand it means "right after this moment", and BLOCKED means that a person stopped it.
    let change = Move::by(&actor, Trigger::SetStatus(status), context.now)
        .because(BlockedReason::OperatorStop)
        .until(context.now)
        .with("context", reason);
    apply(tx, &mut record, run, change)?;
    if record.task.status == TaskStatus::Defined {
        promote(tx, context, &mut record)?;
    }
    Ok(record)
}

/// Deletes a task. Its run is stopped, what waits for it no longer does so, its name stays taken and what it cost stays counted.
///
/// # Errors
/// [`CommandError::Precondition`] while it has unfinished subtasks.
pub fn delete(tx: &mut Tx<'_>, context: &Context, id: &TaskId) -> Result<TaskRecord, CommandError> {
    let mut record = task(tx.db, context, id)?;
    let title = record.task.title.clone();
    let (status, run, actor) = (record.task.status, record.task.run_number, context.actor());
    if !status.is_finished() {
        let change = Move::by(&actor, Trigger::stop_in(status), context.now)
            .because(BlockedReason::OperatorStop)
            .with("context", "the task is deleted");
        apply(tx, &mut record, run, change)?;
    }
    let met = record.task.status.satisfies_dependents();
    let downstream = dependencies::downstream(tx.db, record.key)?;
    dependencies::remove_all(tx.db, record.key)?;
    for mut dependent in tasks::by_keys(tx.db, &downstream)? {
        if !met {
            dependent.unmet = dependent.unmet.saturating_sub(1);
            tasks::set_unmet(tx.db, dependent.key, dependent.unmet)?;
            promote(tx, context, &mut dependent)?;
        }
    }
    questions::close_all(tx.db, record.key, run, "the task was deleted", context.now)?;
    record.deleted_at = Some(context.now);
    record.task.updated_at = context.now;
    tasks::edit(tx.db, &record)?;
    tasks::forget_texts(tx.db, record.key)?;
    tx.state.count(&record.task.project, Some(record.task.status), None);
    let payload = json!({ "title": title, "actor": actor });
    announce(tx, EventKind::TaskDeleted, context.now, Subject::task(&record), payload)?;
    record.task.title = title;
    Ok(record)
}
