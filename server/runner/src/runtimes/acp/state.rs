//! What is remembered of one launch of an agent between lines.
//!
//! Spec: specs/server/runner/acp.md

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::runtimes::joined::Joined;
use crate::runtimes::sidelines::Sidelines;

/// Everything that a restored normaliser needs (runtimes R2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Which launch within the run, from 0.
    pub(super) launch: u32,
    /// What is asked for when the session is begun.
    pub(super) wanted: super::wanted::Wanted,
    /// How far the beginning has come.
    pub(super) phase: Phase,
    /// Requests that choose mode and model and are not answered yet.
    pub(super) choosing: u32,
    /// The agent's version, as it says.
    pub(super) version: String,
    /// True when it connects to MCP servers by HTTP.
    pub(super) http_servers: bool,
    /// The session that works for us; empty until there is one.
    pub(super) session: String,
    /// The model in use, as it says.
    pub(super) model: String,
    /// True when an earlier session goes on.
    pub(super) resumed: bool,
    /// Prompts that were sent.
    pub(super) prompts: u32,
    /// True between a prompt and its answer.
    pub(super) in_turn: bool,
    /// Messages of persons that wait for the turn to end.
    pub(super) queue: VecDeque<Message>,
    /// Messages whose prompt was sent, and whose receipt was not yet told.
    pub(super) receipts: Vec<String>,
    /// Every message that was taken, so that one that is repeated is told once.
    pub(super) taken: BTreeSet<String>,
    /// The text that is being told.
    pub(super) joined: Joined,
    /// The last whole text of the agent; its closing words.
    pub(super) last_text: String,
    /// Tool calls that have no result yet.
    pub(super) calls: BTreeMap<String, Call>,
    /// Requests that wait for a person, by our name for them.
    pub(super) open: BTreeMap<String, OpenRequest>,
    /// True when something was refused and the agent has said nothing since.
    pub(super) refused_last: bool,
    /// The checklist as last shown.
    pub(super) plan: String,
    /// The most tokens that a request of the present turn is known to have used.
    pub(super) used: u64,
    /// The cost of the session as last told, in millionths of a US dollar.
    pub(super) cost_micros: Option<u64>,
    /// The part of it that was reported.
    pub(super) cost_reported: Option<u64>,
    /// What the last turn, or the attempt to begin, came to.
    pub(super) result: Option<super::facts::Facts>,
    /// What was said beside the protocol.
    pub(super) sidelines: Sidelines,
}

/// How far the beginning has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// `initialize` was sent.
    #[default]
    Greeting,
    /// An earlier session is being loaded; the agent tells its history again.
    Loading,
    /// A session is being made.
    Making,
    /// Mode and model are being chosen.
    Choosing,
    /// Prompts are taken.
    Working,
    /// Nothing will come any more.
    Hopeless,
}

/// A message of a person, or words of ours when `id` is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) text: String,
}

/// A tool call as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Call {
    /// The tool's name; empty when the agent names none.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) kind: String,
    pub(super) input: Value,
    /// True when its item was given.
    pub(super) shown: bool,
}

/// A request for permission.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct OpenRequest {
    /// The id under which the agent waits: a number or a text.
    pub(super) id: Value,
    pub(super) call_id: String,
    pub(super) choices: Vec<super::choices::Choice>,
}
