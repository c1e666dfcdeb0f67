//! What a person answered, as a choice of the agent's (acp R6).
//!
//! Spec: specs/server/runner/acp.md

use aq_core::runner_link::Answer;

use super::choices::{self, Choice};
use super::closing::closed;
use super::permissions::chosen;
use super::state::{Message, State};
use crate::runtimes::normalizer::Answered;

/// Words that mean yes.
const YES: [&str; 6] = ["yes", "y", "ok", "okay", "allow", "approve"];

/// Takes an answer. The protocol has no room for reasons: the reason of a no is told with the next prompt.
pub(super) fn take(state: &mut State, request_id: &str, answer: &Answer) -> Option<Answered> {
    let open = state.open.remove(request_id)?;
    let (choice, reason) = decide(&open.choices, answer);
    let frame = chosen(&open.id, choice);
    let allowed = choice.is_some_and(choices::allows);
    let words = match (allowed, choice, reason) {
        (true, Some(choice), _) if choice.kind != "allow_once" => format!("allowed: {}", choice.name),
        (true, ..) => "allowed".to_owned(),
        (false, _, "") => "denied".to_owned(),
        (false, _, reason) => format!("denied: {reason}"),
    };
    if !allowed {
        state.refused_last = true;
        if !reason.is_empty() {
            state.queue.push_back(Message { id: String::new(), text: format!("The permission was refused: {reason}") });
        }
    }
    Some(Answered { closed: vec![closed(request_id, &words)], frame: Some(frame) })
}

/// The choice, and the reason of a no.
fn decide<'a>(choices: &'a [Choice], answer: &'a Answer) -> (Option<&'a Choice>, &'a str) {
    match answer {
        Answer::Allow => (choices::allowing(choices), ""),
        Answer::Deny { message } => (choices::refusing(choices), message.trim()),
        Answer::Text(said) => match choices::named(choices, said) {
            Some(choice) => (Some(choice), ""),
            None if YES.contains(&said.trim().to_lowercase().as_str()) => (choices::allowing(choices), ""),
            None => (choices::refusing(choices), said.trim()),
        },
    }
}
