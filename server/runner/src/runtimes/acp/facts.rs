//! What a turn, or the attempt to begin, came to: kept as the agent tells it, in words for people, as a refusal of the provider.
//!
//! The judgement of a whole run is in `outcome`.
//!
//! Spec: specs/server/runner/acp.md

use serde::{Deserialize, Serialize};

use crate::runtimes::refusal::Refused;

/// The reason for which an ordinary turn stops.
pub(super) const END_TURN: &str = "end_turn";

/// The kind of failures that are the order's fault, not the agent's.
pub(super) const BAD_ORDER: &str = "invalid_request";

/// The code by which an agent says that it wants a login.
pub(super) const AUTH_REQUIRED: i64 = -32000;

/// Words of agents for limits of their provider.
const LIMIT_KINDS: [&str; 4] = ["rate_limit", "usageLimitExceeded", "rateLimitExceeded", "quota_exceeded"];

/// What a turn came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    /// The reason for which the turn stopped; empty when it failed.
    pub(super) stop: String,
    /// The error's code; 0 when there is none.
    pub(super) code: i64,
    /// The error's kind in the agent's word; empty: none told.
    pub(super) kind: String,
    /// The error in words, or the last thing said.
    pub(super) text: String,
    /// When it was read.
    pub(super) at_ms: i64,
}

/// The end of a turn in words.
pub(super) fn words(facts: &Facts) -> &str {
    match facts.stop.as_str() {
        "" | END_TURN => &facts.text,
        "max_tokens" => "the model reached its limit of tokens",
        "max_turn_requests" => "the agent reached its limit of requests in one turn",
        "refusal" => "the model refused to go on",
        "cancelled" => "the turn was cancelled",
        other => other,
    }
}

/// The error as a refusal of the provider.
pub(super) fn refused(facts: &Facts) -> Refused<'_> {
    Refused {
        // Some agents pass the provider's status on as the code; codes of the protocol itself are negative.
        status: u64::try_from(facts.code).ok().filter(|code| (400..600).contains(code)),
        is_limit: LIMIT_KINDS.contains(&facts.kind.as_str()),
        retry_after_ms: None,
        words: &facts.text,
        at_ms: facts.at_ms,
    }
}
