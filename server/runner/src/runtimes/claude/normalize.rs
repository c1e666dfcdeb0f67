//! The normaliser of Claude Code: takes lines apart and hands messages to who understands them.
//!
//! Spec: specs/server/runner/claude.md

use aq_core::runner_link::Answer;
use serde_json::Value;

use super::state::State;
use super::{answers, frames, messages, outcome};
use crate::runtimes::envelope::{Envelope, open};
use crate::runtimes::normalizer::{Answered, End, ExitFacts, Frame, Normalizer, StdinWish, Step, Wishes};
use crate::spool::RawLine;

/// How long a message that was sent may wait to be read after a turn has ended, before the input is closed all the same.
const UNREAD_MESSAGE_WAIT_MS: u64 = 30_000;

/// Reads Claude Code's stream.
pub(super) struct ClaudeLines {
    state: State,
}

impl ClaudeLines {
    pub(super) const fn new(state: State) -> Self {
        Self { state }
    }
}

impl Normalizer for ClaudeLines {
    fn line(&mut self, line: &RawLine) -> Step {
        match open(line, &mut self.state.sidelines) {
            Envelope::Message(message) => messages::read(&mut self.state, &message, line.at_ms),
            Envelope::Other(item) => item.into(),
            Envelope::Blank => Step::default(),
        }
    }

    fn end(&mut self, exit: &ExitFacts) -> End {
        outcome::end(&mut self.state, exit)
    }

    fn wishes(&self) -> Wishes {
        let state = &self.state;
        let patient = !state.open.is_empty();
        let give_up = state.auth_retries >= outcome::AUTH_RETRIES;
        let over = state.turns > 0 && !state.in_turn && !patient;
        let failed = state.result.as_ref().is_some_and(|result| result.is_error);
        let stdin = match over {
            false => StdinWish::Hold,
            true if !state.sent.is_empty() => StdinWish::CloseAfter { ms: UNREAD_MESSAGE_WAIT_MS },
            true if !state.background.is_empty() && !failed => StdinWish::CloseAfter { ms: state.background_wait_ms },
            true => StdinWish::CloseAfter { ms: 0 },
        };
        Wishes { stdin, patient, give_up }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }

    fn answer(&mut self, request_id: &str, answer: &Answer) -> Option<Answered> {
        answers::take(&mut self.state, request_id, answer)
    }

    fn message(&mut self, message_id: &str, text: &str) -> Option<Vec<Frame>> {
        self.state.sent.insert(frames::message_uuid(message_id), message_id.to_owned());
        Some(vec![frames::user_message(message_id, text)])
    }

    fn interrupt(&self) -> Option<Frame> {
        Some(frames::interrupt())
    }
}
