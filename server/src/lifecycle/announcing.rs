//! Events as part of a transaction: what a command sees of the store, whom an event concerns, and how it is recorded.

use aq_core::event::{Event, EventKind};
use aq_core::ids::{AgentId, ProjectId, TaskId};
use aq_core::time::Timestamp;
use serde_json::Value;

use super::error::LifecycleError;
use super::hot::Hot;
use crate::store::events::{self, NewEvent};
use crate::store::{self, TaskRecord};

/// A command's view of the store and the hot state.
pub type Tx<'a> = store::Tx<'a, Hot>;

/// What an event concerns.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The project.
    pub project: Option<ProjectId>,
    /// The task.
    pub task: Option<TaskId>,
    /// The key of its row.
    pub task_key: Option<i64>,
    /// The run's number.
    pub run: Option<u32>,
    /// The agent.
    pub agent: Option<AgentId>,
}

impl Subject {
    /// A task.
    #[must_use]
    pub fn task(record: &TaskRecord) -> Self {
        Self {
            project: Some(record.task.project.clone()),
            task: Some(record.task.id.clone()),
            task_key: Some(record.key),
            ..Self::default()
        }
    }

    /// A project.
    #[must_use]
    pub fn project(id: &ProjectId) -> Self {
        Self { project: Some(id.clone()), ..Self::default() }
    }
}

/// Records an event; subscribers learn of it after the commit.
///
/// # Errors
/// When the row cannot be written.
pub fn announce(tx: &mut Tx<'_>, kind: EventKind, at: Timestamp, subject: Subject, payload: Value) -> Result<(), LifecycleError> {
    let seq = tx.state.next_event();
    let event = Event { seq, at, kind, project: subject.project, task: subject.task, run: subject.run, agent: subject.agent, payload };
    let told = NewEvent::new(event, subject.task_key);
    events::insert(tx.db, std::slice::from_ref(&told))?;
    tx.announce(told.into_event());
    Ok(())
}
