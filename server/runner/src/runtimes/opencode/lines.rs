//! The normaliser of OpenCode's own stream: steps, without a last word.
//!
//! Spec: specs/server/runner/opencode.md

use aq_core::output::{OutputBody, TokenUsage};
use aq_core::runner_link::Answer;
use serde_json::Value;

use super::outcome;
use super::state::{Facts, State};
use crate::runtimes::clip::{clip, clip_to};
use crate::runtimes::envelope::{Envelope, open};
use crate::runtimes::json::{count, text};
use crate::runtimes::normalizer::{Answered, End, ExitFacts, Frame, Normalizer, Step, Wishes};
use crate::runtimes::telling::telling;
use crate::spool::RawLine;

/// How much of the last text is kept for the outcome.
const SUMMARY_BYTES: usize = 16 * 1024;

/// Reads OpenCode's stream.
pub(super) struct OpenCodeLines {
    state: State,
}

impl OpenCodeLines {
    pub(super) const fn new(state: State) -> Self {
        Self { state }
    }

    fn read(&mut self, message: &Value, at_ms: i64) -> Vec<OutputBody> {
        let mut items: Vec<_> = self.session(message).into_iter().collect();
        match text(message, "/type") {
            "step_start" => {}
            "text" => {
                let said = text(message, "/part/text");
                if !said.trim().is_empty() {
                    self.state.last_text = clip_to(said.trim_end(), SUMMARY_BYTES);
                    items.push(OutputBody::Text { text: clip(said.trim_end()) });
                }
            }
            "reasoning" => {
                let said = text(message, "/part/text");
                if !said.trim().is_empty() {
                    items.push(OutputBody::Thinking { text: clip(said.trim_end()) });
                }
            }
            "tool_use" => items.extend(tool(&self.state.directory, message)),
            "step_finish" => {
                text(message, "/part/reason").clone_into(&mut self.state.reason);
                self.state.error = None;
                items.extend(usage(&self.state, message));
            }
            "error" => {
                let facts = error(message, at_ms);
                items.push(OutputBody::Error { text: clip(&facts.text) });
                self.state.error = Some(facts);
            }
            other => self.state.sidelines.count(other),
        }
        items
    }

    /// Every line names the session; the first one begins it.
    fn session(&mut self, message: &Value) -> Option<OutputBody> {
        let session = text(message, "/sessionID");
        if session.is_empty() || !self.state.session.is_empty() {
            return None;
        }
        session.clone_into(&mut self.state.session);
        let model = self.state.model.clone();
        Some(OutputBody::SessionStarted { session_id: session.to_owned(), model, version: String::new() })
    }
}

/// A tool is told of only when it is done.
fn tool(directory: &str, message: &Value) -> [OutputBody; 2] {
    let call_id = text(message, "/part/callID").to_owned();
    let input = message.pointer("/part/state/input").cloned().unwrap_or_default();
    let failed = text(message, "/part/state/status") == "error";
    let code = message.pointer("/part/state/metadata/exit").and_then(Value::as_i64).unwrap_or_default();
    let said = if failed { text(message, "/part/state/error") } else { text(message, "/part/state/output") };
    let call = OutputBody::ToolCall {
        call_id: call_id.clone(),
        name: text(message, "/part/tool").to_owned(),
        summary: telling(directory, &input),
        input: clip(&input.to_string()),
    };
    [call, OutputBody::ToolResult { call_id, is_error: failed || code != 0, text: clip(said) }]
}

/// What a step has spent. Its id is unique, so that steps add up.
fn usage(state: &State, message: &Value) -> Option<OutputBody> {
    let tokens = TokenUsage {
        input: count(message, "/part/tokens/input"),
        output: count(message, "/part/tokens/output").saturating_add(count(message, "/part/tokens/reasoning")),
        cache_read: count(message, "/part/tokens/cache/read"),
        cache_write: count(message, "/part/tokens/cache/write"),
    };
    let dollars = message.pointer("/part/cost").and_then(Value::as_f64).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a saturating cast of a rounded, non-negative amount")]
    let micros = (dollars.max(0.0) * 1e6).round() as u64;
    (tokens.total() > 0).then(|| OutputBody::Usage {
        message_id: text(message, "/part/id").to_owned(),
        model: state.model.clone(),
        tokens,
        cost_micros: Some(micros),
    })
}

fn error(message: &Value, at_ms: i64) -> Facts {
    let name = text(message, "/error/name");
    let said = text(message, "/error/data/message");
    let header = |name: &str| text(message, &format!("/error/data/responseHeaders/{name}")).parse::<i64>().ok();
    let wait = header("retry-after-ms").or_else(|| header("retry-after")?.checked_mul(1000)).filter(|wait| *wait > 0);
    Facts {
        name: name.to_owned(),
        text: if said.is_empty() { name.to_owned() } else { said.to_owned() },
        status: message.pointer("/error/data/statusCode").and_then(Value::as_u64),
        retry_after_ms: wait,
        at_ms,
    }
}

impl Normalizer for OpenCodeLines {
    fn line(&mut self, line: &RawLine) -> Step {
        match open(line, &mut self.state.sidelines) {
            Envelope::Message(message) => Step { items: self.read(&message, line.at_ms), frames: Vec::new() },
            Envelope::Other(item) => item.into(),
            Envelope::Blank => Step::default(),
        }
    }

    fn end(&mut self, exit: &ExitFacts) -> End {
        outcome::end(&mut self.state, exit)
    }

    fn wishes(&self) -> Wishes {
        Wishes::default()
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }

    fn answer(&mut self, _request_id: &str, _answer: &Answer) -> Option<Answered> {
        None
    }

    fn message(&mut self, _message_id: &str, _text: &str) -> Option<Vec<Frame>> {
        None
    }

    fn interrupt(&self) -> Option<Frame> {
        None
    }
}
