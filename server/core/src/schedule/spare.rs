//! An agent that is tried again takes another task than the one it failed with last (schedule R19).
//!
//! What starts, and how much of it, is decided before (`decide`); this only says which task of the project it is.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::Assignment;
use super::snapshot::Snapshot;
use crate::ids::{AgentId, TaskId};

/// Changes the task of each agent that was given the one it failed with last, `met`, for the next of the same project that nobody was given and that it may
/// take; where there is none the assignment stays. So one task that no program can be started with does not keep an agent from showing that it works.
pub fn spare(assignments: &mut [Assignment], snapshot: &Snapshot, met: &BTreeMap<AgentId, TaskId>) {
    let mut given: BTreeSet<TaskId> = assignments.iter().map(|assignment| assignment.task.clone()).collect();
    for assignment in assignments {
        if met.get(&assignment.agent) != Some(&assignment.task) {
            continue;
        }
        let Some(agent) = snapshot.agents.iter().find(|agent| agent.id == assignment.agent) else { continue };
        let Some(project) = snapshot.projects.iter().find(|project| project.id == assignment.project) else { continue };
        let Some(own) = project.lanes.iter().find(|lane| lane.heads.iter().any(|head| head.task == assignment.task)) else { continue };
        // A task of its own lane may be taken for the same reasons as this one, one of another lane when it asks for this runtime or for none.
        let lanes = project.lanes.iter().filter(|lane| {
            lane.filler == own.filler && (lane.runtime == own.runtime || lane.runtime.is_none_or(|needed| needed == agent.runtime))
        });
        let next = lanes.flat_map(|lane| &lane.heads).filter(|head| !given.contains(&head.task)).min();
        if let Some(next) = next {
            given.insert(next.task.clone());
            assignment.task = next.task.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ProjectId;
    use crate::runtime::RuntimeKind;
    use crate::schedule::{Head, IdleAgent, Lane, ProjectState};
    use crate::task::Needs;

    fn task(name: &str) -> TaskId {
        TaskId::parse(name).unwrap()
    }

    fn agent(name: &str) -> AgentId {
        AgentId::parse(name).unwrap()
    }

    fn lane(runtime: Option<RuntimeKind>, filler: bool, names: &[&str]) -> Lane {
        let head = |(key, name): (i64, &&str)| Head { priority: 100, key, task: task(name) };
        Lane::of(Needs { filler, ..Needs::runtime(runtime) }, (0..).zip(names).map(head).collect())
    }

    /// What a claude agent is given in the end that was given the first task and failed with it last.
    fn given(lanes: Vec<Lane>, others: &[&str]) -> String {
        let project = ProjectState { lanes, ..ProjectState::new(ProjectId::parse("p").unwrap()) };
        let agents = [("vega", RuntimeKind::Codex), ("nova", RuntimeKind::Claude), ("max", RuntimeKind::Claude)];
        let agents = agents.map(|(name, runtime)| IdleAgent::new(agent(name), runtime));
        let snapshot = Snapshot { projects: vec![project], agents: agents.into(), ..Snapshot::default() };
        let assignment = |name: &str, to: &str| Assignment {
            agent: agent(to),
            task: task(name),
            project: ProjectId::parse("p").unwrap(),
            cost: 1,
            start_tag: 0.0,
            finish_tag: 1.0,
        };
        let mut all = vec![assignment("a", "nova")];
        all.extend(others.iter().zip(["vega", "max"]).map(|(name, to)| assignment(name, to)));
        spare(&mut all, &snapshot, &[(agent("nova"), task("a"))].into());
        all[0].task.to_string()
    }

    /// schedule R19: the next task that is free and fits; none, and the same is tried again.
    #[test]
    fn another_task_is_tried_first() {
        let claude = Some(RuntimeKind::Claude);
        assert_eq!(given(vec![lane(claude, false, &["a", "b", "c"])], &[]), "b");
        assert_eq!(given(vec![lane(claude, false, &["a", "b", "c"])], &["b"]), "c");
        assert_eq!(given(vec![lane(claude, false, &["a"]), lane(None, false, &["d"])], &[]), "d");
        assert_eq!(given(vec![lane(None, false, &["a"]), lane(claude, false, &["d"])], &[]), "d");
        assert_eq!(given(vec![lane(claude, false, &["a"]), lane(Some(RuntimeKind::Codex), false, &["d"])], &[]), "a");
        assert_eq!(given(vec![lane(claude, false, &["a"]), lane(claude, true, &["d"])], &[]), "a");
        assert_eq!(given(vec![lane(claude, false, &["a"])], &[]), "a");
        assert_eq!(given(vec![lane(claude, false, &["z", "b"])], &[]), "a", "it is not among the heads any more");
    }
}
