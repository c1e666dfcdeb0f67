//! What a model says, in the form of each wire.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// The wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Anthropic,
    Ollama,
    OpenAi,
}

impl Wire {
    pub(crate) const ALL: [Self; 3] = [Self::Anthropic, Self::Ollama, Self::OpenAi];
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Thinking(String),
    Text(String),
    /// A tool with its arguments, which need not be JSON.
    Tool(String, String),
}

impl Part {
    pub(crate) fn tool(name: &str, arguments: &Value) -> Self {
        Self::Tool(name.to_owned(), arguments.to_string())
    }
}

fn pieces(text: &str) -> Vec<String> {
    // Small texts come in pieces of three characters, so that putting them together is tested; large ones in large pieces.
    let size = if text.chars().count() > 3000 { 4096 } else { 3 };
    text.chars().collect::<Vec<_>>().chunks(size).map(|piece| piece.iter().collect()).collect()
}

/// The bytes of an answer.
pub(crate) fn answer(wire: Wire, parts: &[Part], number: usize) -> String {
    match wire {
        Wire::Anthropic => anthropic(parts, number),
        Wire::Ollama => ollama(parts),
        Wire::OpenAi => openai(parts, number),
    }
}

fn event(out: &mut String, name: &str, mut data: Value) {
    data["type"] = json!(name);
    write!(out, "event: {name}\ndata: {data}\n\n").unwrap();
}

fn anthropic(parts: &[Part], number: usize) -> String {
    let mut out = String::new();
    let usage = json!({ "input_tokens": 100, "cache_creation_input_tokens": 7, "cache_read_input_tokens": 50, "output_tokens": 1 });
    let message =
        json!({ "id": format!("msg_{number}"), "type": "message", "role": "assistant", "content": [], "model": "m", "usage": usage });
    event(&mut out, "message_start", json!({ "message": message }));
    event(&mut out, "ping", json!({}));
    let mut uses = 0;
    for (index, part) in parts.iter().enumerate() {
        let (block, deltas): (Value, Vec<Value>) = match part {
            Part::Text(text) => (
                json!({ "type": "text", "text": "" }),
                pieces(text).iter().map(|piece| json!({ "type": "text_delta", "text": piece })).collect(),
            ),
            Part::Thinking(text) => (
                json!({ "type": "thinking", "thinking": "", "signature": "" }),
                pieces(text)
                    .iter()
                    .map(|piece| json!({ "type": "thinking_delta", "thinking": piece }))
                    .chain([json!({ "type": "signature_delta", "signature": "s" })])
                    .collect(),
            ),
            Part::Tool(name, arguments) => {
                uses += 1;
                (
                    json!({ "type": "tool_use", "id": format!("toolu_{number}_{uses}"), "name": name, "input": {} }),
                    [String::new()]
                        .into_iter()
                        .chain(pieces(arguments))
                        .map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }))
                        .collect(),
                )
            }
        };
        event(&mut out, "content_block_start", json!({ "index": index, "content_block": block }));
        for delta in deltas {
            event(&mut out, "content_block_delta", json!({ "index": index, "delta": delta }));
        }
        event(&mut out, "content_block_stop", json!({ "index": index }));
    }
    let stop = if uses > 0 { "tool_use" } else { "end_turn" };
    event(&mut out, "message_delta", json!({ "delta": { "stop_reason": stop, "stop_sequence": null }, "usage": { "output_tokens": 20 } }));
    event(&mut out, "message_stop", json!({}));
    out
}

fn ollama(parts: &[Part]) -> String {
    let mut out = String::new();
    let mut line = |value: Value| writeln!(out, "{value}").unwrap();
    let message = |message: Value| json!({ "model": "m", "created_at": "2026-01-01T00:00:00Z", "done": false, "message": message });
    for part in parts {
        match part {
            Part::Text(text) => {
                pieces(text).iter().for_each(|piece| line(message(json!({ "role": "assistant", "content": piece }))));
            }
            Part::Thinking(text) => {
                pieces(text).iter().for_each(|piece| line(message(json!({ "role": "assistant", "content": "", "thinking": piece }))));
            }
            Part::Tool(name, arguments) => {
                let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| json!(arguments));
                let calls = json!([{ "function": { "name": name, "arguments": arguments } }]);
                line(message(json!({ "role": "assistant", "content": "", "tool_calls": calls })));
            }
        }
    }
    line(json!({
        "model": "m", "done": true, "done_reason": "stop", "message": { "role": "assistant", "content": "" },
        "prompt_eval_count": 150, "eval_count": 20, "total_duration": 1,
    }));
    out
}

fn openai(parts: &[Part], number: usize) -> String {
    let mut out = String::new();
    let mut chunk = |delta: Value, finish: Value| {
        let choices = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
        let chunk = json!({ "id": "c", "object": "chat.completion.chunk", "choices": choices, "usage": null });
        write!(out, "data: {chunk}\n\n").unwrap();
    };
    chunk(json!({ "role": "assistant", "content": "" }), Value::Null);
    let mut uses = 0;
    for part in parts {
        match part {
            Part::Text(text) => pieces(text).iter().for_each(|piece| chunk(json!({ "content": piece }), Value::Null)),
            Part::Thinking(text) => pieces(text).iter().for_each(|piece| chunk(json!({ "reasoning_content": piece }), Value::Null)),
            Part::Tool(name, arguments) => {
                let id = format!("call_{number}_{uses}");
                let head = json!([{ "index": uses, "id": id, "type": "function", "function": { "name": name, "arguments": "" } }]);
                chunk(json!({ "tool_calls": head }), Value::Null);
                for piece in pieces(arguments) {
                    chunk(json!({ "tool_calls": [{ "index": uses, "function": { "arguments": piece } }] }), Value::Null);
                }
                uses += 1;
            }
        }
    }
    chunk(json!({}), json!(if uses > 0 { "tool_calls" } else { "stop" }));
    let usage = json!({ "prompt_tokens": 150, "completion_tokens": 20, "prompt_tokens_details": { "cached_tokens": 50 } });
    write!(out, "data: {}\n\ndata: [DONE]\n\n", json!({ "id": "c", "choices": [], "usage": usage })).unwrap();
    out
}
