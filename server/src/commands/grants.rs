//! Taking back what was allowed once and for all. Giving it is part of an answer (`questions`).

use aq_core::event::EventKind;
use aq_core::ids::{ProjectId, TaskId};
use serde_json::json;

use super::context::{Context, project, task};
use super::error::CommandError;
use crate::lifecycle::{Subject, Tx, announce};
use crate::store::{GrantRecord, GrantScope, grants};

/// Whose allowance is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A task's.
    Task(TaskId),
    /// A whole project's.
    Project(ProjectId),
}

/// Takes an allowance back: the next use of the tool is asked again. An agent that was told yes already goes on with it.
///
/// # Errors
/// [`CommandError::NotFound`] when nothing of the kind was allowed.
pub fn revoke(tx: &mut Tx<'_>, context: &Context, holder: &Holder, tool: &str) -> Result<(ProjectId, GrantRecord), CommandError> {
    let (scope, subject, of) = match holder {
        Holder::Task(id) => {
            let record = task(tx.db, context, id)?;
            (GrantScope::Task(record.key), Subject::task(&record), record.task.project)
        }
        Holder::Project(id) => {
            let owner = project(tx.state, context, id)?;
            (GrantScope::Project(owner.id.clone()), Subject::project(&owner.id), owner.id)
        }
    };
    let gone = grants::revoke(tx.db, &scope, tool)?;
    let gone = gone.ok_or_else(|| CommandError::NotFound { kind: "grant", id: tool.to_owned() })?;
    let payload = json!({ "tool": tool, "scope": scope.as_str(), "actor": context.actor() });
    announce(tx, EventKind::PermissionRevoked, context.now, subject, payload)?;
    Ok((of, gone))
}
