//! The end of a turn.
//!
//! Spec: specs/server/runner/claude.md

use std::collections::BTreeMap;

use aq_core::output::OutputBody;
use serde_json::Value;

use super::state::{ResultFacts, State};
use super::{limits, questions, usage};
use crate::runtimes::clip::{clip, clip_to};
use crate::runtimes::json::{is_true, list, text};

/// How much of a result's text is kept for the outcome.
const SUMMARY_BYTES: usize = 16 * 1024;

/// Reads a `result`.
pub(super) fn result(state: &mut State, message: &Value, at_ms: i64) -> Vec<OutputBody> {
    state.turns += 1;
    state.in_turn = false;
    let said = text(message, "/result");
    let errors = list(message, "/errors").iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ");
    let subtype = text(message, "/subtype");
    let words = [said, &errors, subtype].into_iter().find(|words| !words.is_empty()).unwrap_or_default();
    // An interrupted turn carries a diagnosis for the makers of the CLI.
    let words = if words.starts_with("[ede_diagnostic]") { "the turn was interrupted" } else { words };
    let is_error = is_true(message, "/is_error") || subtype != "success";
    let facts = ResultFacts {
        subtype: subtype.to_owned(),
        is_error,
        status: message.get("api_error_status").and_then(Value::as_u64),
        text: clip_to(words, SUMMARY_BYTES),
        terminal_reason: text(message, "/terminal_reason").to_owned(),
        error: std::mem::take(&mut state.last_error),
        at_ms,
    };
    let mut items = questions::withdraw_all(state, "the turn ended");
    items.extend(usage::of_result(state, message));
    items.extend(denials(message));
    if is_error && state.rejected.is_none() && !facts.error.is_empty() {
        state.rejected = limits::from_words(&facts.text, at_ms);
        items.extend(state.rejected.as_ref().map(limits::item_from_words));
    }
    items.push(OutputBody::Result { success: !is_error, text: clip(words) });
    state.result = Some(facts);
    items
}

/// Tools that were refused: the agent may have claimed success all the same (claude R13).
fn denials(message: &Value) -> Option<OutputBody> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for denial in list(message, "/permission_denials") {
        *counts.entry(text(denial, "/tool_name")).or_default() += 1;
    }
    if counts.is_empty() {
        return None;
    }
    let named: Vec<_> =
        counts.iter().map(|(tool, count)| if *count == 1 { (*tool).to_owned() } else { format!("{tool} ({count}×)") }).collect();
    Some(OutputBody::Note { text: format!("not allowed in this turn: {}", named.join(", ")) })
}
