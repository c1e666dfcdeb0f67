//! What is remembered of one native launch of the Gemini CLI between lines.
//!
//! Spec: specs/server/runner/gemini.md

use serde::{Deserialize, Serialize};

use crate::runtimes::joined::Joined;
use crate::runtimes::sidelines::Sidelines;

/// Everything that a restored normaliser needs (runtimes R2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Which launch within the run, from 0.
    pub(super) launch: u32,
    /// Where it works; left out of summaries (F-100).
    pub(super) directory: String,
    /// The session that was asked for.
    pub(super) wanted_session: String,
    /// True when the session was announced.
    pub(super) begun: bool,
    /// The text that is being told.
    pub(super) joined: Joined,
    /// The last whole text.
    pub(super) last_text: String,
    /// What the run came to.
    pub(super) result: Option<Facts>,
    /// What was said beside the protocol.
    pub(super) sidelines: Sidelines,
}

/// What the result said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    pub(super) success: bool,
    /// The error in words.
    pub(super) text: String,
    /// The provider's status, when the words held it.
    pub(super) status: Option<u64>,
    /// When it was printed.
    pub(super) at_ms: i64,
}
