//! The normaliser of Codex: takes lines apart and hands messages to who understands them.
//!
//! Spec: specs/server/runner/codex.md

use aq_core::output::OutputBody;
use aq_core::runner_link::Answer;
use serde_json::Value;

use super::state::{Message, State};
use super::{answers, frames, messages, outcome, turns};
use crate::runtimes::command::plain;
use crate::runtimes::normalizer::{Answered, End, ExitFacts, Frame, Normalizer, StdinWish, Step, Wishes};
use crate::spool::{RawKind, RawLine};

/// How long a message that was sent may wait to be read after a turn has ended, before the input is closed all the same.
const UNREAD_MESSAGE_WAIT_MS: u64 = 30_000;

/// Reads Codex's messages.
pub(super) struct CodexLines {
    state: State,
}

impl CodexLines {
    pub(super) const fn new(state: State) -> Self {
        Self { state }
    }
}

impl Normalizer for CodexLines {
    fn line(&mut self, line: &RawLine) -> Step {
        match line.kind {
            RawKind::Gap => return plain(line).into(),
            RawKind::Stderr => {
                self.state.remember_stderr(&line.text());
                return plain(line).into();
            }
            RawKind::Stdout => {}
        }
        if line.bytes.iter().all(u8::is_ascii_whitespace) {
            return Step::default();
        }
        match serde_json::from_slice::<Value>(&line.bytes) {
            Ok(message) if message.is_object() => messages::read(&mut self.state, &message, line.at_ms),
            // A message whose end is missing is of no use to anybody as text.
            _ if line.truncated && line.bytes.starts_with(b"{") => {
                OutputBody::Gap { bytes: line.bytes.len() as u64 + line.dropped, reason: "a message of the agent was too long".to_owned() }
                    .into()
            }
            _ => plain(line).into(),
        }
    }

    fn end(&mut self, exit: &ExitFacts) -> End {
        outcome::end(&mut self.state, exit)
    }

    fn wishes(&self) -> Wishes {
        let state = &self.state;
        let patient = !state.open.is_empty();
        let busy = state.turn.is_some() || state.starting || patient;
        let failed = state.result.as_ref().is_some_and(|result| result.status == "failed");
        let stdin = match &state.result {
            _ if state.hopeless => StdinWish::CloseAfter { ms: 0 },
            None => StdinWish::Hold,
            Some(_) if busy => StdinWish::Hold,
            Some(_) if !failed && !state.sent.is_empty() => StdinWish::CloseAfter { ms: UNREAD_MESSAGE_WAIT_MS },
            Some(_) => StdinWish::CloseAfter { ms: 0 },
        };
        Wishes { stdin, patient, give_up: outcome::is_out(state) }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }

    fn answer(&mut self, request_id: &str, answer: &Answer) -> Option<Answered> {
        answers::take(&mut self.state, request_id, answer)
    }

    fn message(&mut self, message_id: &str, text: &str) -> Option<Vec<Frame>> {
        let state = &mut self.state;
        let over = state.hopeless || (state.turn.is_none() && state.result.as_ref().is_some_and(|result| result.status == "failed"));
        if over {
            return None;
        }
        if !state.taken.insert(message_id.to_owned()) {
            return Some(turns::again(state, message_id));
        }
        state.queue.push_back(Message { id: message_id.to_owned(), text: text.to_owned() });
        Some(turns::pump(state))
    }

    fn interrupt(&self) -> Option<Frame> {
        self.state.turn.as_ref().map(|turn| frames::interrupt(&self.state, turn))
    }
}
