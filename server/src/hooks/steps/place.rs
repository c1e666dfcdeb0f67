//! Where the files of a hook's project lie.

use std::path::PathBuf;

use aq_core::git_link::GitPlace;
use aq_core::hook::Hook;
use aq_core::runner_link::WorkspaceSource;
use aq_core::workspace::WorkspaceKind;

use crate::commands::CommandError;
use crate::hooks::parts::Parts;

/// The directory of a project that lies on this machine: its first linked one, else one that we made for it; `None`: its files are a mirror only.
pub(super) async fn directory(parts: &Parts, hook: &Hook) -> Result<Option<PathBuf>, String> {
    let project = hook.project.clone();
    let found = parts.engine.submit(move |tx| {
        let mut spaces: Vec<_> = tx
            .state
            .workspaces
            .values()
            .filter(|space| space.project == project && space.kind != WorkspaceKind::Clone && !space.path.is_empty())
            .collect();
        spaces.sort_by_key(|space| (space.kind != WorkspaceKind::Link, space.created_at, space.id.clone()));
        Ok::<_, CommandError>(spaces.first().map(|space| PathBuf::from(&space.path)))
    });
    found.await.map_err(|error| error.to_string())
}

/// The project's repository; `None`: it has none.
pub(super) async fn repository(parts: &Parts, hook: &Hook) -> Result<Option<GitPlace>, String> {
    let id = hook.project.clone();
    let place = parts.engine.submit(move |tx| {
        let Some(owner) = tx.state.projects.get(&id).map(|hot| hot.project.clone()) else { return Ok(None) };
        let space = tx.state.workspaces.values().find(|space| space.project == id && space.kind != WorkspaceKind::Clone);
        let source = if owner.repo_url.is_empty() {
            space.map(|space| space.source(&owner.repo_url))
        } else {
            Some(WorkspaceSource::Clone { url: owner.repo_url.clone() })
        };
        Ok::<_, CommandError>(source.map(|source| GitPlace { project: id.clone(), source, default_branch: owner.default_branch }))
    });
    place.await.map_err(|error| error.to_string())
}
