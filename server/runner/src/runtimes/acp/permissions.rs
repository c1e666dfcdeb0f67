//! Requests for permission: what is allowed beforehand is answered at once, the rest waits for a person (acp R6, R7).
//!
//! Spec: specs/server/runner/acp.md

use aq_core::output::{OutputBody, Question, QuestionKind, QuestionOption};
use serde_json::{Value, json};

use super::choices::{self, Choice};
use super::state::{Call, OpenRequest, State};
use super::{tools, wire};
use crate::runtimes::clip::clip;
use crate::runtimes::normalizer::{Frame, Step};

/// Reads `session/request_permission`.
pub(super) fn ask(state: &mut State, id: &Value, params: &Value) -> Step {
    let part = params.get("toolCall").cloned().unwrap_or_default();
    let (call, item) = tools::asked(state, &part);
    let choices = choices::read(params);
    let mut step = Step { items: item.into_iter().collect(), frames: Vec::new() };
    if needs_nobody(state, &call)
        && let Some(choice) = choices::allowing(&choices)
    {
        step.frames.push(chosen(id, Some(choice)));
        return step;
    }
    let name = wire::name(id);
    let tool = tools::name(&call).to_owned();
    let wants = format!("May {tool} be used? {}", tools::summary(&state.wanted.directory, &call.title));
    let detail = if call.input.is_null() { tools::prepared(&state.wanted.directory, &part) } else { call.input.to_string() };
    step.items.push(OutputBody::Question(Question {
        request_id: name.clone(),
        kind: QuestionKind::Permission,
        text: clip(wants.trim_end()),
        tool,
        detail: clip(&detail),
        options: choices.iter().map(option).collect(),
    }));
    let call_id = crate::runtimes::json::text(&part, "/toolCallId").to_owned();
    state.open.insert(name, OpenRequest { id: id.clone(), call_id, choices });
    step
}

fn option(choice: &Choice) -> QuestionOption {
    QuestionOption { label: choice.name.clone(), description: String::new() }
}

/// True when the profile lets the tool be used without asking: by its kind, its name, or as one of the profile's own MCP servers.
fn needs_nobody(state: &State, call: &Call) -> bool {
    let allowed = &state.wanted.allowed;
    let by_profile = allowed.iter().any(|word| *word == call.kind || *word == call.name || *word == call.title);
    let ours = |server: &String| {
        let tool = format!("mcp__{server}__");
        call.name.starts_with(&tool) || call.title.starts_with(&tool)
    };
    by_profile || state.wanted.server_names().any(|server| ours(&server))
}

/// The answer that takes a choice; without one the request counts as cancelled.
pub(super) fn chosen(id: &Value, choice: Option<&Choice>) -> Frame {
    let outcome = match choice {
        Some(choice) => json!({"outcome": "selected", "optionId": choice.id}),
        None => json!({"outcome": "cancelled"}),
    };
    Frame { id: wire::answer_id(id), bytes: wire::result(id, &json!({"outcome": outcome})) }
}
