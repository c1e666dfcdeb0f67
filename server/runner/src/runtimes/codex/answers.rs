//! What a person answered, in the words of Codex (codex R5).
//!
//! Spec: specs/server/runner/codex.md

use aq_core::runner_link::Answer;
use serde_json::{Map, Value, json};

use super::choices::DENY;
use super::state::REASON;
use super::state::{Ask, Asked, Message, OpenRequest, State};
use super::{forms, frames, questions, turns};
use crate::runtimes::normalizer::Answered;

/// Words that mean yes when a permission is answered with text.
const YES: [&str; 6] = ["yes", "y", "ok", "okay", "allow", "approve"];

/// Takes an answer.
pub(super) fn take(state: &mut State, request_id: &str, answer: &Answer) -> Option<Answered> {
    let (key, at) = locate(state, request_id)?;
    let open = state.open.get(&key)?;
    match open.ask {
        Ask::Plan => {
            state.open.remove(&key);
            let verdict = verdict(answer);
            let words = verdict.as_ref().map_or_else(|reason| format!("not accepted: {reason}"), |()| "accepted".to_owned());
            let frame = turns::after_plan(state, verdict);
            Some(Answered { closed: vec![questions::closed(key, &words)], frame: Some(frame) })
        }
        Ask::Decision | Ask::Grant => Some(decide(state, &key, answer)),
        Ask::Form if open.questions.len() == 1 && open.questions.iter().all(|asked| asked.id.is_empty()) => {
            Some(decide(state, &key, answer))
        }
        Ask::Questions | Ask::Form => answer_part(state, &key, at, request_id, answer),
    }
}

/// Finds the request and the question within it: `R`, or `R.2`.
fn locate(state: &State, request_id: &str) -> Option<(String, usize)> {
    if state.open.contains_key(request_id) {
        return Some((request_id.to_owned(), 0));
    }
    let (key, number) = request_id.rsplit_once('.')?;
    let at = number.parse::<usize>().ok()?.checked_sub(1)?;
    let asked = state.open.get(key)?.questions.get(at)?;
    asked.answer.is_none().then(|| (key.to_owned(), at))
}

/// Yes, or no with the reason.
fn verdict(answer: &Answer) -> Result<(), String> {
    match answer {
        Answer::Allow => Ok(()),
        Answer::Text(text) if YES.contains(&text.trim().to_lowercase().as_str()) => Ok(()),
        Answer::Text(text) => Err(text.clone()),
        Answer::Deny { message } => Err(message.clone()),
    }
}

/// The choice that a text names: by its label or its number.
fn chosen<'a>(asked: &'a Asked, text: &str) -> Option<&'a (String, Value)> {
    let text = text.trim();
    let numbered = || text.parse::<usize>().ok().and_then(|number| asked.choices.get(number.checked_sub(1)?));
    asked.choices.iter().find(|(label, _)| label.eq_ignore_ascii_case(text)).or_else(numbered)
}

/// A permission: the choice, and the reason of a refusal as a message into the turn, since the refusal itself carries none.
fn decide(state: &mut State, key: &str, answer: &Answer) -> Answered {
    let Some(open) = state.open.remove(key) else { return Answered::default() };
    let asked = open.questions.first().cloned().unwrap_or_default();
    let named = match answer {
        Answer::Text(text) => chosen(&asked, text),
        Answer::Allow => asked.choices.first(),
        Answer::Deny { .. } => None,
    };
    let refusal = || asked.choices.iter().find(|(label, _)| label == DENY);
    let (choice, reason) = match (named, verdict(answer)) {
        (Some(choice), _) => (Some(choice), None),
        (None, Ok(())) => (asked.choices.first(), None),
        (None, Err(reason)) => (refusal(), Some(reason).filter(|reason| !reason.trim().is_empty())),
    };
    let (label, decision) = choice.cloned().unwrap_or_else(|| (DENY.to_owned(), json!("decline")));
    let result = match open.ask {
        Ask::Grant => granted(&open, &decision),
        Ask::Form if decision.is_null() => json!({"action": "decline", "content": null, "_meta": null}),
        Ask::Form => {
            let meta = if decision.get("persist").is_some() { decision } else { Value::Null };
            json!({"action": "accept", "content": {}, "_meta": meta})
        }
        _ => json!({"decision": decision}),
    };
    let words = reason.as_ref().map_or_else(|| label.clone(), |reason| format!("{label}: {reason}"));
    if let Some(reason) = reason {
        let id = format!("{REASON}{key}");
        state.queue.push_back(Message { id, text: format!("That was not allowed: {reason}") });
    }
    let then = turns::pump(state);
    let frame = frames::answer(key, &open.id, &result, &then);
    Answered { closed: vec![questions::closed(key.to_owned(), &words)], frame: Some(frame) }
}

/// What is granted: what was asked for, or nothing.
fn granted(open: &OpenRequest, decision: &Value) -> Value {
    let asked = open.permissions.as_object().cloned().unwrap_or_default();
    let (permissions, scope): (Map<String, Value>, _) = match decision.as_str() {
        Some("session") => (asked, "session"),
        Some("turn") => (asked, "turn"),
        _ => (Map::new(), "turn"),
    };
    let permissions: Map<String, Value> = permissions.into_iter().filter(|(_, value)| !value.is_null()).collect();
    json!({"permissions": permissions, "scope": scope})
}

/// One question of several: the request is answered when all are.
fn answer_part(state: &mut State, key: &str, at: usize, request_id: &str, answer: &Answer) -> Option<Answered> {
    let open = state.open.get_mut(key)?;
    if let (Ask::Form, Answer::Deny { message }) = (open.ask, answer) {
        let open = state.open.remove(key)?;
        let result = json!({"action": "decline", "content": null, "_meta": null});
        let words = format!("declined: {message}");
        let closed = questions::unanswered(key, &open).into_iter().map(|name| questions::closed(name, &words)).collect();
        return Some(Answered { closed, frame: Some(frames::answer(key, &open.id, &result, &[])) });
    }
    let asked = open.questions.get_mut(at)?;
    let value = match answer {
        Answer::Text(text) => chosen(asked, text).map_or_else(|| forms::value(&asked.kind, text.trim()), |(_, value)| value.clone()),
        Answer::Allow => asked.choices.first().map_or_else(|| json!("yes"), |(_, value)| value.clone()),
        Answer::Deny { message } if message.trim().is_empty() => json!("(no answer)"),
        Answer::Deny { message } => json!(format!("(no answer: {message})")),
    };
    let shown = match (&value, asked.secret) {
        (_, true) => "(secret)".to_owned(),
        (Value::String(text), false) => text.clone(),
        (value, false) => value.to_string(),
    };
    asked.answer = Some(if asked.kind == "array" && !value.is_array() { json!([value]) } else { value });
    let closed = vec![questions::closed(request_id.to_owned(), &shown)];
    if open.questions.iter().any(|asked| asked.answer.is_none()) {
        return Some(Answered { closed, frame: None });
    }
    let open = state.open.remove(key)?;
    let answers = open.questions.iter().map(|asked| (asked.id.clone(), asked.answer.clone().unwrap_or_default()));
    let result = match open.ask {
        Ask::Form => json!({"action": "accept", "content": Value::Object(answers.collect()), "_meta": null}),
        _ => {
            let answers: Map<String, Value> = answers.map(|(id, answer)| (id, json!({"answers": [answer]}))).collect();
            json!({ "answers": answers })
        }
    };
    Some(Answered { closed, frame: Some(frames::answer(key, &open.id, &result, &[])) })
}
