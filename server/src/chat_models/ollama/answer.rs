//! The lines of Ollama's answer.

use aq_core::chat::{Delta, ModelError, RawToolUse, StopReason};
use aq_core::output::TokenUsage;
use serde_json::Value;

use crate::chat_models::http::short;
use crate::chat_models::streamed::{Decoder, json};

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Reading {
    wants_tools: bool,
    over: bool,
}

fn text<'v>(value: &'v Value, at: &str) -> &'v str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

fn wanted(call: &Value) -> RawToolUse {
    let arguments = match call.pointer("/function/arguments") {
        None | Some(Value::Null) => String::new(),
        // Some models write the object as a text.
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    RawToolUse { id: text(call, "/id").to_owned(), name: text(call, "/function/name").to_owned(), arguments }
}

impl Decoder for Reading {
    fn frame(&mut self, frame: &str) -> Result<Vec<Delta>, ModelError> {
        let line = json(frame)?;
        if let Some(error) = line.get("error") {
            return Err(ModelError::Overloaded(short(error.as_str().unwrap_or("it failed"))));
        }
        let mut pieces = Vec::new();
        let said = |at: &str| Some(text(&line, at)).filter(|said| !said.is_empty()).map(str::to_owned);
        pieces.extend(said("/message/thinking").map(Delta::Thinking));
        pieces.extend(said("/message/content").map(Delta::Text));
        if let Some(calls) = line.pointer("/message/tool_calls").and_then(Value::as_array) {
            self.wants_tools |= !calls.is_empty();
            pieces.extend(calls.iter().map(|call| Delta::ToolUse(wanted(call))));
        }
        if line.get("done").and_then(Value::as_bool) == Some(true) {
            let count = |name: &str| line.get(name).and_then(Value::as_u64).unwrap_or(0);
            pieces.push(Delta::Usage(TokenUsage {
                input: count("prompt_eval_count"),
                output: count("eval_count"),
                ..TokenUsage::default()
            }));
            pieces.push(Delta::Stop(match (text(&line, "/done_reason"), self.wants_tools) {
                ("length", _) => StopReason::Length,
                (_, true) => StopReason::ToolUse,
                (_, false) => StopReason::Finished,
            }));
            self.over = true;
        }
        Ok(pieces)
    }

    fn is_over(&self) -> bool {
        self.over
    }
}
