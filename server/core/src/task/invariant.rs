//! What is true of every stored task (F-004, D-13). The store refuses a record that breaks one.

use super::model::Task;
use super::status::TaskStatus;

/// A record that must not be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvariantError {
    /// PAUSED without an instant: it would never go on.
    #[error("resume_after is missing: a PAUSED task needs the instant it goes on")]
    PausedWithoutResume,
    /// ASSIGNED or IN_PROGRESS without an agent.
    #[error("assigned_agent is missing: a task in {0} has an agent")]
    RunningWithoutAgent(TaskStatus),
    /// A live status without a run.
    #[error("run_number is 0: a task in {0} has a run")]
    LiveWithoutRun(TaskStatus),
    /// An agent on a task that no run is open for.
    #[error("assigned_agent is set: a task in {0} holds no agent")]
    IdleWithAgent(TaskStatus),
    /// BLOCKED without a reason.
    #[error("blocked_reason is missing: a BLOCKED task names its reason")]
    BlockedWithoutReason,
    /// A reason on a task that is not BLOCKED.
    #[error("blocked_reason is set: a task in {0} is not blocked")]
    ReasonWithoutBlock(TaskStatus),
    /// More failed tries than allowed.
    #[error("retry_count {count} is above max_retries {max}")]
    TooManyRetries {
        /// Failed tries.
        count: u32,
        /// Tries allowed.
        max: u32,
    },
    /// A live task in the archive.
    #[error("archived_at is set: a task in {0} cannot be archived")]
    ArchivedWhileOpen(TaskStatus),
}

/// Checks a record before it is stored (task R3).
///
/// # Errors
/// The first broken rule, in the order of [`InvariantError`].
pub const fn check_invariants(task: &Task) -> Result<(), InvariantError> {
    let status = task.status;
    if matches!(status, TaskStatus::Paused) && task.resume_after.is_none() {
        return Err(InvariantError::PausedWithoutResume);
    }
    if matches!(status, TaskStatus::Assigned | TaskStatus::InProgress) && task.assigned_agent.is_none() {
        return Err(InvariantError::RunningWithoutAgent(status));
    }
    if status.is_live() && task.run_number == 0 {
        return Err(InvariantError::LiveWithoutRun(status));
    }
    if !status.is_live() && task.assigned_agent.is_some() {
        return Err(InvariantError::IdleWithAgent(status));
    }
    match (status, task.blocked_reason.is_some()) {
        (TaskStatus::Blocked, false) => return Err(InvariantError::BlockedWithoutReason),
        (TaskStatus::Blocked, true) | (_, false) => {}
        (_, true) => return Err(InvariantError::ReasonWithoutBlock(status)),
    }
    if task.retry_count > task.max_retries {
        return Err(InvariantError::TooManyRetries { count: task.retry_count, max: task.max_retries });
    }
    if task.archived_at.is_some() && !status.is_finished() {
        return Err(InvariantError::ArchivedWhileOpen(status));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AgentId, ProjectId, TaskId};
    use crate::task::BlockedReason;
    use crate::time::Timestamp;

    fn task(status: TaskStatus) -> Task {
        let mut task = Task::new(TaskId::from_trusted("a-b"), ProjectId::from_trusted("p"), "t", "d", Timestamp::from_millis(0));
        task.status = status;
        if status.is_live() {
            task.assigned_agent = Some(AgentId::from_trusted("nova"));
            task.run_number = 1;
        }
        if status == TaskStatus::Paused {
            task.resume_after = Some(Timestamp::from_millis(1));
        }
        if status == TaskStatus::Blocked {
            task.blocked_reason = Some(BlockedReason::OperatorStop);
        }
        task
    }

    /// F-004, D-13, task R3.
    #[test]
    fn each_broken_rule_is_named() {
        for status in TaskStatus::ALL {
            assert_eq!(check_invariants(&task(*status)), Ok(()), "{status}");
        }
        assert_eq!(check_invariants(&Task { retry_count: 3, ..task(TaskStatus::Blocked) }), Ok(()), "all tries may be used");
        let broken = |status, change: fn(&mut Task)| {
            let mut record = task(status);
            change(&mut record);
            check_invariants(&record).unwrap_err()
        };
        use TaskStatus::*;
        assert_eq!(broken(Paused, |t| t.resume_after = None), InvariantError::PausedWithoutResume);
        assert_eq!(broken(InProgress, |t| t.assigned_agent = None), InvariantError::RunningWithoutAgent(InProgress));
        assert_eq!(broken(Verifying, |t| t.run_number = 0), InvariantError::LiveWithoutRun(Verifying));
        assert_eq!(broken(Completed, |t| t.assigned_agent = Some(AgentId::from_trusted("a"))), InvariantError::IdleWithAgent(Completed));
        assert_eq!(broken(Blocked, |t| t.blocked_reason = None), InvariantError::BlockedWithoutReason);
        assert_eq!(broken(Ready, |t| t.blocked_reason = Some(BlockedReason::Budget)), InvariantError::ReasonWithoutBlock(Ready));
        assert_eq!(broken(Ready, |t| t.retry_count = 4), InvariantError::TooManyRetries { count: 4, max: 3 });
        assert_eq!(broken(Ready, |t| t.archived_at = Some(Timestamp::from_millis(1))), InvariantError::ArchivedWhileOpen(Ready));
    }
}
