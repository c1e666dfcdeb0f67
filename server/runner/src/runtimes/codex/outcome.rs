//! The judgement at the end of a run: the outcome table of the spec, first match counts.
//!
//! Spec: specs/server/runner/codex.md

use aq_core::output::{FailureClass, OutputBody};
use aq_core::runner_link::RunOutcome;
use aq_core::time::Timestamp;

use super::state::{Facts, State};
use super::{errors, questions};
use crate::runtimes::ending::{early_outcome, failed, late_outcome};
use crate::runtimes::normalizer::{End, ExitFacts};

/// Words on standard error that mean that the program did not understand how it was started.
const REFUSED: [&str; 5] = ["unexpected argument", "Unknown feature flag", "invalid value", "Error loading config", "CODEX_HOME"];

/// How long a provider may give nothing but errors before waiting for it is left to the server (codex R8).
const OUTAGE_MS: i64 = 300_000;

/// The last items and the outcome.
pub(super) fn end(state: &mut State, exit: &ExitFacts) -> End {
    let mut items = questions::withdraw_all(state, "the run ended");
    items.extend(unknown_note(state));
    End { items, outcome: outcome(state, exit), relaunch: None }
}

fn outcome(state: &State, exit: &ExitFacts) -> RunOutcome {
    if let Some(outcome) = early_outcome(exit) {
        return outcome;
    }
    match &state.result {
        // A turn that began after the last result and never ended leaves the work unfinished.
        Some(_) if state.turn.is_some() || state.starting => unfinished(state, exit),
        Some(facts) if facts.status == "completed" => RunOutcome::Succeeded { summary: facts.text.clone() },
        Some(facts) if facts.status == "interrupted" => {
            late_outcome(exit).unwrap_or_else(|| failed(FailureClass::Agent, facts.text.clone()))
        }
        Some(facts) => failure(state, facts),
        None => unfinished(state, exit),
    }
}

/// True when the provider has been out for so long that the run is given up.
pub(super) fn is_out(state: &State) -> bool {
    state.outage_since_ms.is_some_and(|since| state.outage_last_ms.saturating_sub(since) >= OUTAGE_MS)
}

/// No result, or none for the last turn.
fn unfinished(state: &State, exit: &ExitFacts) -> RunOutcome {
    if is_out(state) {
        return failed(FailureClass::Overloaded, "the provider could not be reached for five minutes");
    }
    if let Some(outcome) = late_outcome(exit) {
        return outcome;
    }
    if let Some(facts) = &state.last_error {
        return failure(state, facts);
    }
    let said: Vec<_> = state.stderr.iter().map(String::as_str).collect();
    let said = said.join(" ");
    if REFUSED.iter().any(|words| said.contains(words)) && state.thread.is_empty() {
        return failed(FailureClass::InvalidRequest, said);
    }
    let words = exit.words();
    let message = if said.is_empty() { format!("Codex ended without a result ({words})") } else { format!("{words}: {said}") };
    failed(FailureClass::Incomplete, message)
}

/// What an error means.
fn failure(state: &State, facts: &Facts) -> RunOutcome {
    if errors::is_limit(state, facts) {
        let rejection = state.rejected.clone().unwrap_or_default();
        let window = if rejection.window.is_empty() { "usage_limit".to_owned() } else { rejection.window };
        return RunOutcome::Limited { window, resets_at: rejection.resets_at_ms.map(Timestamp::from_millis), message: facts.text.clone() };
    }
    failed(errors::class(state, facts), facts.text.clone())
}

/// Unknown messages are named once, so that a newer program is noticed (F-098).
fn unknown_note(state: &mut State) -> Option<OutputBody> {
    let unknown = std::mem::take(&mut state.unknown);
    if unknown.is_empty() {
        return None;
    }
    let total: u64 = unknown.values().sum();
    let kinds: Vec<_> = unknown.keys().map(String::as_str).take(8).collect();
    Some(OutputBody::Note { text: format!("{total} messages of kinds unknown to this version were skipped: {}", kinds.join(", ")) })
}
