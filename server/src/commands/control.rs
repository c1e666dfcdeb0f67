//! What a person does to a task as a whole: stop, restart, skip, approve, reject, set its status, delete.
//!
//! A command records the intent and returns; a run that should no longer be is found and stopped by the orchestrator.

use aq_core::event::EventKind;
use aq_core::ids::TaskId;
use aq_core::run::RunResult;
use aq_core::task::{BlockedReason, TaskStatus, Trigger};
use serde_json::json;

use super::archive::not_archived;
use super::context::{Context, task};
use super::edit::{check_new_edge, promote};
use super::error::CommandError;
use super::propose;
use crate::lifecycle::{Move, Subject, Tx, announce, apply, reopen};
use crate::store::{TaskRecord, archive as rows, chains, dependencies, removal, runs, tasks};

/// Tasks named in a refusal.
const NAMED: i64 = 50;

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
    not_archived(&record)?;
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

/// What a skip led to.
#[derive(Clone, Debug)]
pub struct Skipped {
    /// The task, COMPLETED without its work.
    pub record: TaskRecord,
    /// Tasks that may start now.
    pub unblocked: Vec<TaskRecord>,
    /// Tasks that waited for it and still wait for others.
    pub waiting: Vec<TaskRecord>,
    /// The step of the same plan whose run lands the work of all of them now, because the skipped one was the last to be done.
    pub landing: Option<TaskRecord>,
}

/// Declares a BLOCKED or FAILED task as done without its work, so that what waits for it goes on. Was it the step that the landing of its plan
/// waited for, the work of the others is landed first.
///
/// # Errors
/// [`CommandError::Precondition`] in any other status.
pub fn skip(tx: &mut Tx<'_>, context: &Context, id: &TaskId) -> Result<Skipped, CommandError> {
    let mut record = task(tx.db, context, id)?;
    not_archived(&record)?;
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
    let landing = land_chain(tx, context, &record, &waited)?;
    apply(tx, &mut record, run, Move::by(&actor, Trigger::AdminSkip, context.now).with("skipped_from", status.as_str()))?;
    let mut waiting = tasks::by_keys(tx.db, &waited)?;
    waiting.sort_by_key(|dependent| dependent.key);
    let unblocked = waiting.extract_if(.., |dependent| dependent.task.status == TaskStatus::Ready).collect();
    Ok(Skipped { record, unblocked, waiting, landing })
}

/// The work of a plan's steps is kept on their branch until the last of them is done. When that one will not be done, the newest of the others lands
/// it. `waited` are tasks that wait for the one that goes: they wait for the landing instead.
fn land_chain(tx: &mut Tx<'_>, context: &Context, gone: &TaskRecord, waited: &[i64]) -> Result<Option<TaskRecord>, CommandError> {
    if !gone.task.is_plan_subtask {
        return Ok(None);
    }
    let mut steps = chains::steps(tx.db, gone)?;
    steps.retain(|step| step.key != gone.key);
    if steps.iter().any(|step| !step.task.status.satisfies_dependents()) {
        return Ok(None);
    }
    let mut ends = Vec::new();
    for step in steps.into_iter().filter(|step| !step.task.is_archived()) {
        let Some(run) = runs::get(tx.db, step.key, step.task.run_number)? else { continue };
        if let Some(end) = &run.run.end {
            ends.push((run.run.ended_at, end.result, step));
        }
    }
    ends.sort_by_key(|(at, _, step)| (*at, step.key));
    // What landed after the others were kept took their work along.
    let Some((_, RunResult::Kept, mut step)) =
        ends.into_iter().rev().find(|(_, result, _)| matches!(result, RunResult::Kept | RunResult::Done))
    else {
        return Ok(None);
    };
    // Met for now; with its next move the step counts as undone again, and they wait for it.
    for key in waited {
        let dependent = tasks::by_key(tx.db, *key)?;
        if check_new_edge(tx, &dependent, &step).is_ok() {
            dependencies::insert(tx.db, *key, step.key)?;
            let payload = json!({ "title": dependent.task.title, "depends_on": step.task.id.as_str(), "actor": context.actor() });
            announce(tx, EventKind::DependencyAdded, context.now, Subject::task(&dependent), payload)?;
        }
    }
    let (number, actor) = (step.task.run_number, context.actor());
    land_again(tx, &mut step, number, Move::by(&actor, Trigger::LandAgain, context.now).with("skipped", gone.task.id.as_str()))?;
    Ok(Some(step))
}

/// Approves finished work: its branch is landed now, and the task completes when it has. Work whose landing failed is landed once more.
///
/// # Errors
/// [`CommandError::Precondition`] unless the task is AWAITING_APPROVAL, or BLOCKED because its finished work did not reach its target, and a workspace is
/// free.
pub fn approve(tx: &mut Tx<'_>, context: &Context, id: &TaskId) -> Result<TaskRecord, CommandError> {
    let mut record = task(tx.db, context, id)?;
    let (status, run, actor) = (record.task.status, record.task.run_number, context.actor());
    if propose::is_proposal(&record) {
        return propose::accept(tx, context, record);
    }
    if record.task.blocked_reason.is_some_and(BlockedReason::is_landing) {
        land_again(tx, &mut record, run, Move::by(&actor, Trigger::LandAgain, context.now))?;
        return Ok(record);
    }
    if status != TaskStatus::AwaitingApproval {
        return Err(CommandError::status(
            "TASK_NOT_AWAITING_APPROVAL",
            id.as_str(),
            status,
            "only a task that awaits approval, a proposal, or work that could not be landed can be approved",
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
    // Work that did not reach its target has no commit of its own yet; its branch has.
    let stranded = record.task.blocked_reason.is_some_and(BlockedReason::is_landing);
    let Some(mut run) = runs::get(tx.db, record.key, number)?.filter(|run| stranded || !run.run.commit.is_empty()) else {
        let id = &record.task.id;
        return Err(CommandError::precondition(
            "NOTHING_TO_LAND",
            format!("task `{id}` has no finished work; restart it or skip it instead"),
        ));
    };
    run.run.workspace = tx.state.landing_workspace(&run.run).ok_or_else(|| {
        CommandError::precondition("NO_WORKSPACE", "every workspace of the project is in use; try again when a run has ended")
    })?;
    record.task.assigned_agent = Some(run.run.agent.clone());
    apply(tx, record, number, change)?;
    reopen(tx, record, &mut run)?;
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
    not_archived(&record)?;
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
    let open = rows::open_subtasks(tx.db, record.key, NAMED)?;
    if !open.is_empty() {
        let names = open.iter().map(|link| format!("{} ({})", link.id, link.status)).collect::<Vec<_>>().join(", ");
        return Err(CommandError::precondition(
            "SUBTASKS_UNFINISHED",
            format!("task `{id}` has unfinished subtasks: {names}; finish or delete them first"),
        ));
    }
    let met = status.satisfies_dependents();
    let downstream = dependencies::downstream(tx.db, record.key)?;
    // The edges go first: nobody is told of tasks that are stuck behind one that is going away, and a step that lands again in its place does not take it back.
    dependencies::remove_all(tx.db, record.key)?;
    if !met {
        let waited = tasks::by_keys(tx.db, &downstream)?;
        let waited: Vec<_> = waited.iter().filter(|task| task.task.status == TaskStatus::Defined).map(|task| task.key).collect();
        land_chain(tx, context, &record, &waited)?;
    }
    if !status.is_finished() {
        let change = Move::by(&actor, Trigger::stop_in(status), context.now)
            .because(BlockedReason::OperatorStop)
            .with("context", "the task is deleted");
        apply(tx, &mut record, run, change)?;
    }
    for mut dependent in tasks::by_keys(tx.db, &downstream)? {
        if !met {
            dependent.unmet = dependent.unmet.saturating_sub(1);
            tasks::set_unmet(tx.db, dependent.key, dependent.unmet)?;
            promote(tx, context, &mut dependent)?;
        }
    }
    record.deleted_at = Some(context.now);
    record.task.updated_at = context.now;
    tasks::edit(tx.db, &record)?;
    tasks::forget_texts(tx.db, record.key)?;
    removal::remove_belongings(tx.db, record.key)?;
    if !record.task.is_archived() {
        tx.state.count(&record.task.project, Some(record.task.status), None);
    }
    let payload = json!({ "title": title, "actor": actor });
    announce(tx, EventKind::TaskDeleted, context.now, Subject::task(&record), payload)?;
    record.task.title = title;
    Ok(record)
}
