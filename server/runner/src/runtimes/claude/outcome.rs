//! The judgement at the end of a run: the outcome table of the spec, first match counts.
//!
//! Spec: specs/server/runner/claude.md

use aq_core::output::FailureClass;
use aq_core::runner_link::{RunOutcome, SessionOrder};
use aq_core::time::Timestamp;

use super::state::{ResultFacts, State};
use super::{questions, usage};
use crate::runtimes::ending::{early_outcome, failed, late_outcome};
use crate::runtimes::normalizer::{End, ExitFacts};
use crate::runtimes::rejection::Rejection;

/// Refusals of the key in a row after which waiting for more of them is pointless (claude R9).
pub(super) const AUTH_RETRIES: u32 = 2;

/// The last items, the outcome, and whether the run is to be launched once more.
pub(super) fn end(state: &mut State, exit: &ExitFacts) -> End {
    let mut items = questions::withdraw_all(state, "the run ended");
    items.extend(usage::of_unfinished_turn(state));
    items.extend(state.sidelines.note());
    let relaunch = relaunch(state, exit);
    End { items, outcome: outcome(state, exit), relaunch }
}

fn outcome(state: &State, exit: &ExitFacts) -> RunOutcome {
    if let Some(outcome) = early_outcome(exit) {
        return outcome;
    }
    match &state.result {
        // A turn that began after the last result and never ended leaves the work unfinished.
        Some(_) if state.in_turn => unfinished(state, exit),
        Some(result) if !result.is_error => RunOutcome::Succeeded { summary: result.text.clone() },
        Some(result) => {
            late_outcome(exit).filter(|_| result.terminal_reason.starts_with("aborted")).unwrap_or_else(|| failure(state, result))
        }
        None => unfinished(state, exit),
    }
}

/// We gave up waiting for a key to be accepted (claude R9).
fn key_refused() -> RunOutcome {
    failed(FailureClass::Auth, "the provider does not accept the key; check the account's login or API key")
}

/// No result, or none for the last turn.
fn unfinished(state: &State, exit: &ExitFacts) -> RunOutcome {
    if state.auth_retries >= AUTH_RETRIES {
        return key_refused();
    }
    if let Some(outcome) = late_outcome(exit) {
        return outcome;
    }
    if let Some(rejection) = &state.rejected {
        return limited(rejection, "the provider refused for a limit");
    }
    let said = state.sidelines.said();
    let refused = [
        "unknown option",
        "cannot be used with root",
        "requires --verbose",
        "Input must be provided",
        "Invalid session ID",
        "error: option",
    ];
    if refused.iter().any(|words| said.contains(words)) {
        return failed(FailureClass::InvalidRequest, said);
    }
    let words = exit.words();
    let message = if said.is_empty() { format!("Claude Code ended without a result ({words})") } else { format!("{words}: {said}") };
    failed(FailureClass::Incomplete, message)
}

/// What an error result means.
fn failure(state: &State, result: &ResultFacts) -> RunOutcome {
    let ResultFacts { subtype, status, text, error, .. } = result;
    let says = |words: &str| text.contains(words);
    if *status == Some(429) || error == "rate_limit" {
        let rejection = state.rejected.clone().unwrap_or_else(|| Rejection { window: "unknown".to_owned(), resets_at_ms: None });
        return limited(&rejection, text);
    }
    if result.terminal_reason.starts_with("aborted") {
        if state.auth_retries >= AUTH_RETRIES {
            return key_refused();
        }
        // The text beside it is a diagnosis for the makers of the CLI.
        return failed(FailureClass::Agent, format!("the turn was interrupted ({})", result.terminal_reason));
    }
    let class = match (error.as_str(), *status) {
        _ if says("Prompt is too long") => FailureClass::Exhausted,
        ("billing_error" | "account_on_hold", _) => FailureClass::Billing,
        _ if says("Credit balance is too low") => FailureClass::Billing,
        ("authentication_failed" | "oauth_org_not_allowed" | "verification_required" | "cloud_credential_error", _)
        | (_, Some(401 | 403)) => FailureClass::Auth,
        _ if says("Not logged in") => FailureClass::Auth,
        ("max_output_tokens", _) => FailureClass::Exhausted,
        _ if subtype.starts_with("error_max_") => FailureClass::Exhausted,
        ("overloaded" | "server_error", _) | (_, Some(500..=599)) => FailureClass::Overloaded,
        _ if says("Unable to connect") || says("Overloaded") => FailureClass::Overloaded,
        ("invalid_request" | "model_not_found", _) | (_, Some(400 | 404 | 413)) => FailureClass::InvalidRequest,
        _ => FailureClass::Agent,
    };
    failed(class, text.clone())
}

fn limited(rejection: &Rejection, message: &str) -> RunOutcome {
    RunOutcome::Limited {
        window: rejection.window.clone(),
        resets_at: rejection.resets_at_ms.map(Timestamp::from_millis),
        message: message.to_owned(),
    }
}

/// A session that is gone starts fresh, one that exists already is resumed; the service does so once per run (claude R10).
fn relaunch(state: &State, exit: &ExitFacts) -> Option<SessionOrder> {
    if exit.stopped.is_some() || exit.spawn_error.is_some() || !state.session_id.is_empty() {
        return None;
    }
    let in_result = state.result.iter().map(|result| result.text.as_str());
    for line in state.sidelines.lines().chain(in_result) {
        if let Some((_, rest)) = line.split_once("No conversation found with session ID: ") {
            return Some(SessionOrder::Fresh { session_id: session_id(rest) });
        }
        if let Some((rest, _)) = line.split_once(" is already in use")
            && let Some((_, id)) = rest.split_once("Session ID ")
        {
            return Some(SessionOrder::Resume { session_id: session_id(id) });
        }
    }
    None
}

/// The UUID at the start of `text`.
fn session_id(text: &str) -> String {
    text.chars().take_while(|char| char.is_ascii_alphanumeric() || *char == '-').collect()
}
