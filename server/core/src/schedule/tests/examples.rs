//! The 22 worked examples of the original system; 15 and 16 as corrected by counting work in flight.

use super::super::{Reason, decide, expected_rest};
use super::*;
use crate::time::Timestamp;

fn reasons(snapshot: &Snapshot) -> Vec<Reason> {
    decide(snapshot).waits.iter().map(|wait| wait.reason).collect()
}

/// Examples 1 to 3, F-053.
#[test]
fn one_agent_gets_one_task() {
    let one = snapshot(vec![project("p1", &["t1"])], 1);
    let decision = decide(&one);
    let first = decision.assignments.first().unwrap();
    assert_eq!((first.agent.as_str(), first.task.as_str(), first.project.as_str()), ("a1", "t1", "p1"));
    assert!(decision.waits.is_empty());
    let busy = snapshot(vec![project("p1", &["t1"])], 0);
    assert_eq!(chosen(&busy), [""; 0]);
    assert_eq!(reasons(&busy), [Reason::NoAgent { runtime: None }]);
    assert_eq!(decide(&snapshot(vec![project("p1", &[])], 1)), super::super::Decision::default());
}

/// Example 4, F-042.
#[test]
fn the_project_behind_its_share_goes_first() {
    let (mut p1, mut p2) = (project("p1", &["t1"]), project("p2", &["t2"]));
    (p1.weight, p1.window_use) = (3.0, 60_000);
    (p2.weight, p2.window_use) = (1.0, 40_000);
    let mut snapshot = snapshot(vec![p1, p2], 1);
    assert_eq!(chosen(&snapshot), ["t1"]);
    assert_eq!(reasons(&snapshot), [Reason::Outranked]);
    // Neither a budget that is not used up nor an agent that takes no filler work is in its way.
    snapshot.global_budget = Some(1_000_000);
    snapshot.agents[0].filler = false;
    assert_eq!(reasons(&snapshot), [Reason::Outranked]);
}

/// Example 5, F-045: the guarantee beats any deficit; switched off it does not; it gives up after three failed runs.
#[test]
fn the_guarantee_runs_and_can_be_switched_off() {
    let (mut p1, mut p2) = (project("p1", &["t1"]), project("p2", &["t2"]));
    (p1.weight, p1.window_use, p1.completed_in_window) = (19.0, 95_000, 10);
    p2.window_use = 10_000;
    let mut state = snapshot(vec![p1, p2], 1);
    assert_eq!(chosen(&state), ["t2"]);
    state.guarantee = false;
    assert_eq!(chosen(&state), ["t1"]);
    state.guarantee = true;
    state.projects[1].failed_in_window = 3;
    assert_eq!(chosen(&state), ["t1"]);
    state.projects[1].failed_in_window = 0;
    state.projects[1].active_runs = 1;
    assert_eq!(chosen(&state), ["t1"]);
}

/// Examples 6 and 7, F-047, F-051.
#[test]
fn caps_and_pauses_hold() {
    let mut p1 = project("p1", &["t1"]);
    (p1.max_runs, p1.active_runs) = (1, 1);
    let capped = snapshot(vec![p1.clone()], 2);
    assert_eq!(reasons(&capped), [Reason::ConcurrencyCap { max_runs: 1 }]);
    (p1.active, p1.active_runs) = (false, 0);
    assert_eq!(reasons(&snapshot(vec![p1], 2)), [Reason::ProjectPaused]);
    let mut paused = snapshot(vec![project("p1", &["t1"])], 1);
    paused.paused = true;
    assert_eq!(chosen(&paused), [""; 0]);
    assert_eq!(reasons(&paused), [Reason::SystemPaused]);
}

/// Examples 8 and 9, F-044: lower priority number first, then the key, then the id.
#[test]
fn priority_then_key_then_id() {
    let mut p1 = project("p1", &[]);
    let mut two = |heads: [Head; 2]| {
        let mut heads = heads.to_vec();
        heads.sort();
        p1.lanes = vec![Lane { runtime: None, fallback: RuntimeSet::EMPTY, filler: false, heads }];
        chosen(&snapshot(vec![p1.clone()], 1))
    };
    assert_eq!(two([head(200, "late"), head(10, "soon")]), ["soon"]);
    assert_eq!(two([head(5, "zeta"), head(5, "alpha")]), ["alpha"]);
    let mut younger = head(5, "alpha");
    younger.key = 1;
    assert_eq!(two([head(5, "zeta"), younger]), ["zeta"]);
}

/// Examples 10 to 12, F-049, F-050.
#[test]
fn budgets_stop_starts_at_the_limit() {
    let mut state = snapshot(vec![project("p1", &["t1"])], 1);
    (state.global_budget, state.global_used) = (Some(100_000), 100_000);
    assert_eq!(chosen(&state), [""; 0]);
    assert_eq!(reasons(&state), [Reason::GlobalBudget { used: 100_000, limit: 100_000 }]);
    state.global_used = 99_999;
    assert_eq!(chosen(&state), ["t1"]);

    let mut p1 = project("p1", &["t1"]);
    (p1.budget_limit, p1.budget_use) = (Some(50_000), 50_000);
    assert_eq!(reasons(&snapshot(vec![p1], 1)), [Reason::ProjectBudget { used: 50_000, limit: 50_000 }]);

    let (mut p1, mut p2) = (project("p1", &["t1"]), project("p2", &["t2"]));
    (p1.weight, p1.budget_limit, p1.window_use, p1.budget_use) = (9.0, Some(500), 500, 500);
    p2.window_use = 400;
    assert_eq!(chosen(&snapshot(vec![p1, p2], 1)), ["t2"]);
}

/// Budgets count what is in flight, so one round cannot pass a limit by more than one task.
#[test]
fn budgets_count_work_in_flight() {
    let mut p1 = project("p1", &["t1", "t2"]);
    (p1.budget_limit, p1.budget_use) = (Some(50_000), 49_999);
    assert_eq!(chosen(&snapshot(vec![p1], 2)), ["t1"]);
    let mut state = snapshot(vec![project("p1", &["t1", "t2"])], 2);
    (state.global_budget, state.global_used) = (Some(100_000), 99_999);
    assert_eq!(chosen(&state), ["t1"]);
}

/// Examples 13 and 14, F-042.
#[test]
fn ties_go_to_the_weight_then_to_the_order() {
    let (a, mut b) = (project("a", &["a1", "a2"]), project("b", &["b1"]));
    assert_eq!(chosen(&snapshot(vec![a.clone(), b.clone()], 1)), ["a1"]);
    b.weight = 3.0;
    assert_eq!(chosen(&snapshot(vec![a, b], 1)), ["b1"]);
}

/// Examples 15 and 16, corrected: b, a and b, a, b (the original gave b, b and b, b, a).
#[test]
fn work_in_flight_counts_within_a_round() {
    let (a, mut b) = (project("a", &["a1", "a2", "a3"]), project("b", &["b1", "b2"]));
    b.weight = 3.0;
    assert_eq!(chosen(&snapshot(vec![a.clone(), b.clone()], 2)), ["b1", "a1"]);
    b.lanes = vec![lane(None, &["b1", "b2", "b3"])];
    for guarantee in [true, false] {
        let mut state = snapshot(vec![a.clone(), b.clone()], 3);
        state.guarantee = guarantee;
        assert_eq!(chosen(&state), ["b1", "a1", "b2"]);
    }
}

/// Example 17, F-042: what an idle project used changes nothing.
#[test]
fn an_idle_projects_past_does_not_count() {
    let (mut a, mut b, mut c) = (project("a", &["t1"]), project("b", &["t2"]), project("c", &[]));
    (a.window_use, b.window_use, c.window_use) = (1_000, 900, 100_000);
    assert_eq!(chosen(&snapshot(vec![a, b, c], 1)), ["t2"]);
}

/// Examples 18 and 19, F-048: example 19 assigned both in the original.
#[test]
fn workspaces_are_never_over_assigned() {
    let (mut p1, mut p2) = (project("p1", &["t1", "t2"]), project("p2", &["t3"]));
    (p1.free_workspaces, p2.free_workspaces) = (0, 1);
    let state = snapshot(vec![p1.clone(), p2], 1);
    assert_eq!(chosen(&state), ["t3"]);
    assert_eq!(reasons(&state), [Reason::NoWorkspace]);
    p1.free_workspaces = 1;
    assert_eq!(chosen(&snapshot(vec![p1], 2)), ["t1"]);
}

/// Examples 20 and 21, F-052.
#[test]
fn weightless_projects_come_last_or_share_equally() {
    let (mut p1, mut p2) = (project("p1", &["t1"]), project("p2", &["t2"]));
    (p1.weight, p2.window_use) = (0.0, 1_000_000);
    (p1.completed_in_window, p2.completed_in_window) = (1, 1);
    assert_eq!(chosen(&snapshot(vec![p1.clone(), p2.clone()], 2)), ["t2", "t1"]);
    assert!(decide(&snapshot(vec![p1.clone(), p2.clone()], 2)).assignments.iter().all(|start| start.finish_tag.is_finite()));
    (p2.weight, p1.window_use, p2.finish_tag) = (0.0, 2_000_000, 5.0);
    assert_eq!(chosen(&snapshot(vec![p1.clone(), p2.clone()], 2)), ["t2", "t1"]);
    p1.weight = f64::NAN;
    assert_eq!(chosen(&snapshot(vec![p1, p2], 2)), ["t2", "t1"]);
}

/// schedule R8: a project that was passed over too often goes first; only active projects with ready work make its fair wait longer.
#[test]
fn a_project_that_waited_too_long_goes_first() {
    let mut projects = [("p1", 1.0), ("p2", 1.0), ("p3", 10.0), ("p4", 10.0)].map(|(id, weight)| {
        let tasks = if id == "p4" { vec![] } else { vec![id] };
        ProjectState { weight, completed_in_window: 1, ..project(id, &tasks) }
    });
    (projects[0].window_use, projects[0].passed_over, projects[2].active) = (1_000_000, 16, false);
    let mut state = snapshot(projects.to_vec(), 1);
    assert_eq!(chosen(&state), ["p1"]);
    state.projects[0].lanes = vec![lane(None, &["p1", "more"])];
    state.agents = agents(2);
    assert_eq!(chosen(&state), ["p1", "p2"], "once in a decision");
    state.projects[0].passed_over = 15;
    assert_eq!(chosen(&state)[0], "p2");
}

/// schedule R4: an open run counts with what is left of its expected cost, at least half of it.
#[test]
fn a_run_counts_at_least_half_of_its_cost() {
    assert_eq!([0, 400, 500, 501, 2_000].map(|spent| expected_rest(1_000, spent)), [1_000, 600, 500, 500, 500]);
    assert_eq!((expected_rest(0, 5), expected_rest(3, 1)), (0, 2));
}

/// Example 22.
#[test]
fn two_agents_two_projects_one_each() {
    assert_eq!(chosen(&snapshot(vec![project("p1", &["t1"]), project("p2", &["t2"])], 2)), ["t1", "t2"]);
}

/// schedule R3: an agent only gets tasks of its runtime or of none.
#[test]
fn runtimes_match() {
    let mut p1 = project("p1", &["any"]);
    p1.lanes.push(Lane { heads: vec![head(1, "claude")], ..lane(Some(RuntimeKind::Claude), &[]) });
    p1.lanes.push(Lane { heads: vec![head(0, "command")], ..lane(Some(RuntimeKind::Command), &[]) });
    let mut state = snapshot(vec![p1], 0);
    state.agents = vec![agent("s", RuntimeKind::Scripted)];
    assert_eq!(chosen(&state), ["any"]);
    state.agents = vec![agent("c", RuntimeKind::Claude), agent("d", RuntimeKind::Claude)];
    assert_eq!(chosen(&state), ["claude", "any"]);
    state.projects[0].lanes.remove(0);
    state.agents = vec![agent("s", RuntimeKind::Scripted)];
    assert_eq!(reasons(&state), [Reason::NoAgent { runtime: Some(RuntimeKind::Command) }]);
}

/// F-054: an agent whose account is closed gets nothing, and the wait names the instant.
#[test]
fn closed_accounts_start_nothing() {
    let mut state = snapshot(vec![project("p1", &["t1"])], 2);
    state.agents[0].closed = limited(70);
    state.agents[1].closed = limited(50);
    assert_eq!(reasons(&state), [Reason::AccountClosed { reason: GateReason::Limit, until: Some(Timestamp::from_millis(50)) }]);
    state.agents[0].closed = None;
    assert_eq!(chosen(&state), ["t1"]);
}

/// schedule R6: where nobody counts tokens, starts are shared by start-time fair queueing.
#[test]
fn without_tokens_starts_are_shared_by_weight() {
    let names: Vec<_> = (0..40).map(|n| format!("t{n:02}")).collect();
    let tasks: Vec<_> = names.iter().map(String::as_str).collect();
    let mut projects = vec![project("a", &tasks), project("b", &tasks)];
    projects[1].weight = 3.0;
    let mut state = snapshot(projects, 1);
    let mut starts = [0_u32; 2];
    for _ in 0..40 {
        for project in &mut state.projects {
            (project.expected_next, project.completed_in_window) = (0, 1);
        }
        let decision = decide(&state);
        let assignment = decision.assignments.first().unwrap();
        let index = usize::from(assignment.project.as_str() == "b");
        starts[index] += 1;
        state.virtual_time = assignment.start_tag;
        state.projects[index].finish_tag = assignment.finish_tag;
    }
    assert_eq!(starts, [10, 30]);
}

/// schedule R12: ten projects with a thousand heads each, decided a thousand times; only the first heads are ever looked at.
#[test]
fn a_decision_is_cheap() {
    let names: Vec<_> = (0..1_000).map(|n| format!("t{n:04}")).collect();
    let tasks: Vec<_> = names.iter().map(String::as_str).collect();
    let projects = (0..10).map(|n| project(&format!("p{n}"), &tasks)).collect();
    let state = snapshot(projects, 4);
    let assigned: usize = (0..1_000).map(|_| decide(&state).assignments.len()).sum();
    assert_eq!(assigned, 4_000);
}
