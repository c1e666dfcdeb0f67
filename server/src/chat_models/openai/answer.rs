//! The chunks of Chat Completions. Endpoints differ in small things; what is read here is what they share.

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
    /// Tools that are being written, by their place.
    tools: BTreeMap<u64, RawToolUse>,
    finished: bool,
}

fn text<'v>(value: &'v Value, at: &str) -> &'v str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

impl Reading {
    fn tool(&mut self, piece: &Value) -> Result<(), ModelError> {
        let (id, name) = (text(piece, "/id"), text(piece, "/function/name"));
        // Where an endpoint gives no place, a new id begins a new tool.
        let newest = self.tools.last_key_value().map(|(place, _)| *place);
        let place = piece.get("index").and_then(Value::as_u64).unwrap_or_else(|| match newest {
            None => 0,
            Some(newest) if !id.is_empty() && self.tools.get(&newest).is_some_and(|tool| tool.id != id) => newest.saturating_add(1),
            Some(newest) => newest,
        });
        let tool = self.tools.entry(place).or_default();
        if tool.id.is_empty() {
            id.clone_into(&mut tool.id);
        }
        if tool.name.is_empty() {
            name.clone_into(&mut tool.name);
        }
        match piece.pointer("/function/arguments") {
            Some(Value::String(more)) => tool.arguments.push_str(more),
            Some(whole @ Value::Object(_)) => tool.arguments = whole.to_string(),
            _ => {}
        }
        if tool.arguments.len() > LONGEST_ARGUMENTS {
            return Err(ModelError::Malformed(format!("the arguments of a tool are longer than {LONGEST_ARGUMENTS} bytes")));
        }
        Ok(())
    }

    fn finish(&mut self, reason: &str, pieces: &mut Vec<Delta>) {
        if self.finished {
            return;
        }
        self.finished = true;
        let wants = !self.tools.is_empty();
        pieces.extend(std::mem::take(&mut self.tools).into_values().map(Delta::ToolUse));
        pieces.push(Delta::Stop(match (reason, wants) {
            ("length", _) => StopReason::Length,
            ("content_filter", _) => StopReason::Refused,
            (_, true) => StopReason::ToolUse,
            (_, false) => StopReason::Finished,
        }));
    }
}

fn usage(told: &Value) -> TokenUsage {
    let count = |at: &str| told.pointer(at).and_then(Value::as_u64).unwrap_or(0);
    let cache_read = count("/prompt_tokens_details/cached_tokens");
    TokenUsage {
        input: count("/prompt_tokens").saturating_sub(cache_read),
        output: count("/completion_tokens"),
        cache_read,
        cache_write: 0,
    }
}

impl Decoder for Reading {
    fn frame(&mut self, frame: &str) -> Result<Vec<Delta>, ModelError> {
        let mut pieces = Vec::new();
        if frame.trim() == "[DONE]" {
            self.finish("stop", &mut pieces);
            return Ok(pieces);
        }
        let chunk = json(frame)?;
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            let told = error.get("message").and_then(Value::as_str).or(error.as_str()).unwrap_or("it failed");
            return Err(ModelError::Overloaded(short(told)));
        }
        if let Some(choice) = chunk.pointer("/choices/0") {
            let said = |at: &str| Some(text(choice, at)).filter(|said| !said.is_empty()).map(str::to_owned);
            pieces.extend(said("/delta/reasoning_content").or_else(|| said("/delta/reasoning")).map(Delta::Thinking));
            pieces.extend(said("/delta/content").map(Delta::Text));
            pieces.extend(said("/delta/refusal").map(Delta::Text));
            for piece in choice.pointer("/delta/tool_calls").and_then(Value::as_array).into_iter().flatten() {
                self.tool(piece)?;
            }
            if let Some(reason) = said("/finish_reason") {
                self.finish(&reason, &mut pieces);
            }
        }
        pieces.extend(chunk.get("usage").filter(|told| told.is_object()).map(|told| Delta::Usage(usage(told))));
        Ok(pieces)
    }

    fn is_over(&self) -> bool {
        self.finished
    }
}
