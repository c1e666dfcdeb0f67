//! A call in Ollama's form.

use std::collections::BTreeMap;

use aq_core::chat::{Block, ModelCall, Speaker};
use serde_json::{Value, json};

/// How Ollama runs the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OllamaOptions {
    /// How long the model stays loaded, in Ollama's words, for example `1h`.
    pub keep_alive: String,
    /// Tokens of context that it is loaded with; what is beyond is forgotten without a word, so it has to hold the tools.
    pub context_tokens: u64,
}

/// The body of the request. The tools are left out where none may be used: Ollama has no other way to say so.
pub(super) fn body(call: &ModelCall, model: &str, options: &OllamaOptions) -> Value {
    let mut messages = vec![json!({ "role": "system", "content": call.system })];
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for message in &call.messages {
        let mut text: Vec<&str> = Vec::new();
        let mut wanted: Vec<Value> = Vec::new();
        for block in &message.blocks {
            match block {
                Block::Text(said) => text.push(said),
                Block::ToolUse(tool) => {
                    names.insert(&tool.id, &tool.name);
                    wanted.push(json!({ "function": { "name": tool.name, "arguments": tool.input } }));
                }
                Block::ToolResult(result) => {
                    let name = names.get(result.id.as_str()).copied().unwrap_or_default();
                    messages.push(json!({ "role": "tool", "tool_name": name, "content": result.content }));
                }
            }
        }
        let text = text.join("\n");
        match message.speaker {
            Speaker::Model if wanted.is_empty() => messages.push(json!({ "role": "assistant", "content": text })),
            Speaker::Model => messages.push(json!({ "role": "assistant", "content": text, "tool_calls": wanted })),
            Speaker::Person if text.is_empty() => {}
            Speaker::Person => messages.push(json!({ "role": "user", "content": text })),
        }
    }
    let mut body = json!({
        "model": model,
        "messages": messages,
        "stream": true,
        "keep_alive": options.keep_alive,
        "options": { "num_predict": call.max_tokens, "num_ctx": options.context_tokens },
    });
    if let Some(object) = body.as_object_mut().filter(|_| call.may_use_tools && !call.tools.is_empty()) {
        let offered = call.tools.iter().filter(|tool| call.must_use.as_ref().is_none_or(|name| *name == tool.name));
        let tools = offered.map(|tool| {
            json!({ "type": "function", "function": { "name": tool.name, "description": tool.description, "parameters": tool.schema } })
        });
        object.insert("tools".to_owned(), tools.collect());
    }
    body
}
