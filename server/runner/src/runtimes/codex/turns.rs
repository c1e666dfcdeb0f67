//! Turns: how they start, what they come to, and when messages of persons go into them.
//!
//! Spec: specs/server/runner/codex.md

use aq_core::output::{OutputBody, Question, QuestionKind};
use serde_json::Value;

use super::frames::{self, NewTurn};
use super::state::{Ask, Facts, OpenRequest, State};
use super::{errors, limits, questions};
use crate::runtimes::clip::{clip, clip_to};
use crate::runtimes::json::{list, text};
use crate::runtimes::normalizer::{Frame, Step};

/// How much of the last text is kept for the outcome, in bytes.
const SUMMARY_BYTES: usize = 16 * 1024;

/// Starts a turn that says `said`, as the message `message_id` when a person said it.
pub(super) fn begin(state: &mut State, said: &str, message_id: Option<&str>, mode: Option<&'static str>) -> Frame {
    state.asked_turns += 1;
    state.starting = true;
    state.plan.clear();
    frames::turn(state, &NewTurn { number: state.asked_turns, text: said, message_id, mode })
}

/// Starts the first turn.
pub(super) fn first(state: &mut State) -> Frame {
    let prompt = std::mem::take(&mut state.prompt);
    let mode = state.policy.plan_first.then_some("plan");
    begin(state, &prompt, None, mode)
}

/// Tells waiting messages: into the running turn, else one of them as the next turn (codex R9).
pub(super) fn pump(state: &mut State) -> Vec<Frame> {
    if state.thread.is_empty() || state.hopeless || state.starting {
        return Vec::new();
    }
    if let Some(turn) = state.turn.clone() {
        if state.deaf {
            return Vec::new();
        }
        let waiting = std::mem::take(&mut state.queue);
        let told = waiting.into_iter().map(|message| {
            state.sendings += 1;
            let frame = frames::steer(state, &turn, state.sendings, &message.id, &message.text);
            state.steered.insert(state.sendings, message.id.clone());
            state.sent.insert(message.id, message.text);
            frame
        });
        return told.collect();
    }
    // A plan that waits for its answer comes first: the answer starts the next turn.
    if !state.open.is_empty() {
        return Vec::new();
    }
    let Some(message) = state.queue.pop_front() else { return Vec::new() };
    let frame = begin(state, &message.text, Some(&message.id), None);
    state.turned.insert(state.asked_turns, message.id.clone());
    state.sent.insert(message.id, message.text);
    vec![frame]
}

/// The frame of a message that was sent and not confirmed, for when it is not certain that it went out: sending it twice delivers once.
pub(super) fn again(state: &State, message_id: &str) -> Vec<Frame> {
    let Some(text) = state.sent.get(message_id) else { return Vec::new() };
    let numbered =
        |sent: &std::collections::BTreeMap<u32, String>| sent.iter().find(|(_, id)| *id == message_id).map(|(number, _)| *number);
    let steered = numbered(&state.steered).zip(state.turn.as_deref());
    let frame = steered.map(|(number, turn)| frames::steer(state, turn, number, message_id, text));
    let turned = || {
        let number = numbered(&state.turned)?;
        Some(frames::turn(state, &NewTurn { number, text, message_id: Some(message_id), mode: None }))
    };
    frame.or_else(turned).into_iter().collect()
}

/// A turn of ours runs.
pub(super) fn started(state: &mut State, turn: &str) -> Vec<Frame> {
    state.starting = false;
    state.deaf = false;
    state.turns.insert(turn.to_owned());
    state.turn = Some(turn.to_owned());
    pump(state)
}

/// Reads `turn/completed`.
pub(super) fn completed(state: &mut State, params: &Value, at_ms: i64) -> Step {
    let turn = params.get("turn").unwrap_or(&Value::Null);
    state.turns.insert(text(turn, "/id").to_owned());
    (state.turn, state.starting, state.deaf) = (None, false, false);
    state.calls.clear();
    let mut facts = Facts { status: text(turn, "/status").to_owned(), ..Facts::default() };
    let mut step = Step { items: questions::withdraw_all(state, "the turn ended"), frames: Vec::new() };
    match facts.status.as_str() {
        "completed" => {
            let said = list(turn, "/items").iter().rev().find(|item| text(item, "/type") == "agentMessage");
            let said = said.map(|item| text(item, "/text")).filter(|said| !said.trim().is_empty() && state.last_text.is_empty());
            facts.text = said.map_or_else(|| state.last_text.clone(), |said| clip_to(said, SUMMARY_BYTES));
            if state.policy.plan_first && !state.plan.is_empty() {
                step.items.push(propose(state));
            } else {
                step.items.push(OutputBody::Result { success: true, text: clip(&facts.text) });
            }
        }
        "interrupted" => {
            "the turn was interrupted".clone_into(&mut facts.text);
            step.items.push(OutputBody::Result { success: false, text: facts.text.clone() });
        }
        _ => {
            let told = turn.get("error").filter(|error| error.is_object());
            match (told, state.last_error.take()) {
                (Some(error), _) => errors::read(error, &mut facts),
                (None, Some(earlier)) => facts = Facts { status: facts.status, ..earlier },
                (None, None) => "the turn failed without a reason".clone_into(&mut facts.text),
            }
            if errors::is_limit(state, &facts) {
                step.items.push(limits::refuse(state, &facts.text, at_ms));
            }
            step.items.push(OutputBody::Result { success: false, text: clip(&facts.text) });
        }
    }
    state.last_error = None;
    let goes_on = facts.status != "failed";
    // A plan that nobody has accepted is no result.
    state.result = Some(facts).filter(|_| state.open.is_empty());
    if goes_on {
        step.frames = pump(state);
    }
    step
}

/// Asks whether the proposed plan is accepted.
fn propose(state: &mut State) -> OutputBody {
    let name = format!("plan-{}.{}", state.launch, state.asked_turns);
    let question = Question {
        request_id: name.clone(),
        kind: QuestionKind::PlanApproval,
        text: "Is this plan accepted?".to_owned(),
        tool: String::new(),
        detail: clip(&state.plan),
        options: Vec::new(),
    };
    state.open.insert(name, OpenRequest { ask: Ask::Plan, ..OpenRequest::default() });
    OutputBody::Question(question)
}

/// What is said when a plan was accepted, or not.
pub(super) fn after_plan(state: &mut State, verdict: Result<(), String>) -> Frame {
    match verdict {
        Ok(()) => {
            state.policy.plan_first = false;
            begin(state, "The plan is accepted. Carry it out.", None, Some("default"))
        }
        Err(reason) => begin(state, &format!("The plan is not accepted: {reason}"), None, Some("plan")),
    }
}
