//! JSON-RPC as the protocol wants it: requests, answers, refusals, notifications.
//!
//! Spec: specs/server/runner/acp.md

use serde_json::{Value, json};

use crate::runtimes::normalizer::Frame;

/// The id of our `initialize`.
pub(super) const INITIALIZE: &str = "aq-initialize";

/// The id of our `session/load`.
pub(super) const LOAD: &str = "aq-load";

/// The id of our `session/new`.
pub(super) const NEW: &str = "aq-new";

/// The id of the request that chooses the mode.
pub(super) const MODE: &str = "aq-mode";

/// The id of the request that chooses the model.
pub(super) const MODEL: &str = "aq-model";

/// What ids of prompts begin with.
pub(super) const PROMPT: &str = "aq-prompt-";

/// The code for a method that is not served.
const METHOD_NOT_FOUND: i64 = -32601;

fn line(value: &Value) -> Vec<u8> {
    let mut bytes = value.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

/// A request of ours; its id names the frame too.
pub(super) fn request(id: &str, method: &str, params: &Value) -> Frame {
    let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    Frame { id: id.to_owned(), bytes: line(&message) }
}

/// The answer to a request of the agent, which may have named it by a number or a text.
pub(super) fn result(id: &Value, result: &Value) -> Vec<u8> {
    line(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

/// The answer to a request that we do not serve (acp R9).
pub(super) fn not_served(id: &Value, method: &str) -> Frame {
    let error = json!({"code": METHOD_NOT_FOUND, "message": format!("{method} is not served here")});
    Frame { id: answer_id(id), bytes: line(&json!({"jsonrpc": "2.0", "id": id, "error": error})) }
}

/// A notification of ours.
pub(super) fn notification(method: &str, params: &Value) -> Vec<u8> {
    line(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
}

/// The name of the frame that answers request `id`.
pub(super) fn answer_id(id: &Value) -> String {
    format!("answer-{}", name(id))
}

/// A request's id as a word: a text as it stands, anything else as JSON.
pub(super) fn name(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
