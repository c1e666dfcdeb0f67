//! Usage windows of subscriptions, and refusals for them (codex R7).
//!
//! Spec: specs/server/runner/codex.md

use aq_core::output::{LimitNotice, LimitStatus, OutputBody};
use aq_core::time::Timestamp;
use serde_json::Value;

use super::reset_text;
use super::state::{State, Window};
use crate::runtimes::json::text;
use crate::runtimes::rejection::Rejection;

/// The window's name when none can be told.
const UNKNOWN: &str = "usage_limit";

/// The used part from which a window counts as nearly full, in percent.
const NEARLY_FULL: f64 = 90.0;

/// How far the words, which tell minutes, and a window's instant may lie apart and still mean the same, in milliseconds.
const SAME_INSTANT_MS: u64 = 90_000;

/// Reads `account/rateLimits/updated`: windows that changed. What an update leaves out stays as it was.
pub(super) fn updated(state: &mut State, params: &Value) -> Vec<OutputBody> {
    let reached = text(params, "/rateLimits/rateLimitReachedType");
    if !reached.is_empty() {
        reached.clone_into(&mut state.reached);
    }
    let limit = text(params, "/rateLimits/limitId");
    let mut items = Vec::new();
    for place in ["primary", "secondary"] {
        let Some(told) = params.pointer(&format!("/rateLimits/{place}")).filter(|told| told.is_object()) else { continue };
        let Some(percent) = told.get("usedPercent").and_then(Value::as_f64).filter(|percent| percent.is_finite()) else { continue };
        let name = name(place, told.get("windowDurationMins").and_then(Value::as_u64), limit);
        let window = Window { percent, resets_at_ms: instant(told) };
        if state.windows.get(&name).is_none_or(|before| !before.is_like(window)) {
            let status = if percent >= NEARLY_FULL { LimitStatus::Warning } else { LimitStatus::Allowed };
            items.push(item(&name, status, Some(window), window.resets_at_ms, "rate_limits"));
            state.windows.insert(name, window);
        }
    }
    items
}

/// What a refusal is for: the full window that opens last, else what the words say, else the window that was nearly full.
pub(super) fn refuse(state: &mut State, words: &str, at_ms: i64) -> OutputBody {
    let open_later = |window: &Window| window.resets_at_ms.is_none_or(|reset| reset > at_ms);
    let ahead: Vec<_> = state.windows.iter().filter(|(_, window)| open_later(window)).collect();
    let full = ahead.iter().filter(|(_, window)| window.percent >= 100.0).max_by_key(|(_, window)| window.resets_at_ms);
    let said = reset_text::reset_instant(words, &state.zone, at_ms);
    let near = |reset: i64| {
        let same = |window: &Window| window.resets_at_ms.is_some_and(|told| told.abs_diff(reset) <= SAME_INSTANT_MS);
        ahead.iter().find(|(_, window)| same(window))
    };
    let nearly = ahead.iter().filter(|(_, window)| window.percent >= NEARLY_FULL).max_by(|a, b| a.1.percent.total_cmp(&b.1.percent));
    let (window, resets_at_ms) = match (full, said) {
        (Some((name, window)), said) => ((*name).clone(), window.resets_at_ms.or(said)),
        (None, Some(reset)) => match near(reset) {
            Some((name, window)) => ((*name).clone(), window.resets_at_ms),
            None => (UNKNOWN.to_owned(), Some(reset)),
        },
        (None, None) => match nearly {
            Some((name, window)) => ((*name).clone(), window.resets_at_ms),
            None => (UNKNOWN.to_owned(), None),
        },
    };
    let known = state.windows.get(&window).copied();
    let source = if known.is_some() { "rate_limits" } else { "text" };
    let rejected = item(&window, LimitStatus::Rejected, known, resets_at_ms, source);
    state.rejected = Some(Rejection { window, resets_at_ms });
    rejected
}

impl Window {
    /// True when both say the same: providers compute the reset instant anew each time, and it wavers.
    fn is_like(self, other: Self) -> bool {
        let near = match (self.resets_at_ms, other.resets_at_ms) {
            (Some(a), Some(b)) => a.abs_diff(b) <= SAME_INSTANT_MS,
            (a, b) => a == b,
        };
        near && self.percent.total_cmp(&other.percent).is_eq()
    }
}

fn item(name: &str, status: LimitStatus, window: Option<Window>, resets_at_ms: Option<i64>, source: &str) -> OutputBody {
    OutputBody::Limit(LimitNotice {
        window: name.to_owned(),
        status,
        used: window.map(|window| (window.percent / 100.0).clamp(0.0, 1.0)),
        resets_at: resets_at_ms.map(Timestamp::from_millis),
        source: source.to_owned(),
    })
}

/// The window's name: by its length, then by the limit it belongs to when that is not the general one.
fn name(place: &str, minutes: Option<u64>, limit: &str) -> String {
    let length = match minutes {
        Some(300) => "five_hour".to_owned(),
        Some(10_080) => "seven_day".to_owned(),
        Some(minutes) if minutes > 0 && minutes % 1_440 == 0 => format!("{}_day", minutes / 1_440),
        Some(minutes) if minutes > 0 && minutes % 60 == 0 => format!("{}_hour", minutes / 60),
        Some(minutes) => format!("{minutes}_minute"),
        None => place.to_owned(),
    };
    match limit {
        "" | "codex" => length,
        special => format!("{length}_{special}"),
    }
}

/// `resetsAt` is in seconds.
fn instant(told: &Value) -> Option<i64> {
    told.get("resetsAt").and_then(Value::as_i64).filter(|seconds| *seconds > 0)?.checked_mul(1000)
}
