//! The judgement at the end of a native run: the outcome table of the spec.
//!
//! Spec: specs/server/runner/gemini.md

use aq_core::output::FailureClass;
use aq_core::runner_link::{RunOutcome, SessionOrder};

use super::state::{Facts, State};
use crate::runtimes::ending::{early_outcome, failed, late_outcome};
use crate::runtimes::normalizer::{End, ExitFacts};
use crate::runtimes::refusal::Refused;

/// Exit codes of the CLI's own that are no status of the provider.
const NO_LOGIN: i32 = 41;
const BAD_INPUT: i32 = 42;
const BAD_SANDBOX: i32 = 44;
const BAD_SETTINGS: i32 = 52;
const TOO_MANY_TURNS: i32 = 53;

/// The last items, the outcome, and whether the run is to be launched once more.
pub(super) fn end(state: &mut State, exit: &ExitFacts) -> End {
    let mut items = Vec::new();
    if let Some(facts) = state.result.as_ref().filter(|facts| !facts.success) {
        items.extend(refused(facts, exit).limit_item());
    }
    items.extend(state.sidelines.note());
    let relaunch = relaunch(state, exit);
    End { items, outcome: judge(state, exit), relaunch }
}

fn judge(state: &State, exit: &ExitFacts) -> RunOutcome {
    if let Some(outcome) = early_outcome(exit) {
        return outcome;
    }
    match &state.result {
        Some(facts) if facts.success => RunOutcome::Succeeded { summary: facts.text.clone() },
        Some(facts) if exit.exit_code == Some(TOO_MANY_TURNS) => failed(FailureClass::Exhausted, facts.text.clone()),
        Some(facts) => refused(facts, exit).outcome(),
        None => unfinished(state, exit),
    }
}

fn refused<'a>(facts: &'a Facts, exit: &ExitFacts) -> Refused<'a> {
    let status = facts.status.or_else(|| exit.exit_code.and_then(status_of));
    Refused { status, words: &facts.text, at_ms: facts.at_ms, ..Refused::default() }
}

/// The provider's status behind an exit code: codes have eight bits, of the status the lower ones are left.
fn status_of(code: i32) -> Option<u64> {
    let code = u64::try_from(code).ok()?;
    (400..=599).find(|status| matches!(status, 400..=431 | 500..=511) && status % 256 == code)
}

/// No result.
fn unfinished(state: &State, exit: &ExitFacts) -> RunOutcome {
    if let Some(outcome) = late_outcome(exit) {
        return outcome;
    }
    let (said, words) = (state.sidelines.said(), exit.words());
    let class = match exit.exit_code {
        Some(NO_LOGIN) => FailureClass::Auth,
        Some(BAD_INPUT | BAD_SANDBOX | BAD_SETTINGS) => FailureClass::InvalidRequest,
        Some(TOO_MANY_TURNS) => FailureClass::Exhausted,
        _ => FailureClass::Incomplete,
    };
    let message = if said.is_empty() { format!("the Gemini CLI ended without a result ({words})") } else { format!("{words}: {said}") };
    failed(class, message)
}

/// A session that is gone starts fresh under its id, one that exists already is resumed; the service does so once per run (gemini R3).
fn relaunch(state: &State, exit: &ExitFacts) -> Option<SessionOrder> {
    if exit.stopped.is_some() || state.begun || exit.exit_code != Some(BAD_INPUT) {
        return None;
    }
    let (said, session_id) = (state.sidelines.said(), state.wanted_session.clone());
    if said.contains("Error resuming session") {
        return Some(SessionOrder::Fresh { session_id });
    }
    (said.contains("Session ID") && said.contains("already exists")).then_some(SessionOrder::Resume { session_id })
}
