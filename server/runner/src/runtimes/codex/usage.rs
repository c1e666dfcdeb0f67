//! Tokens: differences of the running totals of threads (codex R6).
//!
//! Spec: specs/server/runner/codex.md

use aq_core::output::{OutputBody, TokenUsage};
use serde_json::Value;

use super::state::{State, Totals};
use crate::runtimes::json::{count, text};

/// Reads `thread/tokenUsage/updated`.
pub(super) fn updated(state: &mut State, params: &Value) -> Option<OutputBody> {
    let (thread, turn) = (text(params, "/threadId"), text(params, "/turnId"));
    let at = |name: &str| count(params, &format!("/tokenUsage/total/{name}"));
    let now = Totals {
        all: at("totalTokens"),
        input: at("inputTokens"),
        cached: at("cachedInputTokens"),
        cache_write: at("cacheWriteInputTokens"),
        output: at("outputTokens"),
    };
    let before = state.totals.insert(thread.to_owned(), now);
    // A resumed thread first tells what its earlier turns, which are not ours, have spent.
    let may_be_ours = state.thread.is_empty() || state.is_ours(thread);
    if may_be_ours && !state.turns.contains(turn) {
        return None;
    }
    let tokens = now.since(before.unwrap_or_default());
    if tokens == TokenUsage::default() {
        return None;
    }
    // The total within the name makes a line that is read twice count once.
    let message_id = format!("{turn}/{}", now.all);
    Some(OutputBody::Usage { message_id, model: state.model.clone(), tokens, cost_micros: None })
}
