//! What can go wrong when a task is moved.

use aq_core::ids::TaskId;
use aq_core::task::{InvalidTransition, TaskStatus};

use crate::store::StoreError;

/// A move that was not made.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// The table does not list the move.
    #[error("task `{task}`: {source}")]
    Invalid {
        /// The task.
        task: TaskId,
        /// The pair that was tried.
        source: InvalidTransition,
    },
    /// Somebody else moved the task first.
    #[error("task `{task}` is no longer {expected} with run {run}")]
    Stale {
        /// The task.
        task: TaskId,
        /// The status it was read with.
        expected: TaskStatus,
        /// The run number it was read with.
        run: u32,
    },
    /// The move would break a rule that every task obeys. This is a defect of ours.
    #[error("task `{task}` would break a rule: {rule}")]
    Rule {
        /// The task.
        task: TaskId,
        /// The rule, in words.
        rule: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}
