//! The decision: for each idle agent in order, the project whose turn it is and that project's first fitting task.
//!
//! Cost: O((P + A) log P) for P projects with ready work and A idle agents; the number of tasks does not matter.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::share::{Rank, Shares, cost};
use super::snapshot::{Head, IdleAgent, ProjectState, Snapshot};
use crate::ids::{AgentId, ProjectId, TaskId};
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
        /// When the first of them opens again.
        until: Timestamp,
    },
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
            let used = state.window_use.saturating_add(state.in_flight).saturating_add(given);
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
    fn best_lane(&self, runtime: RuntimeKind) -> Option<(usize, &'a Head)> {
        let lanes = self.state.lanes.iter().zip(&self.taken).enumerate();
        lanes
            .filter(|(_, (lane, _))| lane.runtime.is_none_or(|needed| needed == runtime))
            .filter_map(|(index, (lane, taken))| lane.heads.get(*taken).map(|head| (index, head)))
            .min_by_key(|(_, head)| *head)
    }
}

type Queue = BinaryHeap<Reverse<(Rank, u32)>>;

/// One queue of projects per runtime that has an idle agent; a project stands in each queue whose agents it can use.
struct Queues([Option<Queue>; RuntimeKind::ALL.len()]);

impl Queues {
    fn new(agents: &[IdleAgent]) -> Self {
        let mut queues = [const { None }; RuntimeKind::ALL.len()];
        for agent in agents.iter().filter(|agent| agent.closed_until.is_none()) {
            if let Some(slot) = queues.get_mut(agent.runtime as usize) {
                *slot = Some(Queue::new());
            }
        }
        Self(queues)
    }

    fn push(&mut self, progress: &Progress<'_>, rank: Rank) {
        if progress.obstacle().is_some() {
            return;
        }
        for (queue, runtime) in self.0.iter_mut().zip(RuntimeKind::ALL) {
            if let Some(queue) = queue.as_mut().filter(|_| progress.best_lane(runtime).is_some()) {
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

/// Decides what starts (schedule R1 to R9). The same snapshot always gives the same decision.
#[must_use]
pub fn decide(snapshot: &Snapshot) -> Decision {
    let shares = Shares::of(snapshot);
    let mut projects: Vec<_> = snapshot.projects.iter().map(Progress::new).collect();
    let mut queues = Queues::new(&snapshot.agents);
    for (index, project) in projects.iter().enumerate() {
        queues.push(project, shares.rank(index, project.state, 0, project.finish_tag));
    }
    let mut decision = Decision::default();
    let mut global_used = snapshot.global_used;
    let over_budget = |used: u64| snapshot.global_budget.is_some_and(|limit| used >= limit);
    if !snapshot.paused {
        for agent in snapshot.agents.iter().filter(|agent| agent.closed_until.is_none()) {
            if over_budget(global_used) {
                break;
            }
            let Some(index) = queues.pop(agent.runtime, &projects) else { continue };
            let Some(project) = projects.get_mut(index) else { continue };
            let Some((lane, head)) = project.best_lane(agent.runtime) else { continue };
            let start_tag = shares.start_tag(project.finish_tag);
            let finish_tag = shares.finish_tag(project.state, start_tag);
            decision.assignments.push(Assignment {
                agent: agent.id.clone(),
                task: head.task.clone(),
                project: project.state.id.clone(),
                cost: cost(project.state),
                start_tag,
                finish_tag,
            });
            if let Some(taken) = project.taken.get_mut(lane) {
                *taken += 1;
            }
            project.given += 1;
            project.version += 1;
            project.finish_tag = finish_tag;
            global_used = global_used.saturating_add(cost(project.state));
            let rank = shares.rank(index, project.state, project.given, finish_tag);
            queues.push(project, rank);
        }
    }
    let nothing = projects.iter().filter(|project| project.given == 0 && project.state.has_ready());
    decision.waits =
        nothing.map(|project| ProjectWait { project: project.state.id.clone(), reason: reason(snapshot, project, global_used) }).collect();
    decision
}

/// Why a project got nothing: what holds for everything first, then its own limits, then the agents.
fn reason(snapshot: &Snapshot, project: &Progress<'_>, global_used: u64) -> Reason {
    if snapshot.paused {
        return Reason::SystemPaused;
    }
    if let Some(obstacle) = project.obstacle() {
        return obstacle;
    }
    let needs = |runtime: RuntimeKind| project.best_lane(runtime).is_some();
    let fitting = snapshot.agents.iter().filter(|agent| needs(agent.runtime));
    if fitting.clone().any(|agent| agent.closed_until.is_none()) {
        return match snapshot.global_budget {
            Some(limit) if global_used >= limit => Reason::GlobalBudget { used: global_used, limit },
            _ => Reason::Outranked,
        };
    }
    if let Some(until) = fitting.filter_map(|agent| agent.closed_until).min() {
        return Reason::AccountClosed { until };
    }
    let first = project.state.lanes.iter().filter_map(|lane| lane.heads.first().map(|head| (head, lane.runtime))).min();
    Reason::NoAgent { runtime: first.and_then(|(_, runtime)| runtime) }
}
