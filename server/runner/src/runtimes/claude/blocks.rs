//! Content blocks of messages: text, thinking, tool calls and their results.
//!
//! Spec: specs/server/runner/claude.md

use aq_core::output::OutputBody;
use serde_json::Value;

use super::state::State;
use super::usage;
use crate::runtimes::clip::clip;
use crate::runtimes::json::{is_true, list, text};
use crate::runtimes::telling::telling;

/// The items of an assistant message, and what it says about usage and errors.
pub(super) fn assistant(state: &mut State, message: &Value) -> Vec<OutputBody> {
    let error = text(message, "/error");
    if error.is_empty() {
        state.auth_retries = 0;
    } else {
        error.clone_into(&mut state.last_error);
    }
    usage::note_message(state, message);
    let mut items = Vec::new();
    for block in list(message, "/message/content") {
        match text(block, "/type") {
            "text" if error.is_empty() => {
                let words = text(block, "/text");
                if !words.trim().is_empty() {
                    items.push(OutputBody::Text { text: clip(words) });
                }
            }
            "text" => items.push(error_item(text(block, "/text"))),
            "thinking" => {
                let words = text(block, "/thinking");
                if !words.trim().is_empty() {
                    items.push(OutputBody::Thinking { text: clip(words) });
                }
            }
            "redacted_thinking" => {}
            "tool_use" | "server_tool_use" | "mcp_tool_use" => items.push(tool_call(state, block)),
            "web_search_tool_result" | "mcp_tool_result" => items.push(tool_result(block)),
            other => state.sidelines.count(&format!("assistant/{other}")),
        }
    }
    items
}

fn tool_call(state: &mut State, block: &Value) -> OutputBody {
    let (id, name) = (text(block, "/id"), text(block, "/name"));
    let input = block.get("input").cloned().unwrap_or_default();
    if name == "ExitPlanMode" {
        // Newer versions ask for approval with an empty input; the plan is only here.
        state.plans.insert(id.to_owned(), input.clone());
    }
    OutputBody::ToolCall {
        call_id: id.to_owned(),
        name: name.to_owned(),
        summary: telling(&state.cwd, &input),
        input: clip(&input.to_string()),
    }
}

/// A tool's answer.
pub(super) fn tool_result(block: &Value) -> OutputBody {
    OutputBody::ToolResult {
        call_id: text(block, "/tool_use_id").to_owned(),
        is_error: is_true(block, "/is_error"),
        text: clip(&content_text(block)),
    }
}

/// The content of a tool result as text: a string, or a list of blocks.
pub(super) fn content_text(block: &Value) -> String {
    if let Some(text) = block.get("content").and_then(Value::as_str) {
        return text.to_owned();
    }
    let parts = list(block, "/content").iter().map(|part| match text(part, "/type") {
        "text" => text(part, "/text").to_owned(),
        other => format!("[{other}]"),
    });
    parts.collect::<Vec<_>>().join("\n")
}

/// An error of the provider as the agent's message carries it.
pub(super) fn error_item(words: &str) -> OutputBody {
    OutputBody::Error { text: clip(words) }
}
