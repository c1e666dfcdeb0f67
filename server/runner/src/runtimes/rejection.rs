//! A provider's refusal for a limit, as it is remembered until the program ends. How each program tells of it lives with the program.
//!
//! Spec: specs/server/runner/runtimes.md

use serde::{Deserialize, Serialize};

/// A refusal for a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::runtimes) struct Rejection {
    /// The window that is used up, in the provider's word.
    pub(in crate::runtimes) window: String,
    /// When it opens again, in milliseconds since the Unix epoch; none told: unknown.
    pub(in crate::runtimes) resets_at_ms: Option<i64>,
}
