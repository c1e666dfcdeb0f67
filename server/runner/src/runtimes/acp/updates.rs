//! What the agent tells while it works: texts, tools, checklists, cost (acp R4, R5).
//!
//! Spec: specs/server/runner/acp.md

use aq_core::output::OutputBody;
use serde_json::Value;

use super::state::{Phase, State};
use super::{tools, turns};
use crate::runtimes::clip::{clip, first_line};
use crate::runtimes::joined::Voice;
use crate::runtimes::json::{count, list, text};

/// Kinds that tell nothing a person or the server needs.
const QUIET: [&str; 5] =
    ["user_message_chunk", "available_commands_update", "current_mode_update", "config_option_update", "session_info_update"];

/// Longest entry of a checklist in bytes.
const ENTRY_BYTES: usize = 120;

/// Reads a `session/update`. What is told before the first prompt is history, or about the session's beginning.
pub(super) fn read(state: &mut State, message: &Value) -> Vec<OutputBody> {
    let Some(update) = message.pointer("/params/update") else { return Vec::new() };
    // Helpers that an agent calls in may have sessions of their own.
    let session = text(message, "/params/sessionId");
    if state.phase != Phase::Working || (session != state.session && !session.is_empty()) {
        return Vec::new();
    }
    match text(update, "/sessionUpdate") {
        "agent_message_chunk" => chunk(state, Voice::Text, update),
        "agent_thought_chunk" => chunk(state, Voice::Thinking, update),
        kind @ ("tool_call" | "tool_call_update") => {
            let mut items: Vec<_> = turns::said(state).into_iter().collect();
            items.extend(tools::update(state, update, kind == "tool_call_update"));
            items
        }
        "plan" => plan(state, update),
        "usage_update" => {
            state.used = state.used.max(count(update, "/used"));
            if let Some(amount) = update.pointer("/cost/amount").and_then(Value::as_f64)
                && matches!(text(update, "/cost/currency"), "USD" | "")
            {
                state.cost_micros = Some(micros(amount));
            }
            Vec::new()
        }
        quiet if QUIET.contains(&quiet) => Vec::new(),
        other => {
            state.sidelines.count(&format!("update/{other}"));
            Vec::new()
        }
    }
}

fn chunk(state: &mut State, voice: Voice, update: &Value) -> Vec<OutputBody> {
    let piece = match text(update, "/content/type") {
        "text" => text(update, "/content/text").to_owned(),
        other => format!("[{other}]"),
    };
    if !piece.trim().is_empty() {
        state.refused_last = false;
    }
    let whole = state.joined.piece(voice, text(update, "/messageId"), &piece);
    turns::heard(state, whole).into_iter().collect()
}

/// A checklist, as a note, when it has changed.
fn plan(state: &mut State, update: &Value) -> Vec<OutputBody> {
    let entries = list(update, "/entries").iter().map(|entry| {
        let mark = match text(entry, "/status") {
            "completed" => "x",
            "in_progress" => ">",
            _ => " ",
        };
        format!("[{mark}] {}", first_line(text(entry, "/content"), ENTRY_BYTES))
    });
    let shown = clip(&entries.collect::<Vec<_>>().join("; "));
    if shown.is_empty() || shown == state.plan {
        return Vec::new();
    }
    state.plan.clone_from(&shown);
    let mut items: Vec<_> = turns::said(state).into_iter().collect();
    items.push(OutputBody::Note { text: format!("plan: {shown}") });
    items
}

/// Dollars as millionths. Amounts are small and never negative.
fn micros(amount: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a saturating cast of a rounded, non-negative amount")]
    let micros = (amount.max(0.0) * 1e6).round() as u64;
    micros
}
