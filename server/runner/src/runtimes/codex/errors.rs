//! What Codex's errors mean (codex R8).
//!
//! Spec: specs/server/runner/codex.md

use aq_core::output::FailureClass;
use serde_json::Value;

use super::state::{Facts, State};
use crate::runtimes::clip::clip_to;
use crate::runtimes::json::text;

/// How much of an error's text is kept for the outcome, in bytes.
const TEXT_BYTES: usize = 16 * 1024;

/// Reads an error object into `facts`.
pub(super) fn read(error: &Value, facts: &mut Facts) {
    let info = error.get("codexErrorInfo").unwrap_or(&Value::Null);
    match info {
        Value::String(kind) => kind.clone_into(&mut facts.kind),
        Value::Object(fields) => {
            if let Some((kind, detail)) = fields.iter().next() {
                kind.clone_into(&mut facts.kind);
                facts.http = detail.get("httpStatusCode").and_then(Value::as_u64);
            }
        }
        _ => {}
    }
    let message = text(error, "/message");
    // Some providers' refusals come as the body of their answer.
    let body: Option<Value> = serde_json::from_str(message).ok();
    let said = body.as_ref().map(|body| text(body, "/error/message")).filter(|said| !said.is_empty());
    if body.as_ref().is_some_and(|body| text(body, "/error/type") == "invalid_request_error") && facts.kind == "other" {
        "badRequest".clone_into(&mut facts.kind);
    }
    facts.text = clip_to(said.unwrap_or(message), TEXT_BYTES);
    if facts.http.is_none() {
        facts.http = status_in(message);
    }
}

/// The status in `unexpected status 401 Unauthorized`, `last status: 429 Too Many Requests`.
fn status_in(message: &str) -> Option<u64> {
    let (_, rest) = message.split_once("status")?;
    let digits: String = rest.trim_start_matches([':', ' ']).chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|status| (100..600).contains(status))
}

/// True when an error is a refusal for a usage window: neither a short throttle nor a bill that is not paid.
pub(super) fn is_limit(state: &State, facts: &Facts) -> bool {
    facts.kind == "usageLimitExceeded" && !wants_money(state, facts)
}

fn wants_money(state: &State, facts: &Facts) -> bool {
    facts.text.contains("Quota exceeded") || facts.text.contains("billing") || state.reached.ends_with("credits_depleted")
}

/// The class of a failure.
pub(super) fn class(state: &State, facts: &Facts) -> FailureClass {
    match (facts.kind.as_str(), facts.http) {
        ("usageLimitExceeded", _) if wants_money(state, facts) => FailureClass::Billing,
        ("contextWindowExceeded" | "sessionBudgetExceeded", _) => FailureClass::Exhausted,
        ("unauthorized", _) | (_, Some(401 | 403)) => FailureClass::Auth,
        (_, Some(402)) => FailureClass::Billing,
        ("modelNotFound" | "badRequest", _) => FailureClass::InvalidRequest,
        ("rateLimitExceeded" | "serverOverloaded" | "internalServerError" | "flexUnavailable" | "policyCapacityUnavailable", _) => {
            FailureClass::Overloaded
        }
        (_, Some(408 | 409 | 425 | 429 | 500..=599)) => FailureClass::Overloaded,
        (_, Some(400..=499)) => FailureClass::InvalidRequest,
        ("httpConnectionFailed" | "responseStreamConnectionFailed" | "responseStreamDisconnected" | "responseTooManyFailedAttempts", _) => {
            FailureClass::Overloaded
        }
        _ => FailureClass::Agent,
    }
}
