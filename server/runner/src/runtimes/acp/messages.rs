//! What each message of the agent is: an answer, a request, a notification.
//!
//! Spec: specs/server/runner/acp.md

use serde_json::Value;

use super::state::State;
use super::{permissions, replies, turns, updates, wire};
use crate::runtimes::json::text;
use crate::runtimes::normalizer::Step;

/// Reads one message.
pub(super) fn read(state: &mut State, message: &Value, at_ms: i64) -> Step {
    let mut items = turns::receipts(state);
    let method = text(message, "/method");
    let id = message.get("id").filter(|id| !id.is_null());
    let step = match (id, method) {
        (Some(id), "session/request_permission") => {
            items.extend(turns::said(state));
            permissions::ask(state, id, message.get("params").unwrap_or(&Value::Null))
        }
        (Some(_), "") => replies::read(state, message, at_ms),
        (Some(id), method) => {
            state.sidelines.count(method);
            Step { items: Vec::new(), frames: vec![wire::not_served(id, method)] }
        }
        (None, "session/update") => Step { items: updates::read(state, message), frames: Vec::new() },
        // Names of extensions begin like this; those who do not know them pass them over.
        (None, method) if method.starts_with(['_', '$']) => Step::default(),
        (None, method) => {
            state.sidelines.count(if method.is_empty() { "no method" } else { method });
            Step::default()
        }
    };
    items.extend(step.items);
    Step { items, frames: step.frames }
}
