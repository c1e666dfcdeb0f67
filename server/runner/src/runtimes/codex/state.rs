//! What is remembered of one launch of Codex between lines.
//!
//! Spec: specs/server/runner/codex.md

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aq_core::output::TokenUsage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::policy::Policy;
use crate::runtimes::clip::clip_to;
use crate::runtimes::rejection::Rejection;

/// Lines of standard error that are remembered for an end without a result.
const STDERR_LINES: usize = 6;

/// What ids of messages start with that carry a reason: nobody waits for their receipt.
pub(super) const REASON: &str = "aq-reason-";

/// Everything that a restored normaliser needs (runtimes R2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Which launch within the run, from 0.
    pub(super) launch: u32,
    /// The time zone that Codex tells times in.
    pub(super) zone: String,
    /// What it may do by itself.
    pub(super) policy: Policy,
    /// What is asked for when the thread is started.
    pub(super) wanted: Wanted,
    /// The prompt, until it has been sent.
    pub(super) prompt: String,
    /// The thread that works for us; empty until Codex has named it.
    pub(super) thread: String,
    /// The model in use, as it says.
    pub(super) model: String,
    /// The directory that it works in, as it says; left out of summaries (F-100).
    pub(super) cwd: String,
    /// How many turns were asked for.
    pub(super) asked_turns: u32,
    /// How many messages were sent, those that are sent again included.
    pub(super) sendings: u32,
    /// True between asking for a turn and its answer.
    pub(super) starting: bool,
    /// The turn that runs.
    pub(super) turn: Option<String>,
    /// Turns of this launch, whose tokens are ours.
    pub(super) turns: BTreeSet<String>,
    /// Running totals by thread.
    pub(super) totals: BTreeMap<String, Totals>,
    /// Messages of persons that wait for a turn.
    pub(super) queue: VecDeque<Message>,
    /// Messages that were sent and not read yet: id to text.
    pub(super) sent: BTreeMap<String, String>,
    /// Which message went out with which number, into a running turn and as a turn of its own.
    pub(super) steered: BTreeMap<u32, String>,
    pub(super) turned: BTreeMap<u32, String>,
    /// Every message that was taken, so that one that is repeated is told once.
    pub(super) taken: BTreeSet<String>,
    /// True when the running turn takes no more messages.
    pub(super) deaf: bool,
    /// Requests of Codex that wait for a person, by our name for them.
    pub(super) open: BTreeMap<String, OpenRequest>,
    /// Tool calls that have no result yet: id to input.
    pub(super) calls: BTreeMap<String, String>,
    /// Checklists that were shown.
    pub(super) checklists: u32,
    /// The plan that was proposed in this turn.
    pub(super) plan: String,
    /// The last thing it said.
    pub(super) last_text: String,
    /// Usage windows as last told, by name.
    pub(super) windows: BTreeMap<String, Window>,
    /// Why nothing more is served, in the provider's word; empty: no reason told.
    pub(super) reached: String,
    /// The limit that refused us, if one did.
    pub(super) rejected: Option<Rejection>,
    /// Since when the provider has given nothing but errors, in milliseconds since the Unix epoch.
    pub(super) outage_since_ms: Option<i64>,
    /// When the last of these errors came.
    pub(super) outage_last_ms: i64,
    /// What the last turn came to.
    pub(super) result: Option<Facts>,
    /// The last error that was told as final, in case the turn does not repeat it.
    pub(super) last_error: Option<Facts>,
    /// True when the thread could not be had: nothing will come any more.
    pub(super) hopeless: bool,
    /// Messages of unknown kinds, by kind.
    pub(super) unknown: BTreeMap<String, u64>,
    /// The last lines of standard error.
    pub(super) stderr: VecDeque<String>,
}

/// What a thread is started or resumed with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    /// The thread to resume; none for a new one.
    pub(super) resume: Option<String>,
    /// The model; empty: the program's default.
    pub(super) model: String,
    /// Text added to the instructions of its makers; empty: none.
    pub(super) instructions: String,
    /// Settings on top of Codex's configuration; null: none. They may hold secrets, and are forgotten when the thread is there.
    pub(super) settings: Value,
}

/// Running totals of one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Totals {
    pub(super) all: u64,
    pub(super) input: u64,
    pub(super) cached: u64,
    pub(super) cache_write: u64,
    pub(super) output: u64,
}

/// A message of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) text: String,
}

/// What a request asks for, and with it how it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    /// May this be done? Answered by a decision.
    #[default]
    Decision,
    /// May more be reached? Answered by what is granted.
    Grant,
    /// One or more questions of the agent.
    Questions,
    /// A form of an MCP server.
    Form,
    /// A proposed plan; a question of ours, not a request.
    Plan,
}

/// A request that waits for a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct OpenRequest {
    pub(super) ask: Ask,
    /// The id under which Codex waits: a number or a text.
    pub(super) id: Value,
    /// The permissions that were asked for.
    pub(super) permissions: Value,
    /// The questions in order.
    pub(super) questions: Vec<Asked>,
}

/// One question of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Its name in the answer.
    pub(super) id: String,
    /// What can be chosen: the label shown, and the value told.
    pub(super) choices: Vec<(String, Value)>,
    /// The type of the value, in the words of JSON schemas; empty: a text.
    pub(super) kind: String,
    /// True when the answer must not be shown.
    pub(super) secret: bool,
    /// The answer.
    pub(super) answer: Option<Value>,
}

/// A usage window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Window {
    /// Used part in percent.
    pub(super) percent: f64,
    pub(super) resets_at_ms: Option<i64>,
}

/// What a turn came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    /// `completed`, `interrupted`, `failed`; `refused` when no turn came about.
    pub(super) status: String,
    /// The error's kind in Codex's word; empty: none told.
    pub(super) kind: String,
    /// The status of the provider's answer.
    pub(super) http: Option<u64>,
    /// The error in words, or the last thing said.
    pub(super) text: String,
}

impl State {
    /// Remembers a line of standard error.
    pub(super) fn remember_stderr(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        self.stderr.push_back(clip_to(line.trim(), 500));
        while self.stderr.len() > STDERR_LINES {
            self.stderr.pop_front();
        }
    }

    /// Counts a message that is not understood (F-098).
    pub(super) fn count_unknown(&mut self, kind: &str) {
        let kind = clip_to(kind, 60);
        // Kinds come from outside; a program that invents them must not grow our memory.
        if self.unknown.len() < 64 || self.unknown.contains_key(&kind) {
            *self.unknown.entry(kind).or_default() += 1;
        }
    }

    /// True when `thread` is the one that works for us. Helpers that the agent calls in have threads of their own.
    pub(super) fn is_ours(&self, thread: &str) -> bool {
        thread == self.thread || thread.is_empty()
    }
}

impl Totals {
    /// The growth since `before`; a total that shrank was started anew.
    pub(super) fn since(self, before: Self) -> TokenUsage {
        let before = if self.all >= before.all { before } else { Self::default() };
        let input = self.input.saturating_sub(before.input);
        let cache_read = self.cached.saturating_sub(before.cached);
        let cache_write = self.cache_write.saturating_sub(before.cache_write);
        TokenUsage {
            // Codex counts what came from the cache or went into it as input too.
            input: input.saturating_sub(cache_read).saturating_sub(cache_write),
            output: self.output.saturating_sub(before.output),
            cache_read,
            cache_write,
        }
    }
}
