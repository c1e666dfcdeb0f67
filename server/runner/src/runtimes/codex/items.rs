//! Items of turns: what the agent says and thinks, the tools that it uses, what they answer.
//!
//! Spec: specs/server/runner/codex.md

use aq_core::output::OutputBody;
use serde_json::{Value, json};

use super::state::{REASON, State};
use crate::runtimes::clip::{clip, clip_to, first_line};
use crate::runtimes::json::{list, text};

/// Longest summary of a tool call in bytes.
const SUMMARY_BYTES: usize = 300;

/// How much of the last text is kept for the outcome, in bytes.
const LAST_TEXT_BYTES: usize = 16 * 1024;

/// Tool calls without a result of which is remembered, so that a program that invents them does not grow our memory.
const MAX_CALLS: usize = 256;

/// What of a tool's arguments people look at first, best first.
const TELLING: [&str; 8] = ["command", "path", "file_path", "url", "query", "pattern", "prompt", "text"];

/// Reads `item/started`: tool calls are shown when they begin.
pub(super) fn started(state: &mut State, params: &Value, ours: bool) -> Vec<OutputBody> {
    let Some(item) = params.get("item") else { return Vec::new() };
    match text(item, "/type") {
        "userMessage" if ours => receipt(state, item),
        _ => call(state, item).into_iter().collect(),
    }
}

/// Reads `item/completed`.
pub(super) fn completed(state: &mut State, params: &Value, ours: bool) -> Vec<OutputBody> {
    let Some(item) = params.get("item") else { return Vec::new() };
    match text(item, "/type") {
        "userMessage" if ours => receipt(state, item),
        "userMessage" | "hookPrompt" | "enteredReviewMode" | "exitedReviewMode" => Vec::new(),
        "agentMessage" | "plan" => said(state, item, ours),
        "reasoning" => {
            let parts = [list(item, "/summary"), list(item, "/content")].into_iter().find(|parts| !parts.is_empty());
            let words: Vec<_> = parts.unwrap_or_default().iter().filter_map(Value::as_str).collect();
            let words = words.join("\n\n");
            if words.trim().is_empty() { Vec::new() } else { vec![OutputBody::Thinking { text: clip(&words) }] }
        }
        "contextCompaction" => vec![OutputBody::Note { text: "the agent shortened its context".to_owned() }],
        kind if tool(item, "").is_some() => {
            let kind = kind.to_owned();
            let mut items: Vec<_> = call(state, item).into_iter().collect();
            state.calls.remove(text(item, "/id"));
            items.push(result(&kind, item));
            items
        }
        other => {
            state.count_unknown(&format!("item/{other}"));
            Vec::new()
        }
    }
}

fn said(state: &mut State, item: &Value, ours: bool) -> Vec<OutputBody> {
    let words = text(item, "/text");
    if words.trim().is_empty() {
        return Vec::new();
    }
    if ours {
        state.last_text = clip_to(words, LAST_TEXT_BYTES);
        if text(item, "/type") == "plan" {
            state.plan = clip(words);
        }
    }
    vec![OutputBody::Text { text: clip(words) }]
}

/// The agent reads a message of a person (codex R9).
fn receipt(state: &mut State, item: &Value) -> Vec<OutputBody> {
    let message_id = text(item, "/clientId").to_owned();
    let known = state.sent.remove(&message_id).is_some();
    if known && !message_id.starts_with(REASON) { vec![OutputBody::Delivered { message_id }] } else { Vec::new() }
}

/// The call that an item begins; `None` when it is none, or was shown before.
fn call(state: &mut State, item: &Value) -> Option<OutputBody> {
    let (name, summary, input) = tool(item, &state.cwd)?;
    let id = text(item, "/id");
    if state.calls.contains_key(id) || state.calls.len() >= MAX_CALLS {
        return None;
    }
    let input = clip(&input.to_string());
    state.calls.insert(id.to_owned(), input.clone());
    Some(OutputBody::ToolCall { call_id: id.to_owned(), name, summary, input })
}

/// Name, summary and input of the tool that an item is about; `None` when it is about none.
fn tool(item: &Value, cwd: &str) -> Option<(String, String, Value)> {
    let short = |words: &str| first_line(words, SUMMARY_BYTES);
    Some(match text(item, "/type") {
        "commandExecution" => {
            let input = json!({"command": text(item, "/command"), "cwd": text(item, "/cwd")});
            ("shell".to_owned(), short(&command(item)), input)
        }
        "fileChange" => {
            let changes = list(item, "/changes");
            let paths: Vec<_> = changes.iter().map(|change| within(text(change, "/path"), cwd)).collect();
            let told: Vec<_> =
                changes.iter().map(|change| json!({"path": text(change, "/path"), "kind": text(change, "/kind/type")})).collect();
            ("apply_patch".to_owned(), short(&paths.join(", ")), json!({ "changes": told }))
        }
        "mcpToolCall" => {
            let input = item.get("arguments").cloned().unwrap_or_default();
            (format!("mcp__{}__{}", text(item, "/server"), text(item, "/tool")), short(within(telling(&input), cwd)), input)
        }
        "dynamicToolCall" | "functionCallOutput" => {
            let input = item.get("arguments").cloned().unwrap_or_default();
            let name = [text(item, "/tool"), text(item, "/name")].into_iter().find(|name| !name.is_empty()).unwrap_or("tool");
            (name.to_owned(), short(within(telling(&input), cwd)), input)
        }
        "collabAgentToolCall" => {
            let input = json!({"prompt": text(item, "/prompt"), "model": text(item, "/model")});
            (text(item, "/tool").to_owned(), short(text(item, "/prompt")), input)
        }
        "webSearch" => ("web_search".to_owned(), short(text(item, "/query")), json!({"query": text(item, "/query")})),
        "imageView" => ("view_image".to_owned(), short(within(text(item, "/path"), cwd)), json!({"path": text(item, "/path")})),
        "imageGeneration" => ("image_generation".to_owned(), String::new(), json!({})),
        "sleep" => ("sleep".to_owned(), String::new(), json!({"ms": item.get("durationMs").cloned().unwrap_or_default()})),
        _ => return None,
    })
}

/// The command as the agent wrote it, without the shell that it is handed to.
pub(super) fn command(item: &Value) -> String {
    if let [only] = list(item, "/commandActions") {
        let inner = text(only, "/command");
        if !inner.is_empty() {
            return inner.to_owned();
        }
    }
    let whole = text(item, "/command");
    let inner = ["/bin/bash -lc ", "/bin/sh -lc ", "bash -lc "].iter().find_map(|shell| whole.strip_prefix(shell)).unwrap_or(whole);
    let quoted = ['\'', '"'].into_iter().find_map(|quote| inner.strip_prefix(quote)?.strip_suffix(quote));
    quoted.unwrap_or(inner).to_owned()
}

/// A path within the work directory is shown from there.
fn within<'a>(path: &'a str, cwd: &str) -> &'a str {
    path.strip_prefix(cwd).and_then(|rest| rest.strip_prefix('/')).filter(|_| !cwd.is_empty()).unwrap_or(path)
}

fn telling(input: &Value) -> &str {
    let named = TELLING.iter().find_map(|key| input.get(key).and_then(Value::as_str));
    let any = || input.as_object().and_then(|fields| fields.values().find_map(Value::as_str));
    named.or_else(any).unwrap_or_default()
}

/// What a tool answered.
fn result(kind: &str, item: &Value) -> OutputBody {
    let status = text(item, "/status");
    let code = item.get("exitCode").and_then(Value::as_i64);
    let refused = item.get("success").and_then(Value::as_bool) == Some(false);
    let is_error = matches!(status, "failed" | "declined") || code.is_some_and(|code| code != 0) || refused;
    let answer = match kind {
        "commandExecution" => text(item, "/aggregatedOutput").to_owned(),
        "fileChange" => list(item, "/changes").iter().map(|change| text(change, "/diff")).collect::<Vec<_>>().join("\n"),
        "mcpToolCall" => match text(item, "/error/message") {
            "" => parts(list(item, "/result/content")),
            error => error.to_owned(),
        },
        "dynamicToolCall" => parts(list(item, "/contentItems")),
        _ => String::new(),
    };
    let answer = match (answer.trim().is_empty(), status, code) {
        (true, "declined", _) => "not allowed".to_owned(),
        (true, _, Some(code)) if code != 0 => format!("exit code {code}"),
        (false, _, Some(code)) if code != 0 => format!("{}\nexit code {code}", answer.trim_end()),
        (true, "failed", _) => "failed".to_owned(),
        _ => answer,
    };
    OutputBody::ToolResult { call_id: text(item, "/id").to_owned(), is_error, text: clip(&answer) }
}

/// Content of a tool as text.
fn parts(content: &[Value]) -> String {
    let parts = content.iter().map(|part| match (part.get("text").and_then(Value::as_str), text(part, "/type")) {
        (Some(words), _) => words.to_owned(),
        (None, kind) => format!("[{kind}]"),
    });
    parts.collect::<Vec<_>>().join("\n")
}

/// The agent's checklist, as a tool that was used and answers with the list.
pub(super) fn checklist(state: &mut State, params: &Value) -> Vec<OutputBody> {
    let steps = list(params, "/plan");
    let done = steps.iter().filter(|step| text(step, "/status") == "completed").count();
    let current = steps.iter().find(|step| text(step, "/status") == "inProgress").map(|step| text(step, "/step"));
    let lines = steps.iter().map(|step| {
        let mark = match text(step, "/status") {
            "completed" => "x",
            "inProgress" => ">",
            _ => " ",
        };
        format!("[{mark}] {}", text(step, "/step"))
    });
    let lines = lines.collect::<Vec<_>>().join("\n");
    state.checklists += 1;
    let call_id = format!("checklist-{}.{}", state.launch, state.checklists);
    let summary = format!("{done} of {} done", steps.len());
    let summary = current.map_or_else(|| summary.clone(), |step| first_line(&format!("{summary}: {step}"), SUMMARY_BYTES));
    let input = clip(&json!({"explanation": text(params, "/explanation"), "plan": steps}).to_string());
    vec![
        OutputBody::ToolCall { call_id: call_id.clone(), name: "update_plan".to_owned(), summary, input },
        OutputBody::ToolResult { call_id, is_error: false, text: clip(&lines) },
    ]
}
