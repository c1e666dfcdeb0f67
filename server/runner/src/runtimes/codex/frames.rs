//! What is written to Codex's standard input: JSON lines, requests with ids of ours, answers under its ids.
//!
//! Spec: specs/server/runner/codex.md

use serde_json::{Map, Value, json};

use super::state::State;
use crate::runtimes::normalizer::Frame;

/// Notifications that only repeat what others tell, some of them at great length.
const UNWANTED: [&str; 5] =
    ["turn/diff/updated", "rawResponseItem/completed", "rawResponse/completed", "thread/readState/changed", "item/fileChange/patchUpdated"];

/// The ids of our requests, by which replies are recognised.
pub(super) const INITIALIZE: &str = "aq-initialize";
pub(super) const START: &str = "aq-thread-start";
pub(super) const RESUME: &str = "aq-thread-resume";
pub(super) const INTERRUPT: &str = "aq-interrupt";
/// What ids of turns, and of messages into a running turn, start with; a number follows.
pub(super) const TURN: &str = "aq-turn-";
pub(super) const STEER: &str = "aq-steer-";

fn frame(id: &str, value: &Value) -> Frame {
    let mut bytes = value.to_string().into_bytes();
    bytes.push(b'\n');
    Frame { id: id.to_owned(), bytes }
}

fn request(id: &str, method: &str, params: &Value) -> Frame {
    frame(id, &json!({"id": id, "method": method, "params": params}))
}

/// The first request (codex R2).
pub(super) fn initialize() -> Frame {
    let params = json!({
        "clientInfo": {"name": "agent_queue", "title": "Agent Queue", "version": env!("CARGO_PKG_VERSION")},
        "capabilities": {"experimentalApi": true, "requestAttestation": false, "optOutNotificationMethods": UNWANTED},
    });
    request(INITIALIZE, "initialize", &params)
}

/// Says that the answer to the first request was read.
pub(super) fn initialized() -> Frame {
    frame("aq-initialized", &json!({"method": "initialized"}))
}

/// Asks for a new thread, or for the one to go on with. The work directory is the process's own.
pub(super) fn thread(state: &State, resume: Option<&str>) -> Frame {
    let mut params = Map::new();
    params.insert("approvalPolicy".to_owned(), json!(state.policy.approval));
    params.insert("sandbox".to_owned(), json!(state.policy.containment));
    for (name, value) in [("model", &state.wanted.model), ("developerInstructions", &state.wanted.instructions)] {
        if !value.is_empty() {
            params.insert(name.to_owned(), json!(value));
        }
    }
    if !state.wanted.settings.is_null() {
        params.insert("config".to_owned(), state.wanted.settings.clone());
    }
    match resume {
        Some(thread) => {
            params.insert("threadId".to_owned(), json!(thread));
            params.insert("excludeTurns".to_owned(), json!(true));
            request(RESUME, "thread/resume", &Value::Object(params))
        }
        None => request(START, "thread/start", &Value::Object(params)),
    }
}

fn input(text: &str) -> Value {
    json!([{"type": "text", "text": text, "text_elements": []}])
}

/// What a turn is started with.
pub(super) struct NewTurn<'a> {
    /// Its number, from 1.
    pub(super) number: u32,
    /// What is said.
    pub(super) text: &'a str,
    /// The id of the person's message that it is; none for the prompt.
    pub(super) message_id: Option<&'a str>,
    /// The mode of working together to switch to: `plan` or `default`.
    pub(super) mode: Option<&'static str>,
}

/// Starts a turn.
pub(super) fn turn(state: &State, new: &NewTurn<'_>) -> Frame {
    let mut params = Map::new();
    params.insert("threadId".to_owned(), json!(state.thread));
    params.insert("input".to_owned(), input(new.text));
    if let Some(id) = new.message_id {
        params.insert("clientUserMessageId".to_owned(), json!(id));
    }
    if let Some(mode) = new.mode {
        let settings = json!({"model": state.model, "reasoning_effort": null, "developer_instructions": null});
        params.insert("collaborationMode".to_owned(), json!({"mode": mode, "settings": settings}));
    }
    params.insert("sandboxPolicy".to_owned(), state.policy.turn_sandbox(&state.cwd));
    request(&format!("{TURN}{}", new.number), "turn/start", &Value::Object(params))
}

/// Says something into the running turn.
pub(super) fn steer(state: &State, turn: &str, number: u32, message_id: &str, text: &str) -> Frame {
    let params = json!({"threadId": state.thread, "expectedTurnId": turn, "clientUserMessageId": message_id, "input": input(text)});
    request(&format!("{STEER}{number}"), "turn/steer", &params)
}

/// The polite request to stop the turn (codex R12).
pub(super) fn interrupt(state: &State, turn: &str) -> Frame {
    request(INTERRUPT, "turn/interrupt", &json!({"threadId": state.thread, "turnId": turn}))
}

/// An answer to a request of Codex, and after it, in one piece, what else is to be said.
pub(super) fn answer(name: &str, id: &Value, result: &Value, then: &[Frame]) -> Frame {
    let mut frame = frame(&format!("answer-{name}"), &json!({"id": id, "result": result}));
    frame.bytes.extend(then.iter().flat_map(|then| then.bytes.iter()));
    frame
}

/// The answer to a request that we do not serve (codex R10).
pub(super) fn not_served(name: &str, id: &Value, method: &str) -> Frame {
    let error = json!({"code": -32601, "message": format!("{method} is not served here")});
    frame(&format!("answer-{name}"), &json!({"id": id, "error": error}))
}
