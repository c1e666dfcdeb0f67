//! A call in the form of the Messages API.

use aq_core::chat::{Block, Message, ModelCall, Speaker};
use serde_json::{Value, json};

/// The body of the request.
pub(super) fn body(call: &ModelCall, model: &str) -> Value {
    let model = if call.model.is_empty() { model } else { &call.model };
    let mut messages: Vec<Value> = call.messages.iter().map(message).collect();
    // What was said so far is read from the provider's cache in the next round.
    let last = messages.last_mut().and_then(|message| message.pointer_mut("/content")?.as_array_mut()?.last_mut()?.as_object_mut());
    if let Some(block) = last {
        block.insert("cache_control".to_owned(), json!({ "type": "ephemeral" }));
    }
    let mut body = json!({
        "model": model,
        "max_tokens": call.max_tokens,
        "stream": true,
        "system": [{ "type": "text", "text": call.system, "cache_control": { "type": "ephemeral" } }],
        "messages": messages,
    });
    if let Some(object) = body.as_object_mut().filter(|_| !call.tools.is_empty()) {
        let tools =
            call.tools.iter().map(|tool| json!({ "name": tool.name, "description": tool.description, "input_schema": tool.schema }));
        object.insert("tools".to_owned(), tools.collect());
        // Tools stay told where the conversation mentions them: without them the API refuses it.
        let choice = match (&call.must_use, call.may_use_tools) {
            (_, false) => json!({ "type": "none" }),
            (Some(tool), true) => json!({ "type": "tool", "name": tool }),
            (None, true) => json!({ "type": "auto" }),
        };
        object.insert("tool_choice".to_owned(), choice);
    }
    body
}

fn message(message: &Message) -> Value {
    let role = match message.speaker {
        Speaker::Person => "user",
        Speaker::Model => "assistant",
    };
    let content: Vec<Value> = message
        .blocks
        .iter()
        .map(|block| match block {
            Block::Text(text) => json!({ "type": "text", "text": text }),
            Block::ToolUse(wanted) => json!({ "type": "tool_use", "id": wanted.id, "name": wanted.name, "input": wanted.input }),
            Block::ToolResult(result) => {
                json!({ "type": "tool_result", "tool_use_id": result.id, "content": result.content, "is_error": result.failed })
            }
        })
        .collect();
    json!({ "role": role, "content": content })
}
