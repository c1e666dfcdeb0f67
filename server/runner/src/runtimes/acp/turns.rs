//! Prompts and their ends: what was said, what it cost, what is told next (acp R4, R8).
//!
//! Spec: specs/server/runner/acp.md

use aq_core::output::{OutputBody, TokenUsage};
use serde_json::{Value, json};

use super::facts::{END_TURN, Facts, refused, words};
use super::state::{Message, Phase, State};
use super::{closing, tools, wire};
use crate::runtimes::clip::{clip, clip_to};
use crate::runtimes::json::{count, list, text};
use crate::runtimes::normalizer::{Frame, Step};

/// How much of the closing words is kept for the outcome.
const SUMMARY_BYTES: usize = 16 * 1024;

/// Told when an agent stops at a refusal without a word (acp R6).
const GO_ON: &str = "The permission was refused. Go on without it, or say why that is impossible.";

/// The first prompt: the profile's instructions, then the task.
pub(super) fn first(state: &mut State) -> Frame {
    let texts = [state.wanted.instructions.clone(), std::mem::take(&mut state.wanted.prompt)];
    prompt(state, texts.into_iter().filter(|text| !text.is_empty()))
}

/// A prompt of these texts.
pub(super) fn prompt(state: &mut State, texts: impl IntoIterator<Item = String>) -> Frame {
    state.phase = Phase::Working;
    state.prompts += 1;
    state.in_turn = true;
    state.used = 0;
    let blocks: Vec<Value> = texts.into_iter().map(|text| json!({"type": "text", "text": text})).collect();
    let params = json!({"sessionId": state.session, "prompt": blocks});
    wire::request(&format!("{}{}", wire::PROMPT, state.prompts), "session/prompt", &params)
}

/// The text that was being told, complete now.
pub(super) fn said(state: &mut State) -> Option<OutputBody> {
    let whole = state.joined.take();
    heard(state, whole)
}

/// Remembers the agent's last words.
pub(super) fn heard(state: &mut State, item: Option<OutputBody>) -> Option<OutputBody> {
    if let Some(OutputBody::Text { text }) = &item {
        state.last_text = clip_to(text, SUMMARY_BYTES);
    }
    item
}

/// The agent has answered a prompt.
pub(super) fn over(state: &mut State, result: &Value, at_ms: i64) -> Step {
    let stop = text(result, "/stopReason").to_owned();
    let mut items = ended(state);
    items.extend(usage(state, result));
    if std::mem::take(&mut state.refused_last) && state.queue.is_empty() && stop == END_TURN {
        state.queue.push_back(Message { id: String::new(), text: GO_ON.to_owned() });
    }
    let facts = Facts { stop, text: state.last_text.clone(), at_ms, ..Facts::default() };
    if facts.stop == END_TURN && !state.queue.is_empty() {
        state.result = Some(facts);
        let waiting = std::mem::take(&mut state.queue);
        let receipts = waiting.iter().filter(|message| !message.id.is_empty());
        items.extend(receipts.map(|message| OutputBody::Delivered { message_id: message.id.clone() }));
        let frame = prompt(state, waiting.into_iter().map(|message| message.text));
        return Step { items, frames: vec![frame] };
    }
    items.push(OutputBody::Result { success: facts.stop == END_TURN, text: clip(words(&facts)) });
    state.result = Some(facts);
    Step { items, frames: Vec::new() }
}

/// A prompt, or the beginning, failed.
pub(super) fn failed(state: &mut State, facts: Facts) -> Step {
    let mut items = ended(state);
    items.extend(unanswered(state));
    items.extend(refused(&facts).limit_item());
    items.push(OutputBody::Result { success: false, text: clip(&facts.text) });
    state.result = Some(facts);
    Step { items, frames: Vec::new() }
}

/// What is left of a turn.
fn ended(state: &mut State) -> Vec<OutputBody> {
    state.in_turn = false;
    let mut items: Vec<_> = said(state).into_iter().collect();
    items.extend(tools::rest(state));
    items.extend(closing::withdraw_all(state, "the turn ended"));
    items
}

/// What the turn has spent: by model where that is told, else in one.
fn usage(state: &mut State, result: &Value) -> Vec<OutputBody> {
    state.used = 0;
    let cost = cost(state);
    let by_model = list(result, "/_meta/quota/model_usage");
    let spent: Vec<(String, TokenUsage)> = if by_model.is_empty() {
        result.get("usage").map(|usage| (state.model.clone(), plain(usage))).into_iter().collect()
    } else {
        by_model.iter().map(|entry| (text(entry, "/model").to_owned(), quota(entry))).collect()
    };
    let launch = launch(state);
    let turn = state.prompts;
    let spent = spent.into_iter().filter(|(_, tokens)| tokens.total() > 0).enumerate();
    let item = |(at, (model, tokens)): (usize, (String, TokenUsage))| OutputBody::Usage {
        message_id: format!("{launch}turn-{turn}/{model}"),
        model,
        tokens,
        // The cost is of all models together.
        cost_micros: cost.filter(|_| at == 0),
    };
    spent.map(item).collect()
}

/// What a turn without an answer is known to have spent: its largest request, less than all but not nothing.
pub(super) fn unanswered(state: &mut State) -> Option<OutputBody> {
    let input = std::mem::take(&mut state.used);
    let turn = state.prompts;
    (input > 0).then(|| OutputBody::Usage {
        message_id: format!("{}turn-{turn}/unanswered", launch(state)),
        model: state.model.clone(),
        tokens: TokenUsage { input, ..TokenUsage::default() },
        cost_micros: None,
    })
}

/// What names of usage begin with, so that launches of one run keep theirs apart.
fn launch(state: &State) -> String {
    if state.launch == 0 { String::new() } else { format!("launch-{}/", state.launch) }
}

/// The growth of the session's cost. What a loaded session cost before is not known, so that its first turn has no cost.
fn cost(state: &mut State) -> Option<u64> {
    let now = state.cost_micros?;
    let before = state.cost_reported.replace(now);
    match before {
        Some(before) if now >= before => Some(now - before),
        None if state.resumed => None,
        // The first total is all of it; one that shrank was started anew.
        _ => Some(now),
    }
}

/// The form of the protocol.
fn plain(usage: &Value) -> TokenUsage {
    TokenUsage {
        input: count(usage, "/inputTokens"),
        output: count(usage, "/outputTokens"),
        cache_read: count(usage, "/cachedReadTokens"),
        cache_write: count(usage, "/cachedWriteTokens"),
    }
}

/// The form of the extension `quota`, in the spellings of those who use it. One of them counts what came from the cache as input.
fn quota(entry: &Value) -> TokenUsage {
    let first = |paths: [&str; 2]| paths.iter().map(|path| count(entry, path)).find(|count| *count > 0).unwrap_or_default();
    TokenUsage {
        input: first(["/token_count/input_tokens", "/token_count/inputTokens"]),
        output: first(["/token_count/output_tokens", "/token_count/outputTokens"]),
        cache_read: count(entry, "/token_count/cachedInputTokens"),
        cache_write: count(entry, "/token_count/cacheWriteInputTokens"),
    }
}

/// The receipts of messages that were sent between two lines.
pub(super) fn receipts(state: &mut State) -> Vec<OutputBody> {
    std::mem::take(&mut state.receipts).into_iter().map(|message_id| OutputBody::Delivered { message_id }).collect()
}
