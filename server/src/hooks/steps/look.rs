//! From a step to its outcome.

use std::path::PathBuf;

use aq_core::hook::{Hook, Step, fill};
use aq_core::workspace::WorkspaceKind;
use serde_json::Value;

use super::{diff, file, http, query, shell};
use crate::commands::CommandError;
use crate::hooks::engine::Parts;
use crate::hooks::run::error;
use crate::store::HookRunRecord;

/// Most characters of a long outcome.
pub(super) const LONG: usize = 50_000;

/// Takes one look.
pub(in crate::hooks) async fn look(parts: &Parts, hook: &Hook, run: &HookRunRecord, index: usize, step: &Step) -> Value {
    let of_event = |text: &str| fill(text, &[], run.event.as_ref());
    let result = match step {
        Step::Shell { argv, timeout_ms } => shell::run(parts, hook, &format!("{}-{index}", run.id), argv, *timeout_ms).await,
        Step::ReadFile { path, max_lines } => file::read(parts, hook, path, *max_lines).await,
        Step::Http { url, timeout_ms } => Ok(http::get(url, *timeout_ms, parts.rules.private_addresses).await),
        Step::Query { name, params } => {
            let param = |name: &str| params.get(name).map(|value| of_event(value)).unwrap_or_default();
            query::ask(parts, hook, name, &param).await
        }
        Step::GitDiff { branch, base } => diff::diff(parts, hook, &of_event(branch), base).await,
    };
    result.unwrap_or_else(error)
}

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

/// The beginning of a text.
pub(super) fn beginning(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
