//! What each kind of message means.
//!
//! Spec: specs/server/runner/codex.md

use aq_core::output::OutputBody;
use serde_json::Value;

use super::state::{Facts, State};
use super::{errors, frames, items, limits, questions, replies, turns, usage};
use crate::runtimes::clip::first_line;
use crate::runtimes::json::{is_true, text};
use crate::runtimes::normalizer::Step;

/// Notifications that tell nothing a person or the server needs, or nothing that others do not tell as well.
const QUIET: [&str; 33] = [
    "thread/started",
    "thread/status/changed",
    "thread/readState/changed",
    "thread/name/updated",
    "thread/settings/updated",
    "thread/goal/updated",
    "thread/goal/cleared",
    "thread/prediction/updated",
    "thread/queue/changed",
    "thread/project/updated",
    "thread/section/changed",
    "thread/compacted",
    "thread/closed",
    "thread/environment/connected",
    "thread/environment/disconnected",
    "turn/diff/updated",
    "turn/moderationMetadata",
    "item/commandExecution/terminalInteraction",
    "item/fileChange/patchUpdated",
    "item/mcpToolCall/progress",
    "item/reasoning/summaryPartAdded",
    "item/autoApprovalReview/started",
    "item/autoApprovalReview/completed",
    "hook/started",
    "hook/completed",
    "remoteControl/status/changed",
    "account/updated",
    "account/login/completed",
    "skills/changed",
    "app/list/updated",
    "fs/changed",
    "rawResponseItem/completed",
    "rawResponse/completed",
];

/// How a warning begins that is about a feature which we ourselves switched on, and about no other.
const OURS: &str = "Under-development features enabled: default_mode_request_user_input. ";

fn note(text: impl Into<String>) -> Vec<OutputBody> {
    vec![OutputBody::Note { text: text.into() }]
}

/// Reads one message.
pub(super) fn read(state: &mut State, message: &Value, at_ms: i64) -> Step {
    let method = text(message, "/method");
    match (method.is_empty(), message.get("id")) {
        (false, Some(id)) => request(state, method, id, message.get("params").unwrap_or(&Value::Null)),
        (false, None) => notification(state, method, message.get("params").unwrap_or(&Value::Null), at_ms),
        (true, Some(_)) => replies::read(state, message),
        (true, None) => {
            state.count_unknown("message");
            Step::default()
        }
    }
}

/// Codex wants something of us and waits for the answer.
fn request(state: &mut State, method: &str, id: &Value, params: &Value) -> Step {
    let name = questions::name(state, id);
    match questions::ask(state, &name, method, id, params) {
        Some(items) => Step { items, frames: Vec::new() },
        None => {
            state.count_unknown(method);
            Step { items: Vec::new(), frames: vec![frames::not_served(&name, id, method)] }
        }
    }
}

fn notification(state: &mut State, method: &str, params: &Value, at_ms: i64) -> Step {
    let ours = state.is_ours(text(params, "/threadId"));
    if method.starts_with("item/") || method == "thread/tokenUsage/updated" {
        state.outage_since_ms = None;
    }
    let items = match method {
        "turn/started" if ours => {
            let turn = text(params, "/turn/id").to_owned();
            return Step { items: Vec::new(), frames: turns::started(state, &turn) };
        }
        "turn/completed" if ours => return turns::completed(state, params, at_ms),
        "turn/started" | "turn/completed" => Vec::new(),
        "item/started" => items::started(state, params, ours),
        "item/completed" => items::completed(state, params, ours),
        "thread/tokenUsage/updated" => usage::updated(state, params).into_iter().collect(),
        "account/rateLimits/updated" => limits::updated(state, params),
        "turn/plan/updated" if ours => items::checklist(state, params),
        "turn/plan/updated" => Vec::new(),
        "error" => failure(state, params, at_ms, ours),
        "serverRequest/resolved" => {
            let name = questions::name(state, params.get("requestId").unwrap_or(&Value::Null));
            questions::withdraw(state, &name, "settled without an answer")
        }
        "model/rerouted" if ours => {
            text(params, "/toModel").clone_into(&mut state.model);
            note(format!("the provider lets {} answer instead of {}", text(params, "/toModel"), text(params, "/fromModel")))
        }
        "warning" if text(params, "/message").starts_with(OURS) => Vec::new(),
        "warning" | "guardianWarning" => note(first_line(text(params, "/message"), 500)),
        // That its own sandbox program is missing is of no interest where ours is used, and told by failing commands where not.
        "configWarning" if text(params, "/summary").contains("bubblewrap") => Vec::new(),
        "configWarning" | "deprecationNotice" => note(first_line(text(params, "/summary"), 500)),
        "mcpServer/startupStatus/updated" if text(params, "/status") == "failed" => {
            let why = first_line(text(params, "/error"), 300);
            note(format!("the MCP server {} could not be started: {why}", text(params, "/name")))
        }
        "mcpServer/startupStatus/updated" => Vec::new(),
        quiet if QUIET.contains(&quiet) || quiet.ends_with("elta") => Vec::new(),
        other => {
            state.count_unknown(other);
            Vec::new()
        }
    };
    Step { items, frames: Vec::new() }
}

/// An error that Codex tries to get over, or the one that ends the turn.
fn failure(state: &mut State, params: &Value, at_ms: i64, ours: bool) -> Vec<OutputBody> {
    let Some(error) = params.get("error").filter(|error| error.is_object()) else { return Vec::new() };
    if !is_true(params, "/willRetry") {
        let mut facts = Facts::default();
        errors::read(error, &mut facts);
        let text = facts.text.clone();
        if ours {
            // The end of the turn repeats it as its result.
            state.last_error = Some(facts);
            return Vec::new();
        }
        return vec![OutputBody::Error { text }];
    }
    state.outage_since_ms.get_or_insert(at_ms);
    state.outage_last_ms = at_ms;
    let (message, details) = (text(error, "/message"), first_line(text(error, "/additionalDetails"), 300));
    note(if details.is_empty() { message.to_owned() } else { format!("the provider failed ({details}); {message}") })
}
