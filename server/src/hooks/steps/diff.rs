//! What a branch changed (F-142).

use aq_core::git_link::{Comparison, GitPlace};
use aq_core::hook::Hook;
use aq_core::runner_link::WorkspaceSource;
use aq_core::workspace::WorkspaceKind;
use serde_json::{Value, json};

use super::outcome::{LONG, beginning};
use crate::commands::CommandError;
use crate::hooks::parts::Parts;

pub(super) async fn diff(parts: &Parts, hook: &Hook, branch: &str, base: &str) -> Result<Value, String> {
    if branch.trim().is_empty() || branch.starts_with('-') {
        return Err("names no branch; the event has none, or it begins with `-`".to_owned());
    }
    let id = hook.project.clone();
    let place = parts.engine.submit(move |tx| {
        let Some(owner) = tx.state.projects.get(&id).map(|hot| hot.project.clone()) else { return Ok(None) };
        let space = tx.state.workspaces.values().find(|space| space.project == id && space.kind != WorkspaceKind::Clone);
        let source = if owner.repo_url.is_empty() {
            space.map(|space| match space.kind {
                WorkspaceKind::Link | WorkspaceKind::Clone => WorkspaceSource::Link { path: space.path.clone() },
                WorkspaceKind::Init => WorkspaceSource::Init { path: space.path.clone() },
            })
        } else {
            Some(WorkspaceSource::Clone { url: owner.repo_url.clone() })
        };
        Ok::<_, CommandError>(source.map(|source| GitPlace { project: id.clone(), source, default_branch: owner.default_branch }))
    });
    let place = place.await.map_err(|error| error.to_string())?.ok_or("the project has no repository")?;
    let what = Comparison::Between { base: base.to_owned(), head: branch.to_owned() };
    let changes = parts.git.changes(place, what, LONG * 4).await.map_err(|refused| refused.message)?;
    Ok(json!({ "diff": beginning(&changes.text, LONG), "exit_code": 0, "files": changes.files.len() }))
}
