//! Workspaces: how much of a project can run at once, and where its files come from.

use aq_core::event::EventKind;
use aq_core::ids::{ProjectId, WorkspaceId};
use aq_core::names::workspace_id;
use aq_core::workspace::{Workspace, WorkspaceKind};
use rand::Rng as _;
use serde_json::json;

use super::context::{Context, project};
use super::error::CommandError;
use crate::lifecycle::{Subject, Tx, announce};
use crate::store::{StoreError, workspaces};

/// Most workspaces of one project.
pub const MAX_WORKSPACES: usize = 256;

/// Adds a workspace. The path of a `link` or `init` workspace was checked by the caller and is canonical; a `clone` gets one of ours below
/// `clones`.
///
/// # Errors
/// [`CommandError::Exists`] when the path serves another workspace already.
pub fn add(
    tx: &mut Tx<'_>,
    context: &Context,
    id: &ProjectId,
    kind: WorkspaceKind,
    path: Option<String>,
    name: &str,
    clones: &std::path::Path,
) -> Result<Workspace, CommandError> {
    let owner = project(tx.state, context, id)?;
    if tx.state.workspaces.values().filter(|space| space.project == *id).count() >= MAX_WORKSPACES {
        return Err(CommandError::precondition("TOO_MANY_WORKSPACES", format!("project `{id}` has {MAX_WORKSPACES} workspaces already")));
    }
    if kind == WorkspaceKind::Clone && owner.repo_url.is_empty() {
        return Err(CommandError::precondition(
            "NO_REPOSITORY",
            format!("project `{id}` has no repository to clone; set its repo_url, or add a link or init workspace"),
        ));
    }
    let new = workspace_id(tx.state.chance().random());
    let path = path.unwrap_or_else(|| clones.join(id.as_str()).join(new.as_str()).to_string_lossy().into_owned());
    let workspace =
        Workspace { id: new.clone(), project: id.clone(), name: name.to_owned(), kind, path, lease: None, created_at: context.now };
    match workspaces::insert(tx.db, &workspace) {
        Err(StoreError::Conflict(_)) => return Err(CommandError::Exists { kind: "workspace", id: workspace.path }),
        other => other?,
    }
    tx.state.put_workspace(new.clone(), Some(workspace.clone()));
    let payload = json!({ "workspace_id": new.as_str(), "kind": kind.as_str(), "path": workspace.path, "actor": context.actor() });
    announce(tx, EventKind::WorkspaceAdded, context.now, Subject::project(id), payload)?;
    Ok(workspace)
}

fn find(tx: &Tx<'_>, context: &Context, id: &WorkspaceId) -> Result<Workspace, CommandError> {
    let unknown = || CommandError::NotFound { kind: "workspace", id: id.to_string() };
    let found = tx.state.workspaces.get(id).cloned().ok_or_else(unknown)?;
    context.sees(&found.project, "workspace", id.as_str())?;
    Ok(found)
}

/// Removes a workspace that no run holds. Files stay where they are.
///
/// # Errors
/// [`CommandError::Precondition`] while a run holds it.
pub fn remove(tx: &mut Tx<'_>, context: &Context, id: &WorkspaceId) -> Result<Workspace, CommandError> {
    let found = find(tx, context, id)?;
    if let Some(run) = tx.state.leased.get(id).and_then(|key| tx.state.runs.get(key)) {
        return Err(CommandError::precondition(
            "WORKSPACE_IN_USE",
            format!("workspace `{id}` is held by run {}; stop that task first", run.run),
        ));
    }
    workspaces::remove(tx.db, id, context.now)?;
    tx.state.put_workspace(id.clone(), None);
    let payload = json!({ "workspace_id": id.as_str(), "kind": found.kind.as_str(), "actor": context.actor() });
    announce(tx, EventKind::WorkspaceRemoved, context.now, Subject::project(&found.project), payload)?;
    Ok(found)
}
