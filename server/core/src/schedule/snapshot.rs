//! Everything a decision may look at. The server keeps these figures up to date as things change; nothing here is computed per task.

use crate::ids::{AgentId, ProjectId, TaskId};
use crate::limits::Closed;
use crate::runtime::{RuntimeKind, RuntimeSet};
use crate::task::Needs;
use crate::time::Timestamp;

/// A READY task whose dependencies are met, as far as the scheduler needs it. Ordered: the least is started first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// Lower runs first.
    pub priority: i32,
    /// The caller's order among equal priorities, least first; the same for all: the task id decides.
    pub key: i64,
    /// The task.
    pub task: TaskId,
}

/// The first READY tasks of a project that ask for the same: runtime, leave to fall back, place among the filler work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The runtime they need; `None`: any.
    pub runtime: Option<RuntimeKind>,
    /// The runtimes that may take them while the accounts of theirs are closed.
    pub fallback: RuntimeSet,
    /// True for filler work: it runs only on what the accounts' windows would let expire.
    pub filler: bool,
    /// The tasks in order, at least as many as there are idle agents (or all there are).
    pub heads: Vec<Head>,
}

impl Lane {
    /// The lane of the tasks that ask for this.
    #[must_use]
    pub const fn of(needs: Needs, heads: Vec<Head>) -> Self {
        Self { runtime: needs.runtime, fallback: needs.fallback, filler: needs.filler, heads }
    }
}

/// One project.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectState {
    /// The project.
    pub id: ProjectId,
    /// Its share relative to the others; what is negative or not a number counts as 0.
    pub weight: f64,
    /// False for a paused or archived project.
    pub active: bool,
    /// Model tokens that its runs, ended or open, used within the rolling window: what its share is measured by.
    pub window_use: u64,
    /// Model tokens that count towards its budget: those of the window, or of the calendar day.
    pub budget_use: u64,
    /// Sum over its open runs of what they are still expected to use ([`super::expected_rest`]), in model tokens; what they used already counts in
    /// `window_use`.
    pub in_flight: u64,
    /// Expected cost of its next task, in model tokens; 0 when nothing is known (counts as 1).
    pub expected_next: u64,
    /// Open runs.
    pub active_runs: u32,
    /// Most open runs.
    pub max_runs: u32,
    /// Workspaces that no run holds.
    pub free_workspaces: u32,
    /// Model tokens in the window at which nothing new starts; `None`: no limit.
    pub budget_limit: Option<u64>,
    /// Tasks completed within the window.
    pub completed_in_window: u32,
    /// Runs that failed within the window.
    pub failed_in_window: u32,
    /// Starts of other projects since its own last start, or since it became ready.
    pub passed_over: u32,
    /// The finish tag of its last start (start-time fair queueing); 0 before the first.
    pub finish_tag: f64,
    /// What it has ready. Empty: it takes no part.
    pub lanes: Vec<Lane>,
}

impl ProjectState {
    /// An active project of weight 1 without usage, limits or work; callers set what differs.
    #[must_use]
    pub const fn new(id: ProjectId) -> Self {
        Self {
            id,
            weight: 1.0,
            active: true,
            window_use: 0,
            budget_use: 0,
            in_flight: 0,
            expected_next: 0,
            active_runs: 0,
            max_runs: 2,
            free_workspaces: u32::MAX,
            budget_limit: None,
            completed_in_window: 0,
            failed_in_window: 0,
            passed_over: 0,
            finish_tag: 0.0,
            lanes: Vec::new(),
        }
    }

    /// True when something could start if an agent came.
    #[must_use]
    pub fn has_ready(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.heads.is_empty())
    }
}

/// An agent that works on nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleAgent {
    /// The agent.
    pub id: AgentId,
    /// Its runtime.
    pub runtime: RuntimeKind,
    /// Why and until when its account takes nothing; `None`: it may start.
    pub closed: Option<Closed>,
    /// Position of its account's figures in the snapshot; `None`: no limits to heed.
    pub account: Option<usize>,
    /// True when it may take filler work.
    pub filler: bool,
}

impl IdleAgent {
    /// An agent without limits.
    #[must_use]
    pub const fn new(id: AgentId, runtime: RuntimeKind) -> Self {
        Self { id, runtime, closed: None, account: None, filler: true }
    }

    /// When its account opens again, when it is closed and that is known.
    #[must_use]
    pub fn opens_at(&self) -> Option<Timestamp> {
        self.closed.and_then(|closed| closed.until)
    }
}

/// How much more may start on an account within one decision, as work of one model sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountRoom {
    /// Which account: rooms of the same number are one account as different models see it, and a start in one of them counts in all.
    pub account: usize,
    /// Open runs whose agent works.
    pub running: u32,
    /// True: one run starts alone and shows whether the account takes work again.
    pub probe: bool,
    /// Model tokens that are expected to fit beside what runs; `None`: not known, nothing is held back.
    pub room: Option<u64>,
    /// When its fullest window resets, when known.
    pub resets_at: Option<Timestamp>,
    /// What the window offers when it has been reset, in model tokens, when known. For forecasts.
    pub size: Option<u64>,
    /// Its length in milliseconds, when known. For forecasts.
    pub span_ms: Option<i64>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The projects in a stable order, which breaks the last ties. Projects without ready work may be left out.
    pub projects: Vec<ProjectState>,
    /// The idle agents in a stable order.
    pub agents: Vec<IdleAgent>,
    /// The accounts of the idle agents, as far as they have limits.
    pub accounts: Vec<AccountRoom>,
    /// True when nothing may start anywhere.
    pub paused: bool,
    /// True when a project without a completed task in the window goes first.
    pub guarantee: bool,
    /// Model tokens over all projects at which nothing starts; `None`: no limit.
    pub global_budget: Option<u64>,
    /// Window use and work in flight of all projects, left out ones included.
    pub global_used: u64,
    /// The virtual time of start-time fair queueing: the start tag of the last start.
    pub virtual_time: f64,
}
