//! Tokens and cost: differences of running totals, and the settlement of turns that never got a result (claude R4).
//!
//! Spec: specs/server/runner/claude.md

use aq_core::output::{OutputBody, TokenUsage};
use serde_json::Value;

use super::state::{Loose, State, Totals};
use crate::runtimes::json::{count, text};

/// Remembers what a message states, in case its turn gets no result.
pub(super) fn note_message(state: &mut State, message: &Value) {
    let id = text(message, "/message/id");
    if id.is_empty() || text(message, "/message/model") == "<synthetic>" {
        return;
    }
    let tokens = Totals {
        input: count(message, "/message/usage/input_tokens"),
        output: count(message, "/message/usage/output_tokens"),
        cache_read: count(message, "/message/usage/cache_read_input_tokens"),
        cache_write: count(message, "/message/usage/cache_creation_input_tokens"),
        cost_micros: 0,
    };
    state.loose.insert(id.to_owned(), Loose { model: text(message, "/message/model").to_owned(), tokens });
}

/// What the turn that `result` ends has spent.
pub(super) fn of_result(state: &mut State, result: &Value) -> Vec<OutputBody> {
    state.loose.clear();
    let Some(models) = result.pointer("/modelUsage").and_then(Value::as_object) else { return Vec::new() };
    let mut items = Vec::new();
    for (model, entry) in models {
        let now = Totals {
            input: count(entry, "/inputTokens"),
            output: count(entry, "/outputTokens"),
            cache_read: count(entry, "/cacheReadInputTokens"),
            cache_write: count(entry, "/cacheCreationInputTokens"),
            cost_micros: micros(entry),
        };
        let before = state.totals.insert(model.clone(), now).unwrap_or_default();
        let spent = now.since(before);
        if spent != Totals::default() {
            let turn = state.turns;
            let launch = if state.launch == 0 { String::new() } else { format!("launch-{}/", state.launch) };
            items.push(spent.item(format!("{launch}turn-{turn}/{model}"), model, Some(spent.cost_micros)));
        }
    }
    items
}

/// What the messages of a turn without a result stated: less than was spent, but not nothing.
pub(super) fn of_unfinished_turn(state: &mut State) -> Vec<OutputBody> {
    let loose = std::mem::take(&mut state.loose);
    loose.into_iter().map(|(id, message)| message.tokens.item(id, &message.model, None)).collect()
}

/// Dollars as millionths. Amounts are small and never negative.
fn micros(entry: &Value) -> u64 {
    let dollars = entry.get("costUSD").and_then(Value::as_f64).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a saturating cast of a rounded, non-negative amount")]
    let micros = (dollars.max(0.0) * 1e6).round() as u64;
    micros
}

impl Totals {
    /// The growth since `before`; a total that shrank was started anew.
    fn since(self, before: Self) -> Self {
        let grown = |now: u64, before: u64| if now >= before { now - before } else { now };
        Self {
            input: grown(self.input, before.input),
            output: grown(self.output, before.output),
            cache_read: grown(self.cache_read, before.cache_read),
            cache_write: grown(self.cache_write, before.cache_write),
            cost_micros: grown(self.cost_micros, before.cost_micros),
        }
    }

    fn item(self, message_id: String, model: &str, cost_micros: Option<u64>) -> OutputBody {
        let Self { input, output, cache_read, cache_write, .. } = self;
        let tokens = TokenUsage { input, output, cache_read, cache_write };
        OutputBody::Usage { message_id, model: model.to_owned(), tokens, cost_micros }
    }
}
