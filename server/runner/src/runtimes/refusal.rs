//! What a provider's refusal means, judged by its status and its words: limits with their reset, and classes of failures.
//!
//! For programs that pass on what the provider said without a word of their own. Claude Code and Codex have words of their own.
//!
//! Spec: specs/server/runner/runtimes.md

use aq_core::output::{FailureClass, LimitNotice, LimitStatus, OutputBody};
use aq_core::runner_link::RunOutcome;
use aq_core::time::Timestamp;

use serde_json::Value;

use super::ending::failed;
use super::json::text;
use super::{reset_text, wait_text};

/// The window's name when nobody gave one.
const UNKNOWN: &str = "unknown";

/// What was refused, and why as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::runtimes) struct Refused<'a> {
    /// The status of the provider's answer, when it is known.
    pub(in crate::runtimes) status: Option<u64>,
    /// True when the program itself says that it is a limit.
    pub(in crate::runtimes) is_limit: bool,
    /// How long to wait by the provider's word, in milliseconds.
    pub(in crate::runtimes) retry_after_ms: Option<i64>,
    /// What was said.
    pub(in crate::runtimes) words: &'a str,
    /// When it was said, in milliseconds since the Unix epoch.
    pub(in crate::runtimes) at_ms: i64,
}

/// Words that speak of a limit, whatever the status.
const LIMIT: [&str; 8] = [
    "usage limit",
    "rate limit",
    "session limit",
    "weekly limit",
    "hit your limit",
    "exhausted your daily quota",
    "exhausted your capacity",
    "resource_exhausted",
];

/// Windows by what names them, best first.
const WINDOWS: [(&str, &str); 8] = [
    ("session limit", "five_hour"),
    ("5-hour limit", "five_hour"),
    ("opus limit", "seven_day_opus"),
    ("sonnet limit", "seven_day_sonnet"),
    ("weekly limit", "seven_day"),
    ("daily quota", "day"),
    ("perday", "day"),
    ("per minute", "minute"),
];

/// Words of failures, first match counts.
const CLASSES: [(&[&str], FailureClass); 5] = [
    (&["prompt is too long", "context length", "context window", "maximum context", "input token count"], FailureClass::Exhausted),
    (&["credit balance", "insufficient_quota", "billing", "payment required"], FailureClass::Billing),
    (
        &[
            "api key not valid",
            "api key is missing",
            "incorrect api key",
            "invalid api key",
            "invalid x-api-key",
            "api key expired",
            "authentication",
            "not logged in",
            "unauthorized",
            "permission_denied",
        ],
        FailureClass::Auth,
    ),
    (
        &["overloaded", "unable to connect", "econnrefused", "fetch failed", "service unavailable", "internal server error"],
        FailureClass::Overloaded,
    ),
    (&["model not found", "model_not_found", "is not found for api version", "invalid_argument"], FailureClass::InvalidRequest),
];

impl Refused<'_> {
    /// The outcome of a run that ends with this refusal.
    pub(in crate::runtimes) fn outcome(&self) -> RunOutcome {
        match self.limit() {
            Some(notice) => RunOutcome::Limited { window: notice.window, resets_at: notice.resets_at, message: self.words.to_owned() },
            None => failed(self.class(), self.words),
        }
    }

    /// The limit that refused us as an item; `None` when none did.
    pub(in crate::runtimes) fn limit_item(&self) -> Option<OutputBody> {
        self.limit().map(OutputBody::Limit)
    }

    fn limit(&self) -> Option<LimitNotice> {
        let words = self.words.to_lowercase();
        let says = |wanted: &[&str]| wanted.iter().any(|wanted| words.contains(wanted));
        // Spent credit comes with status 429 too, and no waiting brings it back.
        if says(&["insufficient_quota", "credit balance"]) {
            return None;
        }
        if !self.is_limit && self.status != Some(429) && !says(&LIMIT) {
            return None;
        }
        let window = WINDOWS.into_iter().find_map(|(named, window)| words.contains(named).then_some(window)).unwrap_or(UNKNOWN);
        let waited = self.retry_after_ms.and_then(|wait| self.at_ms.checked_add(wait));
        let resets_at_ms = reset_text::reset_instant(self.words, self.at_ms)
            .or(waited)
            .or_else(|| wait_text::wait_ms(&words).and_then(|wait| self.at_ms.checked_add(wait)));
        Some(LimitNotice {
            window: window.to_owned(),
            status: LimitStatus::Rejected,
            used: None,
            resets_at: resets_at_ms.map(Timestamp::from_millis),
            source: if self.status == Some(429) { "http_429" } else { "text" }.to_owned(),
        })
    }

    fn class(&self) -> FailureClass {
        let words = self.words.to_lowercase();
        let named = CLASSES.iter().find(|(wanted, _)| wanted.iter().any(|wanted| words.contains(wanted))).map(|(_, class)| *class);
        named.unwrap_or(match self.status {
            Some(401 | 403) => FailureClass::Auth,
            Some(402) => FailureClass::Billing,
            Some(500..=599) => FailureClass::Overloaded,
            Some(400 | 404 | 413 | 422) => FailureClass::InvalidRequest,
            _ => FailureClass::Agent,
        })
    }
}

/// What the provider said and with which status, where a program passes its whole answer on.
pub(in crate::runtimes) fn provider_words(told: &str) -> (Option<u64>, String) {
    let inner = told.trim().strip_prefix("[API Error: ").map_or(told, |rest| rest.split_once("]\n").map_or(rest, |(inner, _)| inner));
    let inner = inner.trim_end_matches(']');
    let Ok(answer) = serde_json::from_str::<Value>(inner.trim()) else {
        return (None, told.replacen("[API Error: ", "", 1).replacen(']', "", usize::from(told.starts_with("[API Error: "))));
    };
    let message = text(&answer, "/error/message");
    let status = answer.pointer("/error/code").and_then(Value::as_u64);
    (status, if message.is_empty() { told.to_owned() } else { message.to_owned() })
}

#[cfg(test)]
mod tests {
    use aq_core::output::FailureClass;
    use aq_core::runner_link::RunOutcome;
    use aq_core::time::Timestamp;

    use super::{Refused, provider_words};

    fn refused(words: &str, status: Option<u64>) -> RunOutcome {
        Refused { status, words, at_ms: 1_000_000, ..Refused::default() }.outcome()
    }

    /// Limits are told by status or words; the reset is a wait, a retry-after or nothing; spent credit is no limit.
    #[test]
    fn limits() {
        let limited = |window: &str, resets_at: Option<i64>, message: &str| RunOutcome::Limited {
            window: window.to_owned(),
            resets_at: resets_at.map(Timestamp::from_millis),
            message: message.to_owned(),
        };
        for (words, status, window, resets_at) in [
            ("You have exhausted your daily quota on this model.", Some(429), "day", None),
            ("Rate limit reached", Some(429), "unknown", None),
            ("Too many requests. Please retry in 36.5s.", Some(429), "unknown", Some(1_036_500)),
            ("You have exhausted your capacity on this model. Your quota will reset after 2h1m5s.", None, "unknown", Some(8_265_000)),
            ("You\u{2019}ve hit your usage limit. Try again later.", None, "unknown", None),
        ] {
            assert_eq!(refused(words, status), limited(window, resets_at, words), "{words}");
        }
        let after = Refused { status: Some(429), retry_after_ms: Some(5000), words: "slow down", at_ms: 1, ..Refused::default() };
        assert_eq!(after.outcome(), limited("unknown", Some(5001), "slow down"));
        assert!(matches!(refused("insufficient_quota", Some(429)), RunOutcome::Failed { class: FailureClass::Billing, .. }));
    }

    /// Words come before the status: Gemini tells of a wrong key with 400.
    #[test]
    fn classes() {
        for (words, status, expected) in [
            ("API key not valid. Please pass a valid API key. INVALID_ARGUMENT", Some(400), FailureClass::Auth),
            ("Incorrect API key", None, FailureClass::Auth),
            ("no", Some(403), FailureClass::Auth),
            ("The input token count (2000000) exceeds the maximum", Some(400), FailureClass::Exhausted),
            ("models/x is not found for API version v1beta", Some(404), FailureClass::InvalidRequest),
            ("x", Some(503), FailureClass::Overloaded),
            ("something else", None, FailureClass::Agent),
        ] {
            assert!(matches!(refused(words, status), RunOutcome::Failed { class, .. } if class == expected), "{words}");
        }
    }

    /// The provider's words are taken out of what programs wrap around them.
    #[test]
    fn wrapped_words() {
        let json = r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}"#;
        assert_eq!(provider_words(json), (Some(400), "API key not valid.".to_owned()));
        assert_eq!(provider_words(&format!("[API Error: {json}]")), (Some(400), "API key not valid.".to_owned()));
        let plain = "[API Error: You have exhausted your daily quota.]\nPlease wait";
        assert_eq!(provider_words(plain), (None, "You have exhausted your daily quota.\nPlease wait".to_owned()));
        assert_eq!(provider_words("plain [words]"), (None, "plain [words]".to_owned()));
    }
}
