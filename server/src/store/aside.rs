//! Rows that cannot be read: each is set aside by itself and named, and takes no other along.
//!
//! Where that matters is where a start reads; who tells of it is `lifecycle::load` and the check of the promises.

use aq_core::ids::{AgentId, ProjectId, RunRef, WorkspaceId};
use aq_core::time::Timestamp;

use super::error::StoreError;
use super::invariants::Offence;

/// What can be read of a list, and what is said of the rest.
#[derive(Debug)]
pub struct Readable<T> {
    /// The rows that can be read, in their order.
    pub rows: Vec<T>,
    /// The others, by their names.
    pub aside: Vec<Offence>,
}

impl<T> Default for Readable<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), aside: Vec::new() }
    }
}

impl<T> Readable<T> {
    /// Takes a row; `name` is what people call it.
    pub(super) fn take(&mut self, name: impl FnOnce() -> String, read: Result<T, StoreError>) -> Result<(), StoreError> {
        self.rows.extend(set_aside(&mut self.aside, name, read)?);
        Ok(())
    }
}

/// What was read; `None` when the value is none of ours, which is noted under `name`.
///
/// # Errors
/// Any other failure: then nothing is known of the row.
pub fn set_aside<T>(aside: &mut Vec<Offence>, name: impl FnOnce() -> String, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error @ StoreError::Corrupt { .. }) => {
            aside.push(Offence { subject: name(), message: format!("is set aside: {error}") });
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// An open run that cannot be read: whose it is, so that its places stay taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRun {
    /// Key of the task.
    pub task_key: i64,
    /// The run.
    pub id: RunRef,
    /// Its project.
    pub project: ProjectId,
    /// Its agent.
    pub agent: AgentId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// When it started.
    pub started_at: Timestamp,
}
