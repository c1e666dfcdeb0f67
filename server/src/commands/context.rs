//! Who asks, when; and finding what a caller may know of.

use std::sync::Arc;

use aq_core::ids::{AgentId, ProjectId, TaskId};
use aq_core::principal::Principal;
use aq_core::project::Project;
use aq_core::time::Timestamp;

use super::error::CommandError;
use super::trail::Trail;
use crate::lifecycle::{Figures, Tx};
use crate::store::{Connection, TaskRecord, tasks};

/// The circumstances of a command.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who asks.
    pub principal: Principal,
    /// The present instant.
    pub now: Timestamp,
    /// The way that the call came, and what it is about.
    pub trail: Arc<Trail>,
}

impl Context {
    /// What `principal` does at `now` inside the server.
    #[must_use]
    pub fn new(principal: Principal, now: Timestamp) -> Self {
        Self { principal, now, trail: Arc::default() }
    }

    /// Who asks, as written into events.
    #[must_use]
    pub fn actor(&self) -> String {
        self.principal.actor()
    }

    /// Refuses what lies outside the caller's projects, in the same words as what does not exist.
    ///
    /// # Errors
    /// [`CommandError::NotFound`].
    pub fn sees(&self, project: &ProjectId, kind: &'static str, id: &str) -> Result<(), CommandError> {
        if self.principal.projects.covers(project) { Ok(()) } else { Err(CommandError::NotFound { kind, id: id.to_owned() }) }
    }
}

/// The task of this id, if the caller may know of it.
///
/// # Errors
/// [`CommandError::NotFound`].
pub fn task(db: &mut Connection, context: &Context, id: &TaskId) -> Result<TaskRecord, CommandError> {
    let record = tasks::by_id(db, id)?.ok_or_else(|| CommandError::NotFound { kind: "task", id: id.to_string() })?;
    context.sees(&record.task.project, "task", id.as_str())?;
    Ok(record)
}

/// The project of this id, if the caller may know of it.
///
/// # Errors
/// [`CommandError::NotFound`].
pub fn project(figures: &Figures, context: &Context, id: &ProjectId) -> Result<Project, CommandError> {
    context.sees(id, "project", id.as_str())?;
    let state = figures.projects.get(id).ok_or_else(|| CommandError::NotFound { kind: "project", id: id.to_string() })?;
    Ok(state.project.clone())
}

/// The agent of this id.
///
/// # Errors
/// [`CommandError::NotFound`].
pub fn agent(tx: &Tx<'_>, id: &AgentId) -> Result<aq_core::agent::Agent, CommandError> {
    tx.state.agents.get(id).cloned().ok_or_else(|| CommandError::NotFound { kind: "agent", id: id.to_string() })
}
