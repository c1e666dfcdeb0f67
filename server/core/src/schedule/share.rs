//! Whose turn it is: the rank of a project among those that could start something.
//!
//! The least (window use + work in flight) / weight goes first. Before it come projects that have waited too long and projects
//! that the guarantee helps; ties go by start-time fair queueing.

use std::cmp::Ordering;

use super::snapshot::{ProjectState, Snapshot};

/// A ready project with a weight is passed over at most this many times its fair number of starts of others (schedule R8).
pub const WAITING_FACTOR: f64 = 8.0;
/// The guarantee gives up on a project after this many failed runs in the window, so that a project that only fails cannot hold an agent.
pub const GUARANTEE_TRIES: u32 = 3;

/// The place of a project in the queue; the least goes first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rank {
    /// How often its fair wait it has waited, when that is too long; else 0. More goes first.
    late: f64,
    /// True when the guarantee helps it.
    guaranteed: bool,
    /// Normalised service.
    service: f64,
    /// Start tag.
    start_tag: f64,
    /// Expected cost over weight: who is done sooner goes first.
    span: f64,
    /// Position in the snapshot.
    index: usize,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .late
            .total_cmp(&self.late)
            .then(other.guaranteed.cmp(&self.guaranteed))
            .then(self.service.total_cmp(&other.service))
            .then(self.start_tag.total_cmp(&other.start_tag))
            .then(self.span.total_cmp(&other.span))
            .then(self.index.cmp(&other.index))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Rank {}

impl Rank {
    /// The project's position in the snapshot.
    pub(super) const fn index(&self) -> usize {
        self.index
    }
}

/// What is the same for all projects of one decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    /// Sum of the weights of the projects that have ready work; 0 when all of them weigh nothing.
    total_weight: f64,
    virtual_time: f64,
    guarantee: bool,
}

/// A weight as it counts: never negative, never infinite.
fn sane(weight: f64) -> f64 {
    if weight.is_finite() { weight.max(0.0) } else { 0.0 }
}

impl Shares {
    /// Reads what the ranks of a snapshot have in common.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let ready = snapshot.projects.iter().filter(|project| project.active && project.has_ready());
        Self {
            total_weight: ready.map(|project| sane(project.weight)).sum(),
            virtual_time: snapshot.virtual_time,
            guarantee: snapshot.guarantee,
        }
    }

    /// The weight as it counts: equal for all when nobody has one (F-052).
    fn weight(&self, project: &ProjectState) -> f64 {
        if self.total_weight > 0.0 { sane(project.weight) } else { 1.0 }
    }

    /// The rank of `project` with the work it was given in this decision: `given` starts of `cost` tokens each.
    pub(super) fn rank(&self, index: usize, project: &ProjectState, given: u32, finish_tag: f64) -> Rank {
        let weight = self.weight(project);
        let cost = cost(project);
        let given_cost = cost.saturating_mul(u64::from(given));
        let used = project.window_use.saturating_add(project.in_flight).saturating_add(given_cost) as f64;
        // A project without weight comes after all that have one, the least used first.
        let (service, span) = if weight > 0.0 { (used / weight, cost as f64 / weight) } else { (f64::INFINITY, used) };
        let fair_wait = self.total_weight / weight;
        let late = f64::from(project.passed_over) / (WAITING_FACTOR * fair_wait);
        let helped = project.completed_in_window == 0 && project.active_runs == 0 && project.failed_in_window < GUARANTEE_TRIES;
        Rank {
            late: if given == 0 && late.is_finite() && late >= 1.0 { late } else { 0.0 },
            guaranteed: self.guarantee && given == 0 && helped,
            service,
            start_tag: self.start_tag(finish_tag),
            span,
            index,
        }
    }

    /// The start tag of a project's next start.
    pub(super) const fn start_tag(&self, finish_tag: f64) -> f64 {
        finish_tag.max(self.virtual_time)
    }

    /// The finish tag of a start of `project` at `start_tag`.
    pub(super) fn finish_tag(&self, project: &ProjectState, start_tag: f64) -> f64 {
        let weight = self.weight(project);
        if weight > 0.0 { start_tag + cost(project) as f64 / weight } else { start_tag }
    }
}

/// Expected cost of the project's next task, at least 1: starts count even where nobody counts tokens.
pub(super) const fn cost(project: &ProjectState) -> u64 {
    if project.expected_next == 0 { 1 } else { project.expected_next }
}

/// What an open run is still expected to cost, in model tokens, when it was counted with `expected` and has spent `spent` (schedule R4). Never less
/// than half of a usual run: lengths are so uneven that a run which is late has, on average, not come nearer to its end.
#[must_use]
pub const fn expected_rest(expected: u64, spent: u64) -> u64 {
    let left = expected.saturating_sub(spent);
    if left > expected / 2 { left } else { expected / 2 }
}
