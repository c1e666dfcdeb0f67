//! The judgement at the end of a run: the outcome table of the spec.
//!
//! Spec: specs/server/runner/acp.md

use aq_core::output::FailureClass;
use aq_core::runner_link::RunOutcome;

use super::facts::{AUTH_REQUIRED, BAD_ORDER, END_TURN, Facts, refused, words};
use super::state::{Phase, State};
use super::{closing, tools, turns};
use crate::runtimes::ending::{early_outcome, failed, late_outcome};
use crate::runtimes::normalizer::{End, ExitFacts};

/// Words of agents for a login that is refused.
const AUTH_KINDS: [&str; 4] = ["authentication_failed", "auth_required", "unauthorized", "oauth_org_not_allowed"];

/// Words of agents for what only money helps against.
const BILLING_KINDS: [&str; 2] = ["billing_error", "account_on_hold"];

/// The last items and the outcome.
pub(super) fn end(state: &mut State, exit: &ExitFacts) -> End {
    let mut items = turns::receipts(state);
    items.extend(turns::said(state));
    items.extend(tools::rest(state));
    items.extend(turns::unanswered(state).filter(|_| state.in_turn));
    items.extend(closing::withdraw_all(state, "the run ended"));
    items.extend(state.sidelines.note());
    End { items, outcome: judge(state, exit), relaunch: None }
}

fn judge(state: &State, exit: &ExitFacts) -> RunOutcome {
    if let Some(outcome) = early_outcome(exit) {
        return outcome;
    }
    match &state.result {
        Some(facts) if !state.in_turn => stopped(facts).unwrap_or_else(|| failure(facts)),
        _ => unfinished(state, exit),
    }
}

/// What a turn that came to its end means; `None` when it failed instead.
fn stopped(facts: &Facts) -> Option<RunOutcome> {
    let class = match facts.stop.as_str() {
        "" => return None,
        END_TURN => return Some(RunOutcome::Succeeded { summary: facts.text.clone() }),
        "max_tokens" | "max_turn_requests" => FailureClass::Exhausted,
        _ => FailureClass::Agent,
    };
    Some(failed(class, words(facts)))
}

fn failure(facts: &Facts) -> RunOutcome {
    let kind = facts.kind.as_str();
    if kind == BAD_ORDER {
        return failed(FailureClass::InvalidRequest, facts.text.clone());
    }
    if AUTH_KINDS.contains(&kind) || facts.code == AUTH_REQUIRED {
        return failed(FailureClass::Auth, facts.text.clone());
    }
    if BILLING_KINDS.contains(&kind) {
        return failed(FailureClass::Billing, facts.text.clone());
    }
    refused(facts).outcome()
}

/// No answer to the last prompt.
fn unfinished(state: &State, exit: &ExitFacts) -> RunOutcome {
    if let Some(outcome) = late_outcome(exit) {
        return outcome;
    }
    let (words, said) = (exit.words(), state.sidelines.said());
    let what = if state.phase == Phase::Greeting { "ended without a word of the protocol" } else { "ended in the middle of its work" };
    let message = if said.is_empty() { format!("the agent {what} ({words})") } else { format!("the agent {what} ({words}): {said}") };
    failed(FailureClass::Incomplete, message)
}
