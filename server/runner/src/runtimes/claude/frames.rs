//! What is written to Claude Code's standard input.
//!
//! Spec: specs/server/runner/claude.md

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::runtimes::normalizer::Frame;

fn frame(id: String, value: &Value) -> Frame {
    let mut bytes = value.to_string().into_bytes();
    bytes.push(b'\n');
    Frame { id, bytes }
}

/// The request that switches questions and permissions on (claude R2).
pub(super) fn initialize() -> Frame {
    let request = json!({"type": "control_request", "request_id": "aq-initialize", "request": {"subtype": "initialize"}});
    frame("initialize".to_owned(), &request)
}

/// A message of a person, or the prompt.
pub(super) fn user_message(id: &str, text: &str) -> Frame {
    let message = json!({"type": "user", "uuid": message_uuid(id), "message": {"role": "user", "content": text}});
    frame(format!("message-{id}"), &message)
}

/// The UUID under which the message `id` travels, always the same one (claude R7).
pub(super) fn message_uuid(id: &str) -> String {
    let digest = Sha256::digest(id.as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, from)| *byte = from);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// The polite request to stop the turn (claude R11).
pub(super) fn interrupt() -> Frame {
    let request = json!({"type": "control_request", "request_id": "aq-interrupt", "request": {"subtype": "interrupt"}});
    frame("interrupt".to_owned(), &request)
}

/// The permission to go on with `input`.
pub(super) fn allow(request_id: &str, input: &Value) -> Frame {
    respond(request_id, &json!({"behavior": "allow", "updatedInput": input}))
}

/// A refusal with its reason.
pub(super) fn deny(request_id: &str, message: &str) -> Frame {
    respond(request_id, &json!({"behavior": "deny", "message": message}))
}

fn respond(request_id: &str, response: &Value) -> Frame {
    let answer = json!({
        "type": "control_response",
        "response": {"subtype": "success", "request_id": request_id, "response": response},
    });
    frame(format!("answer-{request_id}"), &answer)
}

/// The answer to a request that we do not serve (claude R8).
pub(super) fn not_served(request_id: &str, subtype: &str) -> Frame {
    let answer = json!({
        "type": "control_response",
        "response": {"subtype": "error", "request_id": request_id, "error": format!("{subtype} is not served here")},
    });
    frame(format!("answer-{request_id}"), &answer)
}
