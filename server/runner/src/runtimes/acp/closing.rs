//! How requests for permission come to their end.
//!
//! Spec: specs/server/runner/acp.md

use aq_core::output::OutputBody;

use super::state::State;
use crate::runtimes::clip::first_line;

/// How much of an answer the closing item shows, in bytes.
const ANSWER_BYTES: usize = 300;

/// The closing item of a question.
pub(super) fn closed(request_id: &str, answer: &str) -> OutputBody {
    OutputBody::QuestionClosed { request_id: request_id.to_owned(), answer: first_line(answer, ANSWER_BYTES) }
}

/// A question is settled without an answer of a person.
pub(super) fn withdraw(state: &mut State, name: &str, why: &str) -> Vec<OutputBody> {
    state.open.remove(name).map(|_| closed(name, why)).into_iter().collect()
}

/// Nobody waits for answers any more.
pub(super) fn withdraw_all(state: &mut State, why: &str) -> Vec<OutputBody> {
    std::mem::take(&mut state.open).keys().map(|name| closed(name, why)).collect()
}
