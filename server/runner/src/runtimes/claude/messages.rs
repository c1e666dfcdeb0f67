//! What each kind of message means.
//!
//! Spec: specs/server/runner/claude.md

use aq_core::output::OutputBody;
use serde_json::Value;

use super::state::State;
use super::{blocks, frames, limits, questions, results};
use crate::runtimes::clip::first_line;
use crate::runtimes::json::{count, is_true, list, text};
use crate::runtimes::normalizer::Step;

/// Kinds that tell nothing a person or the server needs.
const QUIET: [&str; 9] = [
    "stream_event",
    "command_lifecycle",
    "tool_progress",
    "keep_alive",
    "control_response",
    "tool_use_summary",
    "auth_status",
    "prompt_suggestion",
    "transcript_mirror",
];

/// Subtypes of `system` of the same sort.
const QUIET_SYSTEM: [&str; 16] = [
    "status",
    "hook_started",
    "hook_response",
    "hook_progress",
    "thinking_tokens",
    "session_state_changed",
    "files_persisted",
    "task_progress",
    "post_turn_summary",
    "local_command_output",
    "elicitation_complete",
    "memory_recall",
    "plugin_install",
    "worker_shutting_down",
    "notification",
    "mirror_error",
];

/// States of a background task after which it is gone.
const TASK_OVER: [&str; 5] = ["completed", "failed", "killed", "stopped", "cancelled"];

fn note(text: impl Into<String>) -> OutputBody {
    OutputBody::Note { text: text.into() }
}

/// Reads one message.
pub(super) fn read(state: &mut State, message: &Value, at_ms: i64) -> Step {
    let kind = text(message, "/type");
    match kind {
        "system" => Step { items: system(state, message), frames: Vec::new() },
        "assistant" => {
            state.in_turn = true;
            Step { items: blocks::assistant(state, message), frames: Vec::new() }
        }
        "user" => Step { items: user(state, message), frames: Vec::new() },
        "rate_limit_event" => Step { items: limits::event(state, message), frames: Vec::new() },
        "result" => Step { items: results::result(state, message, at_ms), frames: Vec::new() },
        "control_request" => control_request(state, message),
        "control_cancel_request" => {
            Step { items: questions::withdraw(state, text(message, "/request_id"), "withdrawn"), frames: Vec::new() }
        }
        quiet if QUIET.contains(&quiet) => Step::default(),
        other => {
            state.sidelines.count(other);
            Step::default()
        }
    }
}

fn control_request(state: &mut State, message: &Value) -> Step {
    let request_id = text(message, "/request_id");
    match text(message, "/request/subtype") {
        "can_use_tool" => Step { items: questions::ask(state, request_id, message), frames: Vec::new() },
        other => {
            state.sidelines.count(other);
            Step { items: Vec::new(), frames: vec![frames::not_served(request_id, other)] }
        }
    }
}

fn system(state: &mut State, message: &Value) -> Vec<OutputBody> {
    match text(message, "/subtype") {
        "init" => init(state, message),
        "api_retry" => vec![api_retry(state, message)],
        "model_fallback" => {
            let (from, to) = (text(message, "/original_model"), text(message, "/fallback_model"));
            vec![note(format!("the provider is overloaded; going on with {to} instead of {from}"))]
        }
        "compact_boundary" => vec![note("the agent shortened its context")],
        "permission_denied" => {
            let tool = text(message, "/tool_name");
            vec![note(format!("{tool} was not allowed: {}", first_line(text(message, "/message"), 300)))]
        }
        "informational" if matches!(text(message, "/level"), "warning" | "error") => {
            vec![note(first_line(text(message, "/content"), 500))]
        }
        "informational" => Vec::new(),
        "task_started" => {
            state.background.insert(text(message, "/task_id").to_owned());
            Vec::new()
        }
        "task_updated" => {
            if TASK_OVER.contains(&text(message, "/patch/status")) {
                state.background.remove(text(message, "/task_id"));
            }
            Vec::new()
        }
        "task_notification" => {
            state.background.remove(text(message, "/task_id"));
            Vec::new()
        }
        "background_tasks_changed" => {
            state.background = list(message, "/tasks").iter().map(|task| text(task, "/task_id").to_owned()).collect();
            Vec::new()
        }
        quiet if QUIET_SYSTEM.contains(&quiet) => Vec::new(),
        other => {
            state.sidelines.count(&format!("system/{other}"));
            Vec::new()
        }
    }
}

fn init(state: &mut State, message: &Value) -> Vec<OutputBody> {
    state.in_turn = true;
    text(message, "/cwd").clone_into(&mut state.cwd);
    let session_id = text(message, "/session_id");
    if state.session_id == session_id {
        return Vec::new();
    }
    state.session_id = session_id.to_owned();
    let started = OutputBody::SessionStarted {
        session_id: session_id.to_owned(),
        model: text(message, "/model").to_owned(),
        version: text(message, "/claude_code_version").to_owned(),
    };
    let broken = list(message, "/mcp_servers").iter().filter(|server| text(server, "/status") == "failed");
    let notes = broken.map(|server| note(format!("the MCP server {} could not be started", text(server, "/name"))));
    std::iter::once(started).chain(notes).collect()
}

fn api_retry(state: &mut State, message: &Value) -> OutputBody {
    let status = message.pointer("/error_status").and_then(Value::as_u64);
    state.auth_retries = if status == Some(401) { state.auth_retries + 1 } else { 0 };
    let what = status.map_or_else(|| "no connection".to_owned(), |status| format!("status {status}"));
    let seconds = message.pointer("/retry_delay_ms").and_then(Value::as_f64).unwrap_or_default() / 1000.0;
    let (attempt, most) = (count(message, "/attempt"), count(message, "/max_retries"));
    note(format!("the provider failed ({what}, {}); trying again in {seconds:.1} s ({attempt} of {most})", text(message, "/error")))
}

fn user(state: &mut State, message: &Value) -> Vec<OutputBody> {
    if is_true(message, "/isReplay") {
        state.in_turn = true;
        let uuid = text(message, "/uuid");
        return state.sent.remove(uuid).map(|message_id| OutputBody::Delivered { message_id }).into_iter().collect();
    }
    let mut items = Vec::new();
    for block in list(message, "/message/content") {
        match text(block, "/type") {
            "tool_result" => {
                items.extend(questions::settle(state, text(block, "/tool_use_id"), block));
                items.push(blocks::tool_result(block));
            }
            "text" if text(block, "/text").starts_with("[Request interrupted") => items.push(note("the agent was interrupted")),
            // Prompts of sub-agents and reminders of the CLI to itself.
            "text" | "image" | "document" => {}
            other => state.sidelines.count(&format!("user/{other}")),
        }
    }
    items
}
