//! The judgement at the end of a native run: the outcome table of the spec.
//!
//! Spec: specs/server/runner/opencode.md

use aq_core::output::{FailureClass, OutputBody};
use aq_core::runner_link::{RunOutcome, SessionOrder};

use super::state::{Facts, State};
use crate::runtimes::ending::{early_outcome, failed, late_outcome};
use crate::runtimes::normalizer::{End, ExitFacts};
use crate::runtimes::refusal::Refused;

/// Errors by the names that OpenCode gives them.
const AUTH_ERROR: &str = "ProviderAuthError";
const LENGTH_ERROR: &str = "MessageOutputLengthError";
const OVERFLOW_ERROR: &str = "ContextOverflowError";

/// The last items, the outcome, and whether the run is to be launched once more.
pub(super) fn end(state: &mut State, exit: &ExitFacts) -> End {
    let outcome = judge(state, exit);
    let mut items: Vec<_> = state.error.as_ref().and_then(|facts| refused(facts).limit_item()).into_iter().collect();
    items.extend(state.sidelines.note());
    match &outcome {
        RunOutcome::Succeeded { summary } => items.push(OutputBody::Result { success: true, text: summary.clone() }),
        RunOutcome::Failed { message, .. } if state.error.is_some() => {
            items.push(OutputBody::Result { success: false, text: message.clone() });
        }
        _ => {}
    }
    let relaunch = relaunch(state, exit);
    End { items, outcome, relaunch }
}

fn judge(state: &State, exit: &ExitFacts) -> RunOutcome {
    if let Some(outcome) = early_outcome(exit) {
        return outcome;
    }
    if let Some(facts) = &state.error {
        return match facts.name.as_str() {
            AUTH_ERROR => failed(FailureClass::Auth, facts.text.clone()),
            LENGTH_ERROR | OVERFLOW_ERROR => failed(FailureClass::Exhausted, facts.text.clone()),
            _ => refused(facts).outcome(),
        };
    }
    match state.reason.as_str() {
        // Nothing says that it was the last step but the program's end.
        "stop" if exit.exit_code == Some(0) => RunOutcome::Succeeded { summary: state.last_text.clone() },
        "length" if exit.exit_code == Some(0) => failed(FailureClass::Exhausted, "the model reached its limit of tokens"),
        _ => unfinished(state, exit),
    }
}

fn refused(facts: &Facts) -> Refused<'_> {
    let Facts { text, status, retry_after_ms, at_ms, .. } = facts;
    Refused { status: *status, is_limit: false, retry_after_ms: *retry_after_ms, words: text, at_ms: *at_ms }
}

fn unfinished(state: &State, exit: &ExitFacts) -> RunOutcome {
    if let Some(outcome) = late_outcome(exit) {
        return outcome;
    }
    let (said, words) = (state.sidelines.said(), exit.words());
    if said.contains("auto-rejecting") {
        return failed(FailureClass::Agent, format!("OpenCode stopped at a permission that nobody could give: {said}"));
    }
    let message = if said.is_empty() { format!("OpenCode ended in the middle of its work ({words})") } else { format!("{words}: {said}") };
    failed(FailureClass::Incomplete, message)
}

/// A session that is gone starts anew; the service does so once per run (opencode R3).
fn relaunch(state: &State, exit: &ExitFacts) -> Option<SessionOrder> {
    let gone = !state.resumed_session.is_empty() && state.session.is_empty() && state.sidelines.said().contains("Session not found");
    (gone && exit.stopped.is_none()).then(|| SessionOrder::Fresh { session_id: state.resumed_session.clone() })
}
