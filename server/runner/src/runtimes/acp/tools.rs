//! Tool calls: agents tell of one bit by bit, people see it once it can be understood, and its result once (acp R5).
//!
//! Spec: specs/server/runner/acp.md

use aq_core::output::OutputBody;
use serde_json::{Map, Value};

use super::closing;
use super::state::{Call, State};
use crate::runtimes::clip::{clip, first_line};
use crate::runtimes::json::{list, text};

/// Longest summary of a tool call in bytes.
const SUMMARY_BYTES: usize = 300;

/// Most calls that are remembered without a result; an agent that never ends its calls must not grow our memory.
const MOST_CALLS: usize = 512;

/// Inputs that tell where a tool works, not what it does.
const PLACES: [&str; 2] = ["cwd", "directory"];

/// Takes in what `part` (a call, an update, or the call within a request) says of call `id`.
fn learn(call: &mut Call, part: &Value) {
    let mut set = |field: fn(&mut Call) -> &mut String, value: &str| {
        if !value.is_empty() {
            value.clone_into(field(call));
        }
    };
    set(|call| &mut call.title, text(part, "/title"));
    set(|call| &mut call.kind, text(part, "/kind"));
    set(|call| &mut call.name, text(part, "/name"));
    set(|call| &mut call.name, text(part, "/_meta/claudeCode/toolName"));
    if let Some(input) = part.get("rawInput").filter(|input| says_something(input)) {
        call.input = input.clone();
    }
}

/// True for an input that holds more than places.
fn says_something(input: &Value) -> bool {
    match input {
        Value::Null => false,
        Value::Object(fields) => fields.keys().any(|key| !PLACES.contains(&key.as_str())),
        _ => true,
    }
}

/// Reads a `tool_call` or a `tool_call_update`.
pub(super) fn update(state: &mut State, part: &Value, is_update: bool) -> Vec<OutputBody> {
    let id = text(part, "/toolCallId");
    let status = text(part, "/status");
    let over = matches!(status, "completed" | "failed");
    if state.calls.len() >= MOST_CALLS && !state.calls.contains_key(id) {
        state.calls.pop_first();
    }
    let call = state.calls.entry(id.to_owned()).or_default();
    learn(call, part);
    let told = says_something(&call.input);
    let begun = status == "in_progress" && (told || call.title != call.name && part.get("rawInput").is_none());
    let mut items = Vec::new();
    if over || begun || (is_update && told) {
        items.extend(shown(&state.wanted.directory, id, call));
    }
    if over {
        state.calls.remove(id);
        let asked = state.open.iter().find(|(_, open)| open.call_id == id).map(|(name, _)| name.clone());
        items.extend(asked.into_iter().flat_map(|name| closing::withdraw(state, &name, "settled")));
        items.push(result(id, part, status == "failed"));
    }
    items
}

/// The call that permission is asked for, as known with what the request says of it; its item, unless it was given before.
pub(super) fn asked(state: &mut State, part: &Value) -> (Call, Option<OutputBody>) {
    let id = text(part, "/toolCallId");
    let call = state.calls.entry(id.to_owned()).or_default();
    learn(call, part);
    let item = shown(&state.wanted.directory, id, call);
    (call.clone(), item)
}

/// Calls that nothing more was told of, shown as they stand when the turn ends.
pub(super) fn rest(state: &mut State) -> Vec<OutputBody> {
    let calls = std::mem::take(&mut state.calls);
    calls.into_iter().filter_map(|(id, mut call)| shown(&state.wanted.directory, &id, &mut call)).collect()
}

fn shown(directory: &str, id: &str, call: &mut Call) -> Option<OutputBody> {
    if std::mem::replace(&mut call.shown, true) {
        return None;
    }
    let input = if call.input.is_null() { Value::Object(Map::new()) } else { call.input.clone() };
    Some(OutputBody::ToolCall {
        call_id: id.to_owned(),
        name: name(call).to_owned(),
        summary: summary(directory, &call.title),
        input: clip(&input.to_string()),
    })
}

/// The tool's name; the kind of work where the agent tells none.
pub(super) fn name(call: &Call) -> &str {
    match (call.name.as_str(), call.kind.as_str()) {
        ("", "") => "tool",
        ("", kind) => kind,
        (name, _) => name,
    }
}

/// A title; paths within the work directory are shown from there (F-100).
pub(super) fn summary(directory: &str, title: &str) -> String {
    first_line(&within(directory, title), SUMMARY_BYTES)
}

/// A text that names files of the work directory without the directory.
fn within(directory: &str, text: &str) -> String {
    if directory.is_empty() { text.to_owned() } else { text.replace(&format!("{directory}/"), "") }
}

fn result(id: &str, part: &Value, failed: bool) -> OutputBody {
    // Some agents count a command that ran as completed whatever it returned, and tell the code beside it.
    let code = ["/_meta/terminal_exit/exit_code", "/rawOutput/metadata/exit"].iter().find_map(|path| part.pointer(path)?.as_i64());
    let code = code.filter(|code| *code != 0);
    let said = output(part);
    let text = match code {
        Some(code) if said.is_empty() => format!("exit code {code}"),
        _ => clip(&said),
    };
    OutputBody::ToolResult { call_id: id.to_owned(), is_error: failed || code.is_some(), text }
}

/// What an agent that does not tell a call's input prepared for people to decide on: its texts, and of each changed file the new contents.
pub(super) fn prepared(directory: &str, part: &Value) -> String {
    let parts = list(part, "/content").iter().map(|content| match text(content, "/type") {
        "diff" => format!("{}:\n{}", within(directory, text(content, "/path")), text(content, "/newText")),
        _ => in_short(content),
    });
    parts.collect::<Vec<_>>().join("\n")
}

/// What a tool answered: its raw output where that is text, else what was prepared for people.
fn output(part: &Value) -> String {
    let raw = part.get("rawOutput").and_then(Value::as_str);
    if let Some(raw) = raw.or_else(|| part.pointer("/rawOutput/output").and_then(Value::as_str)) {
        return raw.to_owned();
    }
    list(part, "/content").iter().map(in_short).collect::<Vec<_>>().join("\n")
}

/// A part of what was prepared for people, in short.
fn in_short(content: &Value) -> String {
    match text(content, "/type") {
        "content" if content.pointer("/content/text").is_some() => text(content, "/content/text").to_owned(),
        "content" => format!("[{}]", text(content, "/content/type")),
        "diff" => format!("[changed {}]", text(content, "/path")),
        other => format!("[{other}]"),
    }
}
