//! A model for the chat: what it answers hangs on a word of the question; usually it says how many messages it was given.

use serde_json::{Value, json};

use super::world::Fake;

/// The call of a tool.
fn calls(tool: &str, arguments: &Value) -> Value {
    let function = json!({ "name": tool, "arguments": arguments.to_string() });
    json!({ "tool_calls": [{ "index": 0, "id": "call_1", "type": "function", "function": function }] })
}

/// A task whose agent writes a plan of three steps.
fn greeting() -> Value {
    let step = |number: usize, title: &str| format!("## Phase {number}: {title}\\n\\n{title} for the greeting, with a test of it.\\n\\n");
    let steps = [step(1, "Write the words"), step(2, "Choose the language"), step(3, "Say it aloud")].concat();
    let script = format!(
        "say I think about the greeting.\nwrite .aq/plan.md # The greeting\\n\\n{steps}\nusage 900 200\ndone A plan of three steps."
    );
    json!({ "project_id": "app", "title": "Plan the greeting", "description": format!("Plan it.\n```aq-script\n{script}\n```") })
}

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
        } else if messages.iter().any(|message| message["content"].to_string().contains("ummar")) && !body["tools"].is_array() {
            (json!({ "content": format!("A summary of {} characters.", question.chars().count()) }), "stop")
        } else if last["role"] == "user" && body["tools"].is_array() && question.contains("list") {
            (calls("list_projects", &json!({})), "tool_calls")
        } else if last["role"] == "user" && body["tools"].is_array() && question.contains("greeting") {
            (calls("create_task", &greeting()), "tool_calls")
        } else if question.contains("greeting") {
            (json!({ "content": "I made a task that plans the greeting; its steps follow by themselves." }), "stop")
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

    /// A model of another kind that is not loaded yet: none is, and the answer of one line.
    pub(super) fn cold(&self, path: &str) -> String {
        if path.ends_with("/api/ps") {
            return json!({ "models": [] }).to_string();
        }
        let message = json!({ "role": "assistant", "content": "Warm now." });
        format!("{}\n", json!({ "message": message, "done": true, "prompt_eval_count": 3, "eval_count": 2 }))
    }

    /// What the model was asked.
    pub(crate) fn thoughts(&self) -> Vec<Value> {
        self.state().thoughts.clone()
    }
}
