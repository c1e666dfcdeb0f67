//! What a strict provider reads out of a request, and what it would not take.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::words::Wire;

/// A request, in one form for all wires.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) system: String,
    /// The schemas of the tools that may be used.
    pub(crate) tools: BTreeMap<String, Value>,
    /// What the person said last.
    pub(crate) said: String,
    /// The results of tools, in order: the tool, what it answered.
    pub(crate) results: Vec<(String, Value)>,
}

impl Asked {
    /// The newest fact at a JSON pointer in the results.
    pub(crate) fn fact(&self, pointer: &str) -> Option<Value> {
        self.results.iter().rev().find_map(|(_, result)| result.pointer(pointer).filter(|value| !value.is_null()).cloned())
    }
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

fn only(what: &str, value: &Value, allowed: &[&str]) -> Result<(), String> {
    let strange: Vec<_> = keys(value).into_iter().filter(|key| !allowed.contains(key)).collect();
    if strange.is_empty() && value.is_object() { Ok(()) } else { Err(format!("{what} has {strange:?}: {value}")) }
}

fn must(holds: bool, what: impl Into<String>) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.into()) }
}

fn text(value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("not a text: {value}"))
}

fn parsed(content: &str) -> Value {
    serde_json::from_str(content).unwrap_or_else(|_| Value::String(content.to_owned()))
}

fn tool(name: &Value, description: &Value, schema: &Value, tools: &mut BTreeMap<String, Value>) -> Result<(), String> {
    let name = text(name)?;
    let good = (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    must(good, format!("a tool called {name}"))?;
    must(description.is_string() && schema["type"] == "object", format!("tool {name} has no description or no object schema"))?;
    must(tools.insert(name.clone(), schema.clone()).is_none(), format!("tool {name} twice"))
}

/// Reads a request as its provider would.
pub(crate) fn read(wire: Wire, body: &Value) -> Result<Asked, String> {
    match wire {
        Wire::Anthropic => anthropic(body),
        Wire::Ollama => chat(body, Wire::Ollama),
        Wire::OpenAi => chat(body, Wire::OpenAi),
    }
}

fn anthropic(body: &Value) -> Result<Asked, String> {
    only("the body", body, &["model", "max_tokens", "stream", "system", "messages", "tools", "tool_choice"])?;
    must(body["stream"] == true && body["max_tokens"].as_u64() > Some(0) && body["model"].is_string(), "stream, max_tokens, model")?;
    let mut asked = Asked { system: text(&body["system"][0]["text"])?, ..Asked::default() };
    for spec in body["tools"].as_array().into_iter().flatten() {
        only("a tool", spec, &["name", "description", "input_schema"])?;
        tool(&spec["name"], &spec["description"], &spec["input_schema"], &mut asked.tools)?;
    }
    let (mut waiting, mut names): (Vec<String>, BTreeMap<String, String>) = (Vec::new(), BTreeMap::new());
    let mut marks = 1;
    for (index, message) in body["messages"].as_array().ok_or("messages")?.iter().enumerate() {
        only("a message", message, &["role", "content"])?;
        must(
            message["role"] == if index % 2 == 0 { "user" } else { "assistant" },
            format!("message {index} is said by {}", message["role"]),
        )?;
        let blocks = message["content"].as_array().ok_or("content")?;
        must(!blocks.is_empty(), "a message without content")?;
        let answered: Vec<String> = blocks
            .iter()
            .filter(|block| block["type"] == "tool_result")
            .map(|block| text(&block["tool_use_id"]))
            .collect::<Result<_, _>>()?;
        must(answered == waiting, format!("tool uses {waiting:?} are answered by {answered:?}"))?;
        waiting.clear();
        for block in blocks {
            marks += usize::from(!block["cache_control"].is_null());
            match block["type"].as_str() {
                Some("text") => {
                    only("text", block, &["type", "text", "cache_control"])?;
                    let said = text(&block["text"])?;
                    must(!said.trim().is_empty(), "an empty text")?;
                    asked.said = if message["role"] == "user" { said } else { asked.said };
                }
                Some("tool_use") => {
                    only("tool_use", block, &["type", "id", "name", "input"])?;
                    must(block["input"].is_object(), "an input that is no object")?;
                    let id = text(&block["id"])?;
                    must(names.insert(id.clone(), text(&block["name"])?).is_none(), "an id twice")?;
                    waiting.push(id);
                }
                Some("tool_result") => {
                    only("tool_result", block, &["type", "tool_use_id", "content", "is_error", "cache_control"])?;
                    let name = names.get(&text(&block["tool_use_id"])?).cloned().ok_or("a result of nothing")?;
                    asked.results.push((name, parsed(&text(&block["content"])?)));
                }
                _ => return Err(format!("a block of no known type: {block}")),
            }
        }
    }
    must(waiting.is_empty() && marks <= 4, "tool uses without answers, or too many cache marks")?;
    must(names.is_empty() || !asked.tools.is_empty(), "tool uses in a conversation without tools")?;
    if body["tool_choice"]["type"] == "none" {
        asked.tools.clear();
    }
    Ok(asked)
}

fn chat(body: &Value, wire: Wire) -> Result<Asked, String> {
    let ollama = wire == Wire::Ollama;
    if ollama {
        only("the body", body, &["model", "messages", "stream", "keep_alive", "options", "tools"])?;
        must(body["options"]["num_ctx"].as_u64() > Some(0) && body["options"]["num_predict"].as_u64() > Some(0), "options")?;
    } else {
        only("the body", body, &["model", "messages", "stream", "stream_options", "max_tokens", "tools", "tool_choice"])?;
        must(body["stream_options"]["include_usage"] == true && body["max_tokens"].as_u64() > Some(0), "stream_options, max_tokens")?;
    }
    must(body["stream"] == true && body["model"].is_string(), "stream, model")?;
    let mut asked = Asked::default();
    for spec in body["tools"].as_array().into_iter().flatten() {
        must(spec["type"] == "function", "a tool that is no function")?;
        let function = &spec["function"];
        only("a function", function, &["name", "description", "parameters"])?;
        tool(&function["name"], &function["description"], &function["parameters"], &mut asked.tools)?;
    }
    let mut waiting: Vec<(String, String)> = Vec::new();
    let messages = body["messages"].as_array().ok_or("messages")?;
    must(messages.len() > 1 && messages[0]["role"] == "system", "no system message first")?;
    asked.system = text(&messages[0]["content"])?;
    for message in &messages[1..] {
        match message["role"].as_str() {
            Some("user") => {
                only("a user's message", message, &["role", "content"])?;
                must(waiting.is_empty(), "tool calls without answers")?;
                asked.said = text(&message["content"])?;
            }
            Some("assistant") => {
                only("an assistant's message", message, &["role", "content", "tool_calls"])?;
                must(waiting.is_empty(), "tool calls without answers")?;
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    let (name, arguments) = (text(&call["function"]["name"])?, &call["function"]["arguments"]);
                    // One wire wants the object, the other its text.
                    let whole = if ollama { arguments.clone() } else { parsed(&text(arguments)?) };
                    must(whole.is_object(), format!("arguments that are no object: {arguments}"))?;
                    let id = if ollama { name.clone() } else { text(&call["id"])? };
                    waiting.push((id, name));
                }
            }
            Some("tool") => {
                let key = if ollama { "tool_name" } else { "tool_call_id" };
                only("a result", message, &["role", "content", key])?;
                must(!waiting.is_empty(), "a result of nothing")?;
                let (id, name) = waiting.remove(0);
                must(text(&message[key])? == id, "results in another order")?;
                asked.results.push((name, parsed(&text(&message["content"])?)));
            }
            _ => return Err(format!("a message of nobody: {message}")),
        }
    }
    must(waiting.is_empty(), "tool calls without answers")?;
    if body["tool_choice"] == "none" {
        asked.tools.clear();
    }
    Ok(asked)
}
