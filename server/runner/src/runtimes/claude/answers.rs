//! What a person answered, in the words of Claude Code (claude R6).
//!
//! Spec: specs/server/runner/claude.md

use aq_core::runner_link::Answer;
use serde_json::{Map, Value, json};

use super::state::{Ask, Asked, OpenRequest, State};
use super::{frames, questions};
use crate::runtimes::normalizer::Answered;

/// Words that mean yes when a permission is answered with text.
const YES: [&str; 6] = ["yes", "y", "ok", "okay", "allow", "approve"];

/// Takes an answer.
pub(super) fn take(state: &mut State, request_id: &str, answer: &Answer) -> Option<Answered> {
    let (key, at) = locate(state, request_id)?;
    let open = state.open.get_mut(&key)?;
    if open.ask == Ask::Questions
        && let Some(text) = answer_text(open.questions.get(at), answer)
    {
        let asked = open.questions.get_mut(at)?;
        asked.answer = Some(text.clone());
        let closed = vec![questions::closed(request_id.to_owned(), &text)];
        let done = open.questions.iter().all(|asked| asked.answer.is_some());
        let frame = done.then(|| frames::allow(&key, &with_answers(open)));
        if done {
            state.open.remove(&key);
        }
        return Some(Answered { closed, frame });
    }
    let open = state.open.remove(&key)?;
    let (frame, words) = match verdict(answer) {
        Ok(()) => (frames::allow(&key, &allowed_input(state, &open)), "allowed".to_owned()),
        Err(reason) => (frames::deny(&key, &reason), format!("denied: {reason}")),
    };
    let closed = questions::unanswered(&key, &open).into_iter().map(|name| questions::closed(name, &words)).collect();
    Some(Answered { closed, frame: Some(frame) })
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

/// The answer to a question as text; `None` when the person refuses to answer.
fn answer_text(asked: Option<&Asked>, answer: &Answer) -> Option<String> {
    match answer {
        Answer::Deny { .. } => None,
        Answer::Allow => Some(asked.and_then(|asked| asked.labels.first()).map_or_else(|| "yes".to_owned(), Clone::clone)),
        Answer::Text(text) => {
            let text = text.trim();
            let labels = asked.map(|asked| asked.labels.as_slice()).unwrap_or_default();
            let numbered = text.parse::<usize>().ok().and_then(|number| labels.get(number.checked_sub(1)?));
            let named = labels.iter().find(|label| label.eq_ignore_ascii_case(text));
            Some(named.or(numbered).map_or_else(|| text.to_owned(), Clone::clone))
        }
    }
}

/// Yes, or no with the reason.
fn verdict(answer: &Answer) -> Result<(), String> {
    match answer {
        Answer::Allow => Ok(()),
        Answer::Text(text) if YES.contains(&text.trim().to_lowercase().as_str()) => Ok(()),
        Answer::Text(text) => Err(text.clone()),
        Answer::Deny { message } if message.trim().is_empty() => Err("The person said no.".to_owned()),
        Answer::Deny { message } => Err(message.clone()),
    }
}

/// The input that is allowed: as asked, with the plan of the call when the request came without it.
fn allowed_input(state: &State, open: &OpenRequest) -> Value {
    match open.ask {
        Ask::Plan => state.plans.get(&open.tool_use_id).cloned().unwrap_or_else(|| open.input.clone()),
        _ => open.input.clone(),
    }
}

/// The questions together with their answers.
fn with_answers(open: &OpenRequest) -> Value {
    let answers: Map<String, Value> =
        open.questions.iter().map(|asked| (asked.text.clone(), json!(asked.answer.clone().unwrap_or_default()))).collect();
    let mut input = open.input.clone();
    match input.as_object_mut() {
        Some(fields) => {
            fields.insert("answers".to_owned(), Value::Object(answers));
            input
        }
        None => json!({"answers": answers}),
    }
}
