//! The decision: for each idle agent in order, the project whose turn it is and that project's first fitting task.
//!
//! Cost: O((P + A) log P) for P projects with ready work and A idle agents; the number of tasks does not matter.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::rooms::Rooms;
use super::share::{Rank, Shares, cost};
use super::snapshot::{Head, IdleAgent, Lane, ProjectState, Snapshot};
use crate::ids::{AgentId, ProjectId, TaskId};
use crate::limits::{Closed, GateReason};
use crate::runtime::RuntimeKind;
use crate::time::Timestamp;

/// One agent gets one task.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The agent.
    pub agent: AgentId,
    /// The task.
    pub task: TaskId,
    /// The task's project.
    pub project: ProjectId,
    /// The expected cost it was counted with, in model tokens: to be reserved until it ends.
    pub cost: u64,
    /// The snapshot's next virtual time.
    pub start_tag: f64,
    /// The project's next finish tag.
    pub finish_tag: f64,
}

/// Why a project with ready work got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing starts anywhere: an operator paused the system.
    SystemPaused,
    /// The budget of all projects together is used up.
    GlobalBudget {
        /// Tokens used and in flight.
        used: u64,
        /// The limit.
        limit: u64,
    },
    /// The project is paused or archived.
    ProjectPaused,
    /// The project's budget is used up.
    ProjectBudget {
        /// Tokens used and in flight.
        used: u64,
        /// The limit.
        limit: u64,
    },
    /// As many runs as allowed are open.
    ConcurrencyCap {
        /// The limit.
        max_runs: u32,
    },
    /// No workspace is free.
    NoWorkspace,
    /// No idle agent fits.
    NoAgent {
        /// The runtime that the first task needs; `None`: any.
        runtime: Option<RuntimeKind>,
    },
    /// Idle agents would fit, but their accounts are closed.
    AccountClosed {
        /// Why the first of them to open is closed.
        reason: GateReason,
        /// When it opens again; `None`: when a run ends or a person acts.
        until: Option<Timestamp>,
    },
    /// It has filler work only, and no window of the fitting accounts has anything to spare.
    FillerWaits,
    /// Every fitting agent went to a project that was further behind its share.
    Outranked,
}

/// A project that got nothing although it has ready work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectWait {
    /// The project.
    pub project: ProjectId,
    /// The first thing in its way.
    pub reason: Reason,
}

/// What to start, and why the rest waits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// What to start, in the order decided. Each agent and each task at most once.
    pub assignments: Vec<Assignment>,
    /// The projects with ready work that got nothing, in the snapshot's order.
    pub waits: Vec<ProjectWait>,
}

/// How far a project's heads are used up in this decision.
struct Progress<'a> {
    state: &'a ProjectState,
    given: u32,
    finish_tag: f64,
    /// Per lane, how many heads are taken.
    taken: Vec<usize>,
    /// Grows with each start; older entries of the queues are void.
    version: u32,
}

impl<'a> Progress<'a> {
    fn new(state: &'a ProjectState) -> Self {
        Self { state, given: 0, finish_tag: state.finish_tag, taken: vec![0; state.lanes.len()], version: 0 }
    }

    /// The first thing of its own that keeps the project from another start.
    fn obstacle(&self) -> Option<Reason> {
        let state = self.state;
        if !state.active {
            return Some(Reason::ProjectPaused);
        }
        if let Some(limit) = state.budget_limit {
            let given = cost(state).saturating_mul(u64::from(self.given));
            let used = state.budget_use.saturating_add(state.in_flight).saturating_add(given);
            if used >= limit {
                return Some(Reason::ProjectBudget { used, limit });
            }
        }
        if state.active_runs.saturating_add(self.given) >= state.max_runs {
            return Some(Reason::ConcurrencyCap { max_runs: state.max_runs });
        }
        (self.given >= state.free_workspaces).then_some(Reason::NoWorkspace)
    }

    /// The lane whose next head an agent of `runtime` should take: the least head among the fitting lanes.
    fn best_lane(&self, runtime: RuntimeKind, fit: &Fit) -> Option<(usize, &'a Head)> {
        let lanes = self.state.lanes.iter().zip(&self.taken).enumerate();
        lanes
            .filter(|(_, (lane, _))| fit.fits(lane, runtime))
            .filter_map(|(index, (lane, taken))| lane.heads.get(*taken).map(|head| (index, head)))
            .min_by_key(|(_, head)| *head)
    }
}

/// Which lanes count, and which agents may take what they hold.
#[derive(Clone, Copy, Debug)]
struct Fit {
    /// Filler work (the second round) or all the rest (the first).
    filler: bool,
    /// The runtimes all of whose idle agents are held back by their accounts: their tasks may fall back.
    held_back: [bool; RuntimeKind::ALL.len()],
}

impl Fit {
    fn of(snapshot: &Snapshot) -> Self {
        let held_back = RuntimeKind::ALL.map(|runtime| {
            let mut agents = snapshot.agents.iter().filter(|agent| agent.runtime == runtime).peekable();
            agents.peek().is_some() && agents.all(|agent| agent.closed.is_some())
        });
        Self { filler: false, held_back }
    }

    fn fits(&self, lane: &Lane, runtime: RuntimeKind) -> bool {
        let away = |needed: RuntimeKind| lane.fallback.has(runtime) && self.held_back.get(needed as usize).copied().unwrap_or(false);
        lane.filler == self.filler && lane.runtime.is_none_or(|needed| needed == runtime || away(needed))
    }
}

type Queue = BinaryHeap<Reverse<(Rank, u32)>>;

/// One queue of projects per runtime that has an idle agent; a project stands in each queue whose agents it can use.
struct Queues([Option<Queue>; RuntimeKind::ALL.len()]);

impl Queues {
    fn new(agents: &[IdleAgent]) -> Self {
        let mut queues = [const { None }; RuntimeKind::ALL.len()];
        for agent in agents.iter().filter(|agent| agent.closed.is_none()) {
            if let Some(slot) = queues.get_mut(agent.runtime as usize) {
                *slot = Some(Queue::new());
            }
        }
        Self(queues)
    }

    fn push(&mut self, progress: &Progress<'_>, rank: Rank, fit: &Fit) {
        if progress.obstacle().is_some() {
            return;
        }
        for (queue, runtime) in self.0.iter_mut().zip(RuntimeKind::ALL) {
            if let Some(queue) = queue.as_mut().filter(|_| progress.best_lane(runtime, fit).is_some()) {
                queue.push(Reverse((rank, progress.version)));
            }
        }
    }

    /// The position of the project whose turn it is for an agent of `runtime`.
    fn pop(&mut self, runtime: RuntimeKind, projects: &[Progress<'_>]) -> Option<usize> {
        let queue = self.0.get_mut(runtime as usize)?.as_mut()?;
        while let Some(Reverse((rank, version))) = queue.pop() {
            if projects.get(rank.index()).is_some_and(|project| project.version == version) {
                return Some(rank.index());
            }
        }
        None
    }
}

/// One decision on its way.
struct Deciding<'a> {
    snapshot: &'a Snapshot,
    shares: Shares,
    projects: Vec<Progress<'a>>,
    rooms: Rooms<'a>,
    global_used: u64,
    decision: Decision,
    /// Per agent, true when it was given something.
    busy: Vec<bool>,
    /// Per agent, why its account held it back although it is not closed.
    held: Vec<Option<Closed>>,
}

impl Deciding<'_> {
    /// Serves the idle agents in order with the lanes that `fit` lets through.
    fn round(&mut self, fit: &Fit) {
        let snapshot = self.snapshot;
        let mut queues = Queues::new(&snapshot.agents);
        for (index, project) in self.projects.iter().enumerate() {
            queues.push(project, self.shares.rank(index, project.state, project.given, project.finish_tag), fit);
        }
        for (place, agent) in snapshot.agents.iter().enumerate() {
            if agent.closed.is_some() || (fit.filler && !agent.filler) || self.busy.get(place).copied().unwrap_or(true) {
                continue;
            }
            if snapshot.global_budget.is_some_and(|limit| self.global_used >= limit) {
                break;
            }
            let Some(index) = queues.pop(agent.runtime, &self.projects) else { continue };
            let Some(project) = self.projects.get_mut(index) else { continue };
            let Some((lane, head)) = project.best_lane(agent.runtime, fit) else { continue };
            let cost = cost(project.state);
            if let Some(held) = self.rooms.holds(agent, cost) {
                // The project keeps its turn: smaller tasks of others that still fit would let it wait for ever.
                if let Some(slot) = self.held.get_mut(place) {
                    *slot = Some(held);
                }
                let rank = self.shares.rank(index, project.state, project.given, project.finish_tag);
                queues.push(project, rank, fit);
                continue;
            }
            let start_tag = self.shares.start_tag(project.finish_tag);
            let finish_tag = self.shares.finish_tag(project.state, start_tag);
            self.decision.assignments.push(Assignment {
                agent: agent.id.clone(),
                task: head.task.clone(),
                project: project.state.id.clone(),
                cost,
                start_tag,
                finish_tag,
            });
            if let Some(taken) = project.taken.get_mut(lane) {
                *taken += 1;
            }
            if let Some(busy) = self.busy.get_mut(place) {
                *busy = true;
            }
            self.rooms.take(agent, cost);
            project.given += 1;
            project.version += 1;
            project.finish_tag = finish_tag;
            self.global_used = self.global_used.saturating_add(cost);
            let rank = self.shares.rank(index, project.state, project.given, finish_tag);
            queues.push(project, rank, fit);
        }
    }
}

/// Decides what starts (schedule R1 to R9, R14, R15). The same snapshot always gives the same decision.
#[must_use]
pub fn decide(snapshot: &Snapshot) -> Decision {
    let fit = Fit::of(snapshot);
    let mut deciding = Deciding {
        snapshot,
        shares: Shares::of(snapshot),
        projects: snapshot.projects.iter().map(Progress::new).collect(),
        rooms: Rooms::of(snapshot),
        global_used: snapshot.global_used,
        decision: Decision::default(),
        busy: vec![false; snapshot.agents.len()],
        held: vec![None; snapshot.agents.len()],
    };
    if !snapshot.paused {
        deciding.round(&fit);
        if snapshot.projects.iter().any(|project| project.lanes.iter().any(|lane| lane.filler)) {
            deciding.round(&Fit { filler: true, ..fit });
        }
    }
    let nothing = deciding.projects.iter().filter(|project| project.given == 0 && project.state.has_ready());
    let waits =
        nothing.map(|project| ProjectWait { project: project.state.id.clone(), reason: reason(&deciding, project, &fit) }).collect();
    Decision { waits, ..deciding.decision }
}

/// Why a project got nothing: what holds for everything first, then its own limits, then the agents.
fn reason(deciding: &Deciding<'_>, project: &Progress<'_>, fit: &Fit) -> Reason {
    let snapshot = deciding.snapshot;
    if snapshot.paused {
        return Reason::SystemPaused;
    }
    if let Some(obstacle) = project.obstacle() {
        return obstacle;
    }
    let regular = project.state.lanes.iter().any(|lane| !lane.filler && !lane.heads.is_empty());
    let fit = Fit { filler: !regular, ..*fit };
    let fitting: Vec<_> = snapshot
        .agents
        .iter()
        .zip(&deciding.held)
        .filter(|(agent, _)| project.best_lane(agent.runtime, &fit).is_some())
        .map(|(agent, held)| (agent, agent.closed.or(*held)))
        .collect();
    let mut open = fitting.iter().filter(|(_, closed)| closed.is_none()).peekable();
    if open.peek().is_some() {
        return match snapshot.global_budget {
            Some(limit) if deciding.global_used >= limit => Reason::GlobalBudget { used: deciding.global_used, limit },
            _ if fit.filler && open.all(|(agent, _)| !agent.filler) => Reason::FillerWaits,
            _ => Reason::Outranked,
        };
    }
    // The account that opens first; one without an instant comes last.
    let first = fitting.iter().filter_map(|(_, closed)| *closed).min_by_key(|closed| (closed.until.is_none(), closed.until));
    if let Some(Closed { reason, until }) = first {
        return Reason::AccountClosed { reason, until };
    }
    let first = project.state.lanes.iter().filter_map(|lane| lane.heads.first().map(|head| (head, lane.runtime))).min();
    Reason::NoAgent { runtime: first.and_then(|(_, runtime)| runtime) }
}
