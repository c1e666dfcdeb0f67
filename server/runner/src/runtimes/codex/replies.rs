//! Replies to our requests: the hand-shake, threads, turns, messages (codex R2, R4, R9).
//!
//! Spec: specs/server/runner/codex.md

use aq_core::output::OutputBody;
use serde_json::{Value, json};

use super::frames::{self, INITIALIZE, INTERRUPT, RESUME, START, STEER, TURN};
use super::state::{Facts, Message, State};
use super::{errors, turns};
use crate::runtimes::clip::first_line;
use crate::runtimes::json::text;
use crate::runtimes::normalizer::Step;

/// Reads a reply.
pub(super) fn read(state: &mut State, message: &Value) -> Step {
    let id = text(message, "/id");
    let error = message.get("error").filter(|error| error.is_object());
    let frames = |frames| Step { items: Vec::new(), frames };
    match (id, error) {
        (INITIALIZE, None) => {
            let resume = state.wanted.resume.clone();
            frames(vec![frames::initialized(), frames::thread(state, resume.as_deref())])
        }
        (RESUME, Some(error)) => {
            let words = first_line(text(error, "/message"), 300);
            let note = OutputBody::Note { text: format!("the session cannot be taken up ({words}); starting a new one") };
            Step { items: vec![note], frames: vec![frames::thread(state, None)] }
        }
        (RESUME | START, None) => has_thread(state, message),
        (INITIALIZE | START, Some(error)) => hopeless(state, error),
        (INTERRUPT, _) => Step::default(),
        (id, error) => match (number(id, TURN), number(id, STEER)) {
            (Some(number), _) => turn(state, number, message, error),
            (_, Some(number)) => steered(state, number, error),
            (None, None) => {
                state.count_unknown("reply");
                Step::default()
            }
        },
    }
}

fn number(id: &str, prefix: &str) -> Option<u32> {
    id.strip_prefix(prefix)?.parse().ok()
}

fn has_thread(state: &mut State, message: &Value) -> Step {
    let session_id = text(message, "/result/thread/id").to_owned();
    if session_id.is_empty() {
        return hopeless(state, &json!({"message": "Codex named no thread"}));
    }
    if session_id == state.thread {
        return Step::default();
    }
    state.thread.clone_from(&session_id);
    state.wanted.settings = Value::Null;
    text(message, "/result/model").clone_into(&mut state.model);
    text(message, "/result/cwd").clone_into(&mut state.cwd);
    let version = text(message, "/result/thread/cliVersion").to_owned();
    let started = OutputBody::SessionStarted { session_id, model: state.model.clone(), version };
    Step { items: vec![started], frames: vec![turns::first(state)] }
}

/// Nothing will come of this process.
fn hopeless(state: &mut State, error: &Value) -> Step {
    let mut facts = Facts { status: "refused".to_owned(), ..Facts::default() };
    errors::read(error, &mut facts);
    let item = OutputBody::Error { text: facts.text.clone() };
    (state.hopeless, state.starting, state.result) = (true, false, Some(facts));
    item.into()
}

fn turn(state: &mut State, number: u32, message: &Value, error: Option<&Value>) -> Step {
    let Some(error) = error else {
        state.turned.remove(&number);
        let turn = text(message, "/result/turn/id").to_owned();
        // A short turn may be over before its start is confirmed, and a message may have gone into a turn that still ran.
        if state.turns.contains(&turn) {
            state.starting = false;
            return Step { items: Vec::new(), frames: turns::pump(state) };
        }
        return Step { items: Vec::new(), frames: turns::started(state, &turn) };
    };
    state.starting = false;
    match state.turned.remove(&number) {
        None => hopeless(state, error),
        Some(message_id) => {
            state.sent.remove(&message_id);
            let words = first_line(text(error, "/message"), 300);
            Step {
                items: vec![OutputBody::Note { text: format!("a message could not be told to the agent: {words}") }],
                frames: turns::pump(state),
            }
        }
    }
}

/// A message that the running turn does not take is told as the next turn.
fn steered(state: &mut State, number: u32, error: Option<&Value>) -> Step {
    let Some(message_id) = state.steered.remove(&number) else { return Step::default() };
    if error.is_none() {
        return Step::default();
    }
    state.deaf = state.turn.is_some();
    if let Some(text) = state.sent.remove(&message_id) {
        state.queue.push_back(Message { id: message_id, text });
    }
    Step { items: Vec::new(), frames: turns::pump(state) }
}
