//! What is remembered of one native launch of OpenCode between lines.
//!
//! Spec: specs/server/runner/opencode.md

use serde::{Deserialize, Serialize};

use crate::runtimes::sidelines::Sidelines;

/// Everything that a restored normaliser needs (runtimes R2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Which launch within the run, from 0.
    pub(super) launch: u32,
    /// Where it works; left out of summaries (F-100).
    pub(super) directory: String,
    /// The session that was resumed; empty: a new one.
    pub(super) resumed_session: String,
    /// The model that was asked for; OpenCode names none.
    pub(super) model: String,
    /// The session, as announced.
    pub(super) session: String,
    /// The last text.
    pub(super) last_text: String,
    /// Why the last step ended.
    pub(super) reason: String,
    /// The last error, unless a step came after it.
    pub(super) error: Option<Facts>,
    /// What was said beside the protocol.
    pub(super) sidelines: Sidelines,
}

/// What an error said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) status: Option<u64>,
    pub(super) retry_after_ms: Option<i64>,
    /// When it was printed.
    pub(super) at_ms: i64,
}
