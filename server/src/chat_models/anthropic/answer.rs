//! The events of the Messages API. Events that this version does not know are skipped.

use std::collections::BTreeMap;

use aq_core::chat::{Delta, ModelError, RawToolUse, StopReason};
use aq_core::output::TokenUsage;
use serde_json::Value;

use crate::chat_models::http::short;
use crate::chat_models::streamed::{Decoder, json};

/// Longest arguments of a tool, in bytes.
const LONGEST_ARGUMENTS: usize = 1024 * 1024;

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Tools that are being written, by the number of their block.
    tools: BTreeMap<u64, RawToolUse>,
    tokens: TokenUsage,
    over: bool,
}

fn text<'v>(value: &'v Value, at: &str) -> &'v str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

fn tells_error(event: &Value) -> ModelError {
    let message = short(text(event, "/error/message"));
    match text(event, "/error/type") {
        "authentication_error" | "permission_error" => ModelError::Auth(message),
        "rate_limit_error" => ModelError::Limited { retry_after_ms: None, message },
        "invalid_request_error" | "not_found_error" | "request_too_large" => ModelError::Rejected(message),
        kind => ModelError::Overloaded(format!("{message} ({})", short(kind))),
    }
}

impl Reading {
    /// Takes the counts that an event tells; those it leaves out stay.
    fn count(&mut self, usage: Option<&Value>) -> Delta {
        let told = |name: &str| usage.and_then(|usage| usage.get(name)).and_then(Value::as_u64);
        let tokens = &mut self.tokens;
        tokens.input = told("input_tokens").unwrap_or(tokens.input);
        tokens.output = told("output_tokens").unwrap_or(tokens.output);
        tokens.cache_read = told("cache_read_input_tokens").unwrap_or(tokens.cache_read);
        tokens.cache_write = told("cache_creation_input_tokens").unwrap_or(tokens.cache_write);
        Delta::Usage(self.tokens)
    }

    fn piece(&mut self, index: u64, delta: &Value) -> Result<Option<Delta>, ModelError> {
        Ok(match text(delta, "/type") {
            "text_delta" => Some(Delta::Text(text(delta, "/text").to_owned())),
            "thinking_delta" => Some(Delta::Thinking(text(delta, "/thinking").to_owned())),
            "input_json_delta" => {
                if let Some(tool) = self.tools.get_mut(&index) {
                    tool.arguments.push_str(text(delta, "/partial_json"));
                    if tool.arguments.len() > LONGEST_ARGUMENTS {
                        return Err(ModelError::Malformed(format!("the arguments of a tool are longer than {LONGEST_ARGUMENTS} bytes")));
                    }
                }
                None
            }
            _ => None,
        })
    }
}

impl Decoder for Reading {
    fn frame(&mut self, frame: &str) -> Result<Vec<Delta>, ModelError> {
        let event = json(frame)?;
        let index = event.get("index").and_then(Value::as_u64).unwrap_or(0);
        let mut pieces = Vec::new();
        match text(&event, "/type") {
            "message_start" => pieces.push(self.count(event.pointer("/message/usage"))),
            "content_block_start" => match text(&event, "/content_block/type") {
                "tool_use" => {
                    let (id, name) = (text(&event, "/content_block/id").to_owned(), text(&event, "/content_block/name").to_owned());
                    drop(self.tools.insert(index, RawToolUse { id, name, arguments: String::new() }));
                }
                "text" => pieces
                    .extend(Some(text(&event, "/content_block/text")).filter(|said| !said.is_empty()).map(|said| Delta::Text(said.into()))),
                _ => {}
            },
            "content_block_delta" => {
                let delta = event.get("delta").unwrap_or(&Value::Null);
                pieces.extend(self.piece(index, delta)?);
            }
            "content_block_stop" => pieces.extend(self.tools.remove(&index).map(Delta::ToolUse)),
            "message_delta" => {
                pieces.push(self.count(event.get("usage")));
                let stop = match text(&event, "/delta/stop_reason") {
                    "" => None,
                    "tool_use" => Some(StopReason::ToolUse),
                    "max_tokens" | "model_context_window_exceeded" => Some(StopReason::Length),
                    "refusal" => Some(StopReason::Refused),
                    _ => Some(StopReason::Finished),
                };
                pieces.extend(stop.map(Delta::Stop));
            }
            "message_stop" => {
                // A tool that was cut off by the most tokens has no end of its own.
                pieces.extend(std::mem::take(&mut self.tools).into_values().map(Delta::ToolUse));
                self.over = true;
            }
            "error" => return Err(tells_error(&event)),
            _ => {}
        }
        Ok(pieces)
    }

    fn is_over(&self) -> bool {
        self.over
    }
}
