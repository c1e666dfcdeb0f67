//! A call in the form of Chat Completions.

use aq_core::chat::{Block, ModelCall, Speaker};
use serde_json::{Value, json};

/// Which words an endpoint understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Those that every endpoint understands.
    Common,
    /// OpenAI's own, whose newer models refuse an older word.
    Newest,
}

/// The body of the request.
pub(super) fn body(call: &ModelCall, model: &str, dialect: Dialect) -> Value {
    let model = if call.model.is_empty() { model } else { &call.model };
    let limit = match dialect {
        Dialect::Common => "max_tokens",
        Dialect::Newest => "max_completion_tokens",
    };
    let mut body = json!({
        "model": model,
        "messages": messages(call),
        "stream": true,
        "stream_options": { "include_usage": true },
        limit: call.max_tokens,
    });
    if let Some(object) = body.as_object_mut().filter(|_| !call.tools.is_empty()) {
        let tools = call.tools.iter().map(|tool| {
            json!({ "type": "function", "function": { "name": tool.name, "description": tool.description, "parameters": tool.schema } })
        });
        object.insert("tools".to_owned(), tools.collect());
        let choice = match (&call.must_use, call.may_use_tools) {
            (_, false) => json!("none"),
            (Some(tool), true) => json!({ "type": "function", "function": { "name": tool } }),
            (None, true) => json!("auto"),
        };
        object.insert("tool_choice".to_owned(), choice);
    }
    body
}

fn messages(call: &ModelCall) -> Vec<Value> {
    let mut messages = vec![json!({ "role": "system", "content": call.system })];
    for message in &call.messages {
        let mut text: Vec<&str> = Vec::new();
        let mut wanted: Vec<Value> = Vec::new();
        for block in &message.blocks {
            match block {
                Block::Text(said) => text.push(said),
                Block::ToolUse(tool) => {
                    let arguments = Value::Object(tool.input.clone()).to_string();
                    wanted.push(json!({ "id": tool.id, "type": "function", "function": { "name": tool.name, "arguments": arguments } }));
                }
                Block::ToolResult(result) => {
                    messages.push(json!({ "role": "tool", "tool_call_id": result.id, "content": result.content }));
                }
            }
        }
        let text = text.join("\n");
        match message.speaker {
            Speaker::Model if wanted.is_empty() => messages.push(json!({ "role": "assistant", "content": text })),
            Speaker::Model => {
                let content = if text.is_empty() { Value::Null } else { json!(text) };
                messages.push(json!({ "role": "assistant", "content": content, "tool_calls": wanted }));
            }
            Speaker::Person if text.is_empty() => {}
            Speaker::Person => messages.push(json!({ "role": "user", "content": text })),
        }
    }
    messages
}
