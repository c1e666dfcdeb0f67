//! Events: committed facts with a sequence number, and the only thing subscribers are told.
//!
//! Delivery, cursors and subscriptions live in the server's events.
//!
//! Spec: specs/server/core/events.md

mod filter;
mod kind;

pub use filter::EventFilter;
pub use kind::{EventKind, for_transition};

use crate::ids::{AgentId, ProjectId, TaskId};
use crate::time::Timestamp;

/// One committed fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Position in the one sequence of all events, from 1; later facts have higher numbers.
    pub seq: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// The project it concerns.
    pub project: Option<ProjectId>,
    /// The task it concerns.
    pub task: Option<TaskId>,
    /// The number of the task's run it concerns.
    pub run: Option<u32>,
    /// The agent it concerns.
    pub agent: Option<AgentId>,
    /// The details; the keys each kind must have are listed by [`EventKind::required`].
    pub payload: serde_json::Value,
}
