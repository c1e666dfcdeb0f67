//! The normaliser of agents that speak the protocol.
//!
//! Spec: specs/server/runner/acp.md

use aq_core::runner_link::Answer;
use serde_json::{Value, json};

use super::facts::END_TURN;
use super::state::{Message, Phase, State};
use super::{answers, messages, outcome, permissions, turns, wire};
use crate::runtimes::envelope::{Envelope, open};
use crate::runtimes::normalizer::{Answered, End, ExitFacts, Frame, Normalizer, StdinWish, Step, Wishes};
use crate::spool::RawLine;

/// Reads the agent's messages.
pub(super) struct AcpLines {
    state: State,
}

impl AcpLines {
    pub(super) const fn new(state: State) -> Self {
        Self { state }
    }

    /// True when every prompt was answered, or none can be sent.
    fn is_over(&self) -> bool {
        let state = &self.state;
        state.phase == Phase::Hopeless || (state.phase == Phase::Working && !state.in_turn)
    }
}

impl Normalizer for AcpLines {
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
        let stdin = if self.is_over() { StdinWish::CloseAfter { ms: 0 } } else { StdinWish::Hold };
        Wishes { stdin, patient: !self.state.open.is_empty(), give_up: false }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }

    fn answer(&mut self, request_id: &str, answer: &Answer) -> Option<Answered> {
        answers::take(&mut self.state, request_id, answer)
    }

    /// While the agent works a message waits for the turn's end: the protocol has no way to tell it sooner (acp R8).
    fn message(&mut self, message_id: &str, text: &str) -> Option<Vec<Frame>> {
        let state = &mut self.state;
        let failed = state.result.as_ref().is_some_and(|result| result.stop != END_TURN);
        if state.phase == Phase::Hopeless || (!state.in_turn && failed) {
            return None;
        }
        if !state.taken.insert(message_id.to_owned()) {
            return Some(Vec::new());
        }
        if state.phase == Phase::Working && !state.in_turn {
            state.receipts.push(message_id.to_owned());
            return Some(vec![turns::prompt(state, [text.to_owned()])]);
        }
        state.queue.push_back(Message { id: message_id.to_owned(), text: text.to_owned() });
        Some(Vec::new())
    }

    /// Cancels the turn; requests that wait for a person are answered as cancelled, as the protocol demands.
    fn interrupt(&self) -> Option<Frame> {
        if !self.state.in_turn {
            return None;
        }
        let mut bytes = wire::notification("session/cancel", &json!({"sessionId": self.state.session}));
        bytes.extend(self.state.open.values().flat_map(|open| permissions::chosen(&open.id, None).bytes));
        Some(Frame { id: "cancel".to_owned(), bytes })
    }
}
