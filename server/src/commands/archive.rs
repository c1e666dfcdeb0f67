//! Archiving finished tasks and bringing them back. The files that tell of them are written by the caller, after the commit.

use aq_core::ids::{ProjectId, TaskId};
use aq_core::task::TaskStatus;

use super::context::{Context, project, task};
use super::error::CommandError;
use crate::lifecycle::{self, Tx};
use crate::store::{StoreError, TaskLink, TaskRecord, archive as rows, chains, tasks};

/// Most tasks named in one call.
pub const MAX_NAMED: usize = 200;
/// Most tasks of a project archived in one call.
const MAX_OF_PROJECT: i64 = 1_000;
/// Tasks named in a refusal or a list.
const NAMED: i64 = 50;

/// A task that was archived.
#[derive(Clone, Debug)]
pub struct Archived {
    /// The task.
    pub record: TaskRecord,
    /// Unfinished tasks that still wait for it: it was not COMPLETED, and the archive releases nobody.
    pub waiting: Vec<TaskLink>,
}

/// A finished task that stays where it is.
#[derive(Clone, Debug)]
pub struct Left {
    /// The task.
    pub record: TaskRecord,
    /// Why, for people.
    pub reason: String,
}

/// Archives these tasks, all of them or none.
///
/// # Errors
/// [`CommandError::Precondition`] for the first that is not finished, is archived already, has unfinished subtasks, or whose last run has
/// not ended.
pub fn archive(tx: &mut Tx<'_>, context: &Context, ids: &[TaskId]) -> Result<Vec<Archived>, CommandError> {
    let mut archived = Vec::with_capacity(ids.len());
    for id in ids {
        let record = task(tx.db, context, id)?;
        if let Some((reason, sentence)) = obstacle(tx, &record)? {
            return Err(CommandError::precondition(reason, sentence));
        }
        archived.push(put_away(tx, context, record)?);
    }
    Ok(archived)
}

/// Archives the finished tasks of a project; with `include_failed` also FAILED and BLOCKED ones. Returns also those that had to stay.
///
/// # Errors
/// [`CommandError::NotFound`] for an unknown project.
pub fn archive_project(
    tx: &mut Tx<'_>,
    context: &Context,
    id: &ProjectId,
    include_failed: bool,
) -> Result<(Vec<Archived>, Vec<Left>), CommandError> {
    project(tx.state, context, id)?;
    let all = [TaskStatus::Completed, TaskStatus::Failed, TaskStatus::Blocked];
    let statuses = if include_failed { all.as_slice() } else { &[TaskStatus::Completed] };
    let (mut archived, mut left) = (Vec::new(), Vec::new());
    for key in rows::finished(tx.db, id, statuses, MAX_OF_PROJECT)? {
        let record = tasks::by_key(tx.db, key)?;
        match obstacle(tx, &record)? {
            Some((_, reason)) => left.push(Left { record, reason }),
            None => archived.push(put_away(tx, context, record)?),
        }
    }
    Ok((archived, left))
}

/// Brings an archived task back under its id with fresh tries; it runs anew, when what it waits for is done.
///
/// # Errors
/// [`CommandError::Precondition`] when it is not in the archive.
pub fn restore(tx: &mut Tx<'_>, context: &Context, id: &TaskId) -> Result<TaskRecord, CommandError> {
    let mut record = task(tx.db, context, id)?;
    project(tx.state, context, &record.task.project.clone())?;
    if !lifecycle::restore(tx, &mut record, &context.actor(), context.now)? {
        return Err(CommandError::precondition("TASK_NOT_ARCHIVED", format!("task `{id}` is not in the archive")));
    }
    Ok(record)
}

/// Refuses what cannot be done to a task while it is in the archive.
///
/// # Errors
/// [`CommandError::Precondition`].
pub(super) fn not_archived(record: &TaskRecord) -> Result<(), CommandError> {
    if record.task.is_archived() {
        let id = &record.task.id;
        return Err(CommandError::precondition("TASK_ARCHIVED", format!("task `{id}` is in the archive; restore it first")));
    }
    Ok(())
}

fn put_away(tx: &mut Tx<'_>, context: &Context, mut record: TaskRecord) -> Result<Archived, CommandError> {
    let waiting = if record.task.status.satisfies_dependents() { Vec::new() } else { rows::waiting(tx.db, record.key, NAMED)? };
    if !lifecycle::archive(tx, &mut record, &context.actor(), context.now)? {
        return Err(CommandError::Conflict(format!("task `{}` was moved meanwhile", record.task.id)));
    }
    Ok(Archived { record, waiting })
}

/// What keeps a task from being archived: a reason for programs and a sentence for people.
fn obstacle(tx: &mut Tx<'_>, record: &TaskRecord) -> Result<Option<(&'static str, String)>, StoreError> {
    let (id, status) = (&record.task.id, record.task.status);
    if record.task.is_archived() {
        return Ok(Some(("TASK_ARCHIVED", format!("task `{id}` is in the archive already"))));
    }
    if !status.is_finished() {
        let what = "only COMPLETED, FAILED and BLOCKED tasks can be archived; stop it first, or wait";
        return Ok(Some(("TASK_NOT_FINISHED", format!("task `{id}` is {status}: {what}"))));
    }
    if let Some(open) = tx.state.runs.get(&record.key) {
        return Ok(Some(("RUN_NOT_OVER", format!("run {} has not ended yet; try again when it has", open.run))));
    }
    if record.task.is_plan_subtask
        && let Some(step) =
            chains::steps(tx.db, record)?.iter().find(|step| step.key != record.key && !step.task.status.satisfies_dependents())
    {
        let (other, status) = (&step.task.id, step.task.status);
        let what = format!("task `{id}` shares its branch with step `{other}`, which is {status}; finish or skip that one first");
        return Ok(Some(("STEPS_UNFINISHED", what)));
    }
    let open = rows::open_subtasks(tx.db, record.key, NAMED)?;
    if open.is_empty() {
        return Ok(None);
    }
    let names = open.iter().map(|link| format!("{} ({})", link.id, link.status)).collect::<Vec<_>>().join(", ");
    Ok(Some(("SUBTASKS_UNFINISHED", format!("task `{id}` has unfinished subtasks: {names}; finish, stop or delete them first"))))
}
