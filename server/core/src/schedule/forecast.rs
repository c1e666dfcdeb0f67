//! When tasks will start: the scheduler run forward on estimates, with nothing really started.
//!
//! It knows what the snapshot knows: ready tasks, open runs, closed accounts. Tasks that are not ready yet, failures, and usage that leaves
//! the window are left out, so a forecast says "if all goes as expected".

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::decide::decide;
use super::snapshot::{IdleAgent, Snapshot};
use crate::ids::{AgentId, ProjectId, TaskId};
use crate::time::Timestamp;

/// A run that is open now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRun {
    /// Its project, whose figures count the run already.
    pub project: ProjectId,
    /// Its agent, as it will be when the run has ended.
    pub agent: IdleAgent,
    /// When it is expected to end.
    pub ends_at: Timestamp,
    /// What the project's work in flight counts for it, in model tokens.
    pub cost: u64,
}

/// A start that is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedStart {
    /// When.
    pub at: Timestamp,
    /// The task.
    pub task: TaskId,
    /// Its project.
    pub project: ProjectId,
    /// The agent.
    pub agent: AgentId,
}

/// Something that will happen: first by time, then in the order it was planned.
type Plan = BinaryHeap<Reverse<(Timestamp, usize)>>;

/// The first `most` starts from `now` on, in order (schedule R13). `length_ms` estimates how long a task of a project takes; less than
/// one second counts as one. Cost: one decision per start and per agent that becomes free.
#[must_use]
pub fn forecast(
    snapshot: &Snapshot,
    open: &[OpenRun],
    length_ms: impl Fn(&ProjectId) -> i64,
    now: Timestamp,
    most: usize,
) -> Vec<ExpectedStart> {
    let mut state = snapshot.clone();
    let mut runs = open.to_vec();
    let mut ends: Plan = runs.iter().enumerate().map(|(index, run)| Reverse((run.ends_at.max(now), index))).collect();
    let mut at = now;
    let mut starts = Vec::new();
    while starts.len() < most {
        reopen(&mut state, at);
        let decision = decide(&state);
        for assignment in decision.assignments {
            let Some(index) = state.agents.iter().position(|agent| agent.id == assignment.agent) else { continue };
            let agent = state.agents.remove(index);
            state.virtual_time = assignment.start_tag;
            state.global_used = state.global_used.saturating_add(assignment.cost);
            for project in &mut state.projects {
                if project.id != assignment.project {
                    project.passed_over = project.passed_over.saturating_add(1);
                    continue;
                }
                project.passed_over = 0;
                project.finish_tag = assignment.finish_tag;
                project.active_runs += 1;
                project.free_workspaces = project.free_workspaces.saturating_sub(1);
                project.in_flight = project.in_flight.saturating_add(assignment.cost);
                for lane in &mut project.lanes {
                    lane.heads.retain(|head| head.task != assignment.task);
                }
            }
            let ends_at = at.plus_millis(length_ms(&assignment.project).max(1_000));
            ends.push(Reverse((ends_at, runs.len())));
            starts.push(ExpectedStart { at, task: assignment.task, project: assignment.project.clone(), agent: assignment.agent });
            runs.push(OpenRun { project: assignment.project, agent, ends_at, cost: assignment.cost });
        }
        let next_end = ends.peek().map(|Reverse((time, _))| *time);
        let next_opening = state.agents.iter().filter_map(|agent| agent.closed_until).min();
        let Some(next) = next_end.into_iter().chain(next_opening).min() else { break };
        at = at.max(next);
        while let Some(Reverse((time, index))) = ends.peek().copied() {
            if time > at {
                break;
            }
            ends.pop();
            if let Some(run) = runs.get(index) {
                finish(&mut state, run);
            }
        }
    }
    starts.truncate(most);
    starts
}

/// Agents whose account is open again by `at`.
fn reopen(state: &mut Snapshot, at: Timestamp) {
    for agent in &mut state.agents {
        agent.closed_until = agent.closed_until.filter(|until| *until > at);
    }
}

/// A run has ended well: its project and its agent are free for more.
fn finish(state: &mut Snapshot, run: &OpenRun) {
    if let Some(project) = state.projects.iter_mut().find(|project| project.id == run.project) {
        project.active_runs = project.active_runs.saturating_sub(1);
        project.free_workspaces = project.free_workspaces.saturating_add(1);
        project.in_flight = project.in_flight.saturating_sub(run.cost);
        project.window_use = project.window_use.saturating_add(run.cost);
        project.completed_in_window = project.completed_in_window.saturating_add(1);
    }
    let place = state.agents.partition_point(|agent| agent.id < run.agent.id);
    state.agents.insert(place, run.agent.clone());
}
