//! What is remembered of one launch of Claude Code between lines.
//!
//! Spec: specs/server/runner/claude.md

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::runtimes::rejection::Rejection;
use crate::runtimes::sidelines::Sidelines;

/// Everything that a restored normaliser needs (runtimes R2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Which launch within the run, from 0.
    pub(super) launch: u32,
    /// How long a background task may hold up the end.
    pub(super) background_wait_ms: u64,
    /// The UUID of the prompt, whose echo is no receipt of a person's message.
    pub(super) prompt_uuid: String,
    /// The session that was announced.
    pub(super) session_id: String,
    /// The directory that it works in, as it says; left out of summaries (F-100).
    pub(super) cwd: String,
    /// Turns that have ended.
    pub(super) turns: u32,
    /// True between the first sign of a turn and its result.
    pub(super) in_turn: bool,
    /// Running totals of the process per model.
    pub(super) totals: BTreeMap<String, Totals>,
    /// What the messages of the present turn stated, by message id; replaced by the result's numbers.
    pub(super) loose: BTreeMap<String, Loose>,
    /// Requests of the CLI that wait for a person.
    pub(super) open: BTreeMap<String, OpenRequest>,
    /// Plans by the tool call that presents them.
    pub(super) plans: BTreeMap<String, Value>,
    /// Background tasks that run.
    pub(super) background: BTreeSet<String>,
    /// Messages that were sent and not read yet: UUID to id.
    pub(super) sent: BTreeMap<String, String>,
    /// The limit that refused us, if one did.
    pub(super) rejected: Option<Rejection>,
    /// The error that the last message carried.
    pub(super) last_error: String,
    /// The last result.
    pub(super) result: Option<ResultFacts>,
    /// How often in a row the CLI was told that the key is refused.
    pub(super) auth_retries: u32,
    /// What was said beside the protocol.
    pub(super) sidelines: Sidelines,
}

/// Running totals of one model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Totals {
    pub(super) input: u64,
    pub(super) output: u64,
    pub(super) cache_read: u64,
    pub(super) cache_write: u64,
    pub(super) cost_micros: u64,
}

/// What one message stated before its turn had a result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Loose {
    pub(super) model: String,
    pub(super) tokens: Totals,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    /// May a tool be used?
    #[default]
    Permission,
    /// One or more questions.
    Questions,
    /// Is the plan accepted?
    Plan,
}

/// A request that waits for a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct OpenRequest {
    pub(super) ask: Ask,
    pub(super) tool_use_id: String,
    pub(super) input: Value,
    /// The questions in order with their labels.
    pub(super) questions: Vec<Asked>,
}

/// One question of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    pub(super) text: String,
    pub(super) labels: Vec<String>,
    pub(super) answer: Option<String>,
}

/// What the last result said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ResultFacts {
    pub(super) subtype: String,
    pub(super) is_error: bool,
    pub(super) status: Option<u64>,
    pub(super) text: String,
    pub(super) terminal_reason: String,
    /// The error of the last message before it.
    pub(super) error: String,
    /// When it was printed.
    pub(super) at_ms: i64,
}
