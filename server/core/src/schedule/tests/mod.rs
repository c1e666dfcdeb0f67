//! Tests of the scheduler: the worked examples, properties, and a simulation against the original formula.

mod accounts;
mod examples;
mod forecast;
mod properties;
mod simulation;

use super::snapshot::{Head, IdleAgent, Lane, ProjectState, Snapshot};
use crate::ids::{AgentId, ProjectId, TaskId};
use crate::limits::{Closed, GateReason};
use crate::runtime::{RuntimeKind, RuntimeSet};
use crate::time::Timestamp;

/// A project with `tasks` ready, priority 100.
fn project(id: &str, tasks: &[&str]) -> ProjectState {
    let mut state = ProjectState::new(ProjectId::from_trusted(id));
    state.expected_next = 1_000;
    state.lanes = vec![lane(None, tasks)];
    state
}

fn lane(runtime: Option<RuntimeKind>, tasks: &[&str]) -> Lane {
    Lane { runtime, fallback: RuntimeSet::EMPTY, filler: false, heads: tasks.iter().map(|task| head(100, task)).collect() }
}

fn head(priority: i32, task: &str) -> Head {
    Head { priority, key: 0, task: TaskId::from_trusted(task) }
}

fn agents(count: usize) -> Vec<IdleAgent> {
    (1..=count).map(|n| agent(&format!("a{n}"), RuntimeKind::Claude)).collect()
}

fn agent(id: &str, runtime: RuntimeKind) -> IdleAgent {
    IdleAgent::new(AgentId::from_trusted(id), runtime)
}

fn limited(until: i64) -> Option<Closed> {
    Some(Closed { reason: GateReason::Limit, until: Some(Timestamp::from_millis(until)) })
}

fn snapshot(projects: Vec<ProjectState>, idle: usize) -> Snapshot {
    Snapshot { projects, agents: agents(idle), guarantee: true, ..Snapshot::default() }
}

/// The chosen tasks in order.
fn chosen(snapshot: &Snapshot) -> Vec<String> {
    super::decide(snapshot).assignments.iter().map(|assignment| assignment.task.to_string()).collect()
}
