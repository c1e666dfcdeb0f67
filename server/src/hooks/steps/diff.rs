//! What a branch changed (F-142).

use aq_core::git_link::Comparison;
use aq_core::hook::Hook;
use serde_json::{Value, json};

use super::outcome::{LONG, beginning};
use super::place::repository;
use crate::hooks::parts::Parts;

pub(super) async fn diff(parts: &Parts, hook: &Hook, branch: &str, base: &str) -> Result<Value, String> {
    if branch.trim().is_empty() || branch.starts_with('-') {
        return Err("names no branch; the event has none, or it begins with `-`".to_owned());
    }
    let place = repository(parts, hook).await?.ok_or("the project has no repository")?;
    let what = Comparison::Between { base: base.to_owned(), head: branch.to_owned() };
    let changes = parts.git.changes(place, what, LONG * 4).await.map_err(|refused| refused.message)?;
    Ok(json!({ "diff": beginning(&changes.text, LONG), "exit_code": 0, "files": changes.files.len() }))
}
