//! From a step to its outcome.

use aq_core::hook::{Hook, Step, fill};
use serde_json::Value;

use super::outcome::error;
use super::{diff, file, http, query, shell};
use crate::hooks::parts::Parts;
use crate::store::HookRunRecord;

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
