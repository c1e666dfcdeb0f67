//! A task that resolves what kept another task's work from landing: it works on the same, kept branch.

use aq_core::ids::TaskId;
use aq_core::task::{BlockedReason, TaskOrigin, TaskStatus, TaskType};

use super::context::{Context, project, task};
use super::create::{MAX_TITLE_CHARS, NewTask, create};
use super::error::CommandError;
use crate::lifecycle::Tx;
use crate::store::{TaskRecord, runs, tasks};

/// Most characters of the original task's description that are quoted.
const QUOTED: usize = 4_000;

/// Makes a task that resolves the conflict of `id` on its kept branch. When its work has landed, the original counts as done.
///
/// # Errors
/// [`CommandError::Precondition`] unless the task is BLOCKED by a merge conflict, or when a repair of it is under way already.
pub fn repair(tx: &mut Tx<'_>, context: &Context, id: &TaskId) -> Result<TaskRecord, CommandError> {
    let original = task(tx.db, context, id)?;
    let conflict = original.task.status == TaskStatus::Blocked && original.task.blocked_reason == Some(BlockedReason::MergeConflict);
    let Some(branch) = original.task.branch.clone().filter(|_| conflict) else {
        let what = "only a task that is blocked by a merge conflict can be repaired";
        return Err(CommandError::status("TASK_NOT_IN_CONFLICT", id.as_str(), original.task.status, what));
    };
    if let Some(open) = under_way(tx, &original, &branch)? {
        return Err(CommandError::precondition("REPAIR_UNDER_WAY", format!("task `{}` repairs it already", open.task.id)));
    }
    let owner = project(tx.state, context, &original.task.project)?;
    let last = runs::get(tx.db, original.key, original.task.run_number)?;
    let conflict = last.and_then(|run| run.run.end).map(|end| end.message).unwrap_or_default();
    let target =
        if owner.default_branch.is_empty() { "the default branch".to_owned() } else { format!("`origin/{}`", owner.default_branch) };
    let title: String = format!("Resolve the conflict of: {}", original.task.title).chars().take(MAX_TITLE_CHARS).collect();
    let quoted: String = original.task.description.chars().take(QUOTED).collect();
    let description = format!(
        "The work of task `{id}` is finished and cannot be merged: {conflict}.\n\n\
         You are on its branch `{branch}`. Merge {target} into it, resolve every conflict so that both sides keep what they meant to do, make the tests \
         pass, and commit the merge. Change nothing else, and drop no commit of the branch.\n\n\
         What the branch is for:\n\n{quoted}"
    );
    let new = NewTask {
        key: String::new(),
        project: original.task.project.clone(),
        title,
        description,
        priority: original.task.priority,
        task_type: Some(TaskType::Bugfix),
        after: Vec::new(),
        runtime: original.task.runtime,
        fallback: original.task.fallback,
        filler: original.task.filler,
        verification: Some(original.task.verification),
        plan_approval: None,
        model: None,
        preferred_agent: original.task.preferred_agent.clone(),
        attachments: Vec::new(),
        test_commands: original.task.test_commands.clone(),
        requires_approval: original.task.requires_approval,
        max_retries: original.task.max_retries,
        budget_tokens: original.task.budget_tokens,
        limits: original.task.limits,
        parent: Some(original.task.id.clone()),
        is_plan_subtask: false,
        origin: TaskOrigin::Operator,
    };
    let mut made = create(tx, context, std::slice::from_ref(&new))?;
    let mut made = made.pop().ok_or_else(|| CommandError::Internal("a created task was lost".to_owned()))?;
    made.task.branch = Some(branch);
    tasks::set_place(tx.db, &made)?;
    Ok(made)
}

/// A repair of the task that is not over.
fn under_way(tx: &mut Tx<'_>, original: &TaskRecord, branch: &str) -> Result<Option<TaskRecord>, CommandError> {
    for status in TaskStatus::ALL.iter().filter(|status| !matches!(status, TaskStatus::Completed | TaskStatus::Failed)) {
        let found = tasks::with_branch(tx.db, &original.task.project, *status, 10_000)?;
        let repair = found.into_iter().find(|other| {
            let stopped = other.task.status == TaskStatus::Blocked;
            !stopped && other.parent_key == Some(original.key) && other.task.branch.as_deref() == Some(branch)
        });
        if repair.is_some() {
            return Ok(repair);
        }
    }
    Ok(None)
}
