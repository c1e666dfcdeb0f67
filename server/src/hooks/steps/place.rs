//! Where the files of a hook's project lie.

use std::path::PathBuf;

use aq_core::hook::Hook;
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
