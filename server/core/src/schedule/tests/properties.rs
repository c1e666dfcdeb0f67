//! What holds for every snapshot.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::{Reason, WAITING_FACTOR, decide};
use super::*;

fn any_runtime() -> impl Strategy<Value = RuntimeKind> {
    prop::sample::select(RuntimeKind::ALL.to_vec())
}

prop_compose! {
    fn any_project(index: usize)(
        weight in prop_oneof![Just(0.0), 0.1..10.0_f64],
        active in prop::bool::weighted(0.9),
        (window_use, in_flight, expected_next) in (0_u64..100_000, 0_u64..10_000, 0_u64..5_000),
        (active_runs, max_runs, free_workspaces) in (0_u32..3, 0_u32..5, 0_u32..5),
        budget_limit in prop::option::of(0_u64..200_000),
        (completed_in_window, failed_in_window, passed_over) in (0_u32..3, 0_u32..5, 0_u32..200),
        finish_tag in 0.0..1000.0_f64,
        lanes in prop::collection::vec((prop::option::of(any_runtime()), prop::collection::vec(0_i32..4, 0..5)), 0..4),
    ) -> ProjectState {
        let lanes = lanes.into_iter().enumerate().map(|(number, (runtime, priorities))| {
            let mut heads: Vec<_> =
                priorities.iter().enumerate().map(|(n, priority)| head(*priority, &format!("t{index}-{number}-{n}"))).collect();
            heads.sort();
            Lane { runtime, fallback: RuntimeSet::EMPTY, filler: false, heads }
        }).collect();
        let id = ProjectId::from_trusted(&format!("p{index}"));
        ProjectState { id, weight, active, window_use, budget_use: window_use, in_flight, expected_next, active_runs, max_runs, free_workspaces, budget_limit,
            completed_in_window, failed_in_window, passed_over, finish_tag, lanes }
    }
}

fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let projects = (0..6_usize).prop_flat_map(|count| (0..count).map(any_project).collect::<Vec<_>>());
    let agents = prop::collection::vec((any_runtime(), prop::option::weighted(0.2, 1_i64..9)), 0..8);
    (projects, agents, prop::bool::weighted(0.1), any::<bool>(), prop::option::of(0_u64..400_000)).prop_map(
        |(projects, agents, paused, guarantee, global_budget)| Snapshot {
            global_used: projects.iter().map(|project| project.window_use + project.in_flight).sum(),
            projects,
            agents: agents
                .into_iter()
                .enumerate()
                .map(|(n, (runtime, closed))| IdleAgent { closed: closed.and_then(limited), ..agent(&format!("a{n}"), runtime) })
                .collect(),
            accounts: Vec::new(),
            paused,
            guarantee,
            global_budget,
            virtual_time: 100.0,
        },
    )
}

proptest! {
    /// F-041, F-044, F-047 to F-051: nobody twice, every limit held, tasks of a lane in order, the same answer each time.
    #[test]
    fn every_limit_holds(snapshot in any_snapshot()) {
        let decision = decide(&snapshot);
        prop_assert_eq!(&decision, &decide(&snapshot));
        prop_assert!(!snapshot.paused || decision.assignments.is_empty());
        let by_id: BTreeMap<_, _> = snapshot.projects.iter().map(|project| (&project.id, project)).collect();
        let (mut agents, mut tasks, mut given) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::<_, u32>::new());
        let mut global = snapshot.global_used;
        for assignment in &decision.assignments {
            prop_assert!(agents.insert(&assignment.agent) && tasks.insert(&assignment.task));
            let project = by_id[&assignment.project];
            let agent = snapshot.agents.iter().find(|agent| agent.id == assignment.agent).unwrap();
            let lane = project.lanes.iter().find(|lane| lane.heads.iter().any(|head| head.task == assignment.task)).unwrap();
            prop_assert!(lane.runtime.is_none_or(|runtime| runtime == agent.runtime));
            prop_assert!(agent.closed.is_none() && project.active);
            // Every better task that fits this agent was given before.
            let head = lane.heads.iter().find(|head| head.task == assignment.task).unwrap();
            for other in project.lanes.iter().filter(|lane| lane.runtime.is_none_or(|runtime| runtime == agent.runtime)) {
                prop_assert!(other.heads.iter().all(|better| better >= head || tasks.contains(&better.task)));
            }
            let given = given.entry(&assignment.project).or_default();
            let used = project.window_use + project.in_flight + u64::from(*given) * assignment.cost;
            prop_assert!(project.budget_limit.is_none_or(|limit| used < limit));
            prop_assert!(snapshot.global_budget.is_none_or(|limit| global < limit));
            global += assignment.cost;
            *given += 1;
            prop_assert!(project.active_runs + *given <= project.max_runs && *given <= project.free_workspaces);
            prop_assert!(assignment.finish_tag >= assignment.start_tag);
        }
    }

    /// F-053: no agent stays idle while a project could give it a task; each waiting project has a true reason.
    #[test]
    fn no_agent_idles_beside_work_it_could_do(snapshot in any_snapshot()) {
        let decision = decide(&snapshot);
        let given: BTreeSet<_> = decision.assignments.iter().map(|assignment| &assignment.project).collect();
        let waiting: BTreeSet<_> = decision.waits.iter().map(|wait| &wait.project).collect();
        for project in snapshot.projects.iter().filter(|project| project.has_ready()) {
            prop_assert_eq!(waiting.contains(&project.id), !given.contains(&project.id));
        }
        for wait in &decision.waits {
            let project = snapshot.projects.iter().find(|project| project.id == wait.project).unwrap();
            if wait.reason == Reason::Outranked {
                let fits = |agent: &IdleAgent| {
                    project.lanes.iter().any(|lane| !lane.heads.is_empty() && lane.runtime.is_none_or(|runtime| runtime == agent.runtime))
                };
                for agent in snapshot.agents.iter().filter(|agent| agent.closed.is_none() && fits(agent)) {
                    prop_assert!(decision.assignments.iter().any(|assignment| assignment.agent == agent.id));
                }
            }
        }
    }

    /// schedule R8: a ready project with a weight starts within its bound, whatever the others' usage is.
    #[test]
    fn waiting_is_bounded(weights in prop::collection::vec(0.5_f64..8.0, 2..6), past in 0_u64..100_000_000, idle in 1_usize..4) {
        let total: f64 = weights.iter().sum();
        let bound = (WAITING_FACTOR * total / weights[0]).ceil() as u32 + (weights.len() * idle) as u32;
        let mut state = snapshot(weights.iter().enumerate().map(|(n, weight)| {
            let tasks = ["x1", "x2", "x3"].map(|task| format!("{task}-{n}"));
            let mut state = project(&format!("p{n}"), &tasks.each_ref().map(String::as_str));
            (state.weight, state.completed_in_window, state.max_runs) = (*weight, 1, 100);
            state
        }).collect(), idle);
        state.projects[0].window_use = past;
        let mut starts = 0;
        loop {
            let decision = decide(&state);
            prop_assert!(!decision.assignments.is_empty());
            if decision.assignments.iter().any(|assignment| assignment.project.as_str() == "p0") {
                break;
            }
            for assignment in &decision.assignments {
                starts += 1;
                for other in &mut state.projects {
                    if other.id == assignment.project {
                        (other.passed_over, other.finish_tag) = (0, assignment.finish_tag);
                        other.window_use += assignment.cost;
                    } else {
                        other.passed_over += 1;
                    }
                }
            }
            prop_assert!(starts <= bound, "{} > {}", starts, bound);
        }
    }
}
