//! Usage windows of subscriptions (claude R5).
//!
//! Spec: specs/server/runner/claude.md

use aq_core::output::{LimitNotice, LimitStatus, OutputBody};
use aq_core::time::Timestamp;
use serde_json::Value;

use super::state::State;
use crate::runtimes::json::{is_true, text};
use crate::runtimes::rejection::Rejection;
use crate::runtimes::reset_text;

/// The window's name when the provider gave none.
const UNKNOWN: &str = "unknown";

/// Reads a `rate_limit_event`: the window it is about, and the others that newer versions tell along.
pub(super) fn event(state: &mut State, message: &Value) -> Vec<OutputBody> {
    let Some(info) = message.get("rate_limit_info") else { return Vec::new() };
    let window = name(text(info, "/rateLimitType"));
    let status = status(text(info, "/status"));
    let goes_on = is_true(info, "/isUsingOverage");
    let resets_at = instant(info);
    match status {
        // Refused by the window but paid from extra credit: work goes on, so it is no more than a warning.
        LimitStatus::Rejected if !goes_on => {
            state.rejected = Some(Rejection { window: window.to_owned(), resets_at_ms: resets_at.map(Timestamp::as_millis) });
        }
        _ => state.rejected = None,
    }
    let status = if goes_on && status == LimitStatus::Rejected { LimitStatus::Warning } else { status };
    let windows = info.get("unifiedWindows").and_then(Value::as_object);
    let twin = windows.and_then(|windows| windows.get(window));
    let used = used(info).or_else(|| twin.and_then(used));
    let mut items = vec![item(window, status, used, resets_at, "rate_limit_event")];
    for (other, entry) in windows.into_iter().flatten().filter(|(other, _)| *other != window) {
        let status = self::status(text(entry, "/status"));
        items.push(item(name(other), status, self::used(entry), instant(entry), "rate_limit_event"));
    }
    items
}

/// The refusal that a failure's words speak of, when no event told of it.
pub(super) fn from_words(words: &str, at_ms: i64) -> Option<Rejection> {
    let lower = words.to_lowercase();
    if !lower.contains("limit") || lower.contains("not your usage limit") {
        return None;
    }
    let window = [
        ("session limit", "five_hour"),
        ("5-hour limit", "five_hour"),
        ("opus limit", "seven_day_opus"),
        ("sonnet limit", "seven_day_sonnet"),
        ("weekly limit", "seven_day"),
        ("usage limit", UNKNOWN),
    ]
    .into_iter()
    .find_map(|(words, window)| lower.contains(words).then_some(window))?;
    Some(Rejection { window: window.to_owned(), resets_at_ms: reset_text::reset_instant(words, at_ms) })
}

/// The item for a refusal that was found in words.
pub(super) fn item_from_words(rejection: &Rejection) -> OutputBody {
    item(&rejection.window, LimitStatus::Rejected, None, rejection.resets_at_ms.map(Timestamp::from_millis), "text")
}

fn item(window: &str, status: LimitStatus, used: Option<f64>, resets_at: Option<Timestamp>, source: &str) -> OutputBody {
    OutputBody::Limit(LimitNotice { window: window.to_owned(), status, used, resets_at, source: source.to_owned() })
}

const fn name(window: &str) -> &str {
    if window.is_empty() { UNKNOWN } else { window }
}

fn status(text: &str) -> LimitStatus {
    match text {
        "rejected" => LimitStatus::Rejected,
        "allowed_warning" => LimitStatus::Warning,
        _ => LimitStatus::Allowed,
    }
}

fn used(info: &Value) -> Option<f64> {
    info.get("utilization").and_then(Value::as_f64).filter(|used| used.is_finite()).map(|used| used.clamp(0.0, 1.0))
}

/// `resetsAt` is in seconds.
fn instant(info: &Value) -> Option<Timestamp> {
    let seconds = info.get("resetsAt").and_then(Value::as_i64).filter(|seconds| *seconds > 0)?;
    seconds.checked_mul(1000).map(Timestamp::from_millis)
}
