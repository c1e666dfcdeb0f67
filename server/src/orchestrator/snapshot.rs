//! The figures as the scheduler wants them. Only what could start is looked at, so the cost does not grow with the number of tasks.

use aq_core::ids::TaskId;
use aq_core::project::ProjectStatus;
use aq_core::schedule::{Head, Lane, ProjectState, Snapshot};
use aq_core::task::Needs;
use aq_core::time::Timestamp;

use super::accounts::Seen;
use super::budgets;
use super::policy::Policy;
use crate::lifecycle::{Figures, ProjectHot};

/// The scheduler treats task ids as opaque, and the ready heads know tasks by key: a head carries its key as text.
pub(super) fn head(priority: i32, key: i64) -> Head {
    Head { priority, key, task: TaskId::from_trusted(&key.to_string()) }
}

/// The key behind a head made here.
#[must_use]
pub(super) fn key_of(task: &TaskId) -> Option<i64> {
    task.as_str().parse().ok()
}

/// Everything that a decision may look at, at `now`.
#[must_use]
pub fn snapshot(figures: &Figures, policy: &Policy, now: Timestamp) -> Snapshot {
    let mut seen = Seen::new(figures, policy, now);
    let agents = seen.idle();
    // An agent that is tried again may need another task than the first.
    let tried = agents.iter().filter(|idle| figures.agents.get(&idle.id).is_some_and(|agent| agent.fault.is_some())).count();
    let heads = (agents.len() + tried).max(1);
    look(figures, policy, now, Snapshot { agents, accounts: seen.rooms, ..Snapshot::default() }, heads, false)
}

/// A snapshot around agents and accounts: at most `heads` ready tasks of each lane; `all`: also projects that have none.
pub(super) fn look(figures: &Figures, policy: &Policy, now: Timestamp, around: Snapshot, heads: usize, all: bool) -> Snapshot {
    let counted_from = budgets::counted_from(figures, policy, now);
    let mut global_used = 0_u64;
    let mut projects = Vec::new();
    for state in figures.projects.values() {
        let window_use = state.usage.tokens_at(now);
        // What a run has spent already counts in the window; what it is still expected to spend counts as in flight.
        let (in_flight, active_runs) = (state.in_flight, state.open_runs);
        let budget_use = state.usage.tokens.sum_from(counted_from);
        global_used = global_used.saturating_add(budget_use).saturating_add(in_flight);
        if state.ready.is_empty() && !all {
            continue;
        }
        projects.push(ProjectState {
            weight: state.project.credit_weight,
            active: state.project.status == ProjectStatus::Active,
            window_use,
            budget_use,
            in_flight,
            expected_next: state.usage.expected(),
            active_runs,
            max_runs: state.project.max_concurrent_agents,
            free_workspaces: u32::try_from(state.free.len()).unwrap_or(u32::MAX),
            budget_limit: budgets::project_limit(figures, policy, &state.project),
            completed_in_window: u32::try_from(state.usage.completed.sum(now)).unwrap_or(u32::MAX),
            failed_in_window: u32::try_from(state.usage.failed.sum(now)).unwrap_or(u32::MAX),
            passed_over: state.passed_over,
            finish_tag: state.finish_tag,
            lanes: lanes(figures, state, heads, now),
            ..ProjectState::new(state.project.id.clone())
        });
    }
    Snapshot {
        projects,
        paused: figures.paused || !figures.degraded.is_empty(),
        guarantee: policy.guarantee,
        global_budget: budgets::limits(figures, policy).global,
        global_used,
        virtual_time: figures.virtual_time,
        ..around
    }
}

fn lanes(figures: &Figures, state: &ProjectHot, heads: usize, now: Timestamp) -> Vec<Lane> {
    let lane = |(needs, tasks): (&Needs, &std::collections::BTreeSet<_>)| {
        let free = tasks.iter().filter(|(_, key)| !figures.is_held_up(*key, now) && !figures.tree_waits.contains_key(key));
        Lane::of(*needs, free.take(heads).map(|(priority, key)| head(*priority, *key)).collect())
    };
    state.ready.iter().map(lane).collect()
}
