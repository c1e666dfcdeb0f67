//! The normaliser of the CLI's own stream: one prompt, one result.
//!
//! Spec: specs/server/runner/gemini.md

use aq_core::output::{OutputBody, TokenUsage};
use aq_core::runner_link::Answer;
use serde_json::Value;

use super::outcome;
use super::state::{Facts, State};
use crate::runtimes::clip::{clip, clip_to};
use crate::runtimes::envelope::{Envelope, open};
use crate::runtimes::joined::Voice;
use crate::runtimes::json::{count, text};
use crate::runtimes::normalizer::{Answered, End, ExitFacts, Frame, Normalizer, StdinWish, Step, Wishes};
use crate::runtimes::refusal::provider_words;
use crate::runtimes::telling::telling;
use crate::spool::RawLine;

/// How much of the last text is kept for the outcome.
const SUMMARY_BYTES: usize = 16 * 1024;

/// Reads the CLI's stream.
pub(super) struct GeminiLines {
    state: State,
}

impl GeminiLines {
    pub(super) const fn new(state: State) -> Self {
        Self { state }
    }

    fn read(&mut self, message: &Value, at_ms: i64) -> Vec<OutputBody> {
        match text(message, "/type") {
            "init" => self.init(message),
            "message" if text(message, "/role") == "assistant" => {
                let whole = self.state.joined.piece(Voice::Text, "", text(message, "/content"));
                self.heard(whole).into_iter().collect()
            }
            "message" => Vec::new(),
            "tool_use" => {
                let input = message.get("parameters").cloned().unwrap_or_default();
                self.after_text(OutputBody::ToolCall {
                    call_id: text(message, "/tool_id").to_owned(),
                    name: text(message, "/tool_name").to_owned(),
                    summary: telling(&self.state.directory, &input),
                    input: clip(&input.to_string()),
                })
            }
            "tool_result" => {
                let error = text(message, "/error/message");
                let is_error = text(message, "/status") == "error";
                let said = if is_error && !error.is_empty() { error } else { text(message, "/output") };
                self.after_text(OutputBody::ToolResult { call_id: text(message, "/tool_id").to_owned(), is_error, text: clip(said) })
            }
            "error" => self.after_text(OutputBody::Error { text: clip(text(message, "/message")) }),
            "result" => self.result(message, at_ms),
            other => {
                self.state.sidelines.count(other);
                Vec::new()
            }
        }
    }

    fn init(&mut self, message: &Value) -> Vec<OutputBody> {
        if std::mem::replace(&mut self.state.begun, true) {
            return Vec::new();
        }
        let of = |path: &str| text(message, path).to_owned();
        vec![OutputBody::SessionStarted { session_id: of("/session_id"), model: of("/model"), version: String::new() }]
    }

    fn heard(&mut self, item: Option<OutputBody>) -> Option<OutputBody> {
        if let Some(OutputBody::Text { text }) = &item {
            self.state.last_text = clip_to(text, SUMMARY_BYTES);
        }
        item
    }

    fn after_text(&mut self, item: OutputBody) -> Vec<OutputBody> {
        let whole = self.state.joined.take();
        self.heard(whole).into_iter().chain([item]).collect()
    }

    fn result(&mut self, message: &Value, at_ms: i64) -> Vec<OutputBody> {
        let whole = self.state.joined.take();
        let mut items: Vec<_> = self.heard(whole).into_iter().collect();
        items.extend(usage(self.state.launch, message));
        let success = text(message, "/status") == "success";
        let (status, words) = provider_words(text(message, "/error/message"));
        let words = if success { self.state.last_text.clone() } else { words };
        items.push(OutputBody::Result { success, text: clip(&words) });
        self.state.result = Some(Facts { success, text: words, status, at_ms });
        items
    }
}

/// What the run has spent, by model. What came from the cache is counted within the input there.
fn usage(launch: u32, result: &Value) -> Vec<OutputBody> {
    let Some(models) = result.pointer("/stats/models").and_then(Value::as_object) else { return Vec::new() };
    let launch = if launch == 0 { String::new() } else { format!("launch-{launch}/") };
    let item = |(model, entry): (&String, &Value)| {
        let (all, input, cached) = (count(entry, "/total_tokens"), count(entry, "/input_tokens"), count(entry, "/cached"));
        // Reasoning is in the total only.
        let output = count(entry, "/output_tokens").max(all.saturating_sub(input));
        let tokens = TokenUsage { input: input.saturating_sub(cached), output, cache_read: cached, cache_write: 0 };
        (tokens.total() > 0).then(|| OutputBody::Usage {
            message_id: format!("{launch}turn-1/{model}"),
            model: model.clone(),
            tokens,
            cost_micros: None,
        })
    };
    models.iter().filter_map(item).collect()
}

impl Normalizer for GeminiLines {
    fn line(&mut self, line: &RawLine) -> Step {
        match open(line, &mut self.state.sidelines) {
            Envelope::Message(message) => Step { items: self.read(&message, line.at_ms), frames: Vec::new() },
            Envelope::Other(item) => item.into(),
            Envelope::Blank => Step::default(),
        }
    }

    fn end(&mut self, exit: &ExitFacts) -> End {
        let whole = self.state.joined.take();
        let said = self.heard(whole);
        let mut end = outcome::end(&mut self.state, exit);
        end.items = said.into_iter().chain(end.items).collect();
        end
    }

    /// A result is the end; a tool that stays must not keep the run (gemini R6).
    fn wishes(&self) -> Wishes {
        let stdin = if self.state.result.is_some() { StdinWish::CloseAfter { ms: 0 } } else { StdinWish::Hold };
        Wishes { stdin, ..Wishes::default() }
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
