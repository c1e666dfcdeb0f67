//! A model for the chat: uses a tool first, then says how many messages it was given.

use serde_json::{Value, json};

use super::world::Fake;

impl Fake {
    /// The answer of the model, as its events. What it is asked is kept.
    pub(super) fn thought(&self, body: &Value) -> String {
        let messages = body["messages"].as_array().cloned().unwrap_or_default();
        let last = messages.last().cloned().unwrap_or_default();
        self.change(|state| state.thoughts.push(body.clone()));
        let question = messages.iter().rev().find(|message| message["role"] == "user").map(ToString::to_string).unwrap_or_default();
        let (delta, finish) = if question.contains("break") {
            (json!({ "content": "x".repeat(7000) }), "stop")
        } else if question.contains("chapters") {
            let chapter = |n: usize| format!("Chapter {n}. {}", "Words. ".repeat(40));
            (json!({ "content": (1..=12).map(chapter).collect::<Vec<_>>().join("\n\n") }), "stop")
        } else if last["role"] == "user" && body["tools"].is_array() && question.contains("list") {
            let call =
                json!([{ "index": 0, "id": "call_1", "type": "function", "function": { "name": "list_projects", "arguments": "{}" } }]);
            (json!({ "tool_calls": call }), "tool_calls")
        } else {
            (json!({ "content": format!("I heard {} messages.", messages.len()) }), "stop")
        };
        let chunk = |delta: Value, finish: Value| {
            let choices = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
            format!("data: {}\n\n", json!({ "id": "c", "object": "chat.completion.chunk", "choices": choices, "usage": null }))
        };
        let usage = json!({ "prompt_tokens": 15, "completion_tokens": 2 });
        format!(
            "{}{}data: {}\n\ndata: [DONE]\n\n",
            chunk(delta, Value::Null),
            chunk(json!({}), json!(finish)),
            json!({ "id": "c", "choices": [], "usage": usage })
        )
    }

    /// What the model was asked.
    pub(crate) fn thoughts(&self) -> Vec<Value> {
        self.state().thoughts.clone()
    }
}
