//! Forecasts: the scheduler run forward.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::{AccountRoom, OpenRun, Outlook, Release, Waiting, decide, forecast, quantile};
use super::*;
use crate::time::Timestamp;

const MINUTE: i64 = 60_000;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(minutes * MINUTE)
}

fn told(snapshot: &Snapshot, open: &[OpenRun]) -> Vec<(i64, String)> {
    let outlook = Outlook { snapshot: snapshot.clone(), open: open.to_vec(), ..Outlook::default() };
    let starts = forecast(&outlook, |_| 10 * MINUTE, at(0), 100);
    starts.iter().map(|start| (start.at.as_millis() / MINUTE, start.task.to_string())).collect()
}

fn expect(list: &[(i64, &str)]) -> Vec<(i64, String)> {
    list.iter().map(|(minute, task)| (*minute, (*task).to_owned())).collect()
}

/// schedule R13: one agent works through what is ready, shared by weight.
#[test]
fn one_agent_works_through_the_queue() {
    let (mut a, mut b) = (project("a", &["a1", "a2"]), project("b", &["b1", "b2", "b3"]));
    (a.completed_in_window, b.completed_in_window, b.weight) = (1, 1, 3.0);
    let expected = expect(&[(0, "b1"), (10, "a1"), (20, "b2"), (30, "b3"), (40, "a2")]);
    assert_eq!(told(&snapshot(vec![a, b], 1), &[]), expected);
}

/// schedule R13: open runs, caps, and closed accounts are waited for.
#[test]
fn what_is_in_the_way_is_waited_for() {
    let mut p1 = project("p1", &["t1", "t2"]);
    (p1.max_runs, p1.active_runs, p1.in_flight) = (1, 1, 1_000);
    let run = OpenRun {
        task: TaskId::from_trusted("old"),
        project: p1.id.clone(),
        agent: agent("busy", RuntimeKind::Claude),
        ends_at: at(7),
        cost: 1_000,
    };
    assert_eq!(told(&snapshot(vec![p1], 1), std::slice::from_ref(&run)), expect(&[(7, "t1"), (17, "t2")]));

    let mut closed = snapshot(vec![project("p1", &["t1"])], 1);
    closed.agents[0].closed = limited(90 * MINUTE);
    assert_eq!(told(&closed, &[]), expect(&[(90, "t1")]));
    closed.paused = true;
    assert_eq!(told(&closed, &[]), []);
}

fn waiting(task: &str, project: &str, after: &[&str], not_before: Option<Timestamp>) -> Waiting {
    Waiting {
        head: head(100, task),
        project: ProjectId::from_trusted(project),
        lane: lane(None, &[]),
        after: after.iter().map(|id| TaskId::from_trusted(id)).collect(),
        not_before,
    }
}

fn starts(outlook: &Outlook) -> Vec<(i64, String)> {
    let starts = forecast(outlook, |_| 10 * MINUTE, at(0), 100);
    starts.iter().map(|start| (start.at.as_millis() / MINUTE, start.task.to_string())).collect()
}

/// schedule R13: tasks behind others start when these end, paused ones at their instant; what waits for something that never ends is left out.
#[test]
fn waiting_tasks_become_ready() {
    let mut p1 = project("p1", &["a"]);
    p1.max_runs = 9;
    let after = [waiting("b", "p1", &["a"], None), waiting("c", "p1", &["a", "b"], Some(at(45))), waiting("d", "p1", &["blocked"], None)];
    let paused = waiting("e", "p1", &[], Some(at(5)));
    let outlook = Outlook { snapshot: snapshot(vec![p1], 2), waiting: after.into_iter().chain([paused]).collect(), ..Outlook::default() };
    assert_eq!(starts(&outlook), expect(&[(0, "a"), (5, "e"), (10, "b"), (45, "c")]));
}

/// schedule R13: a budget that is used up opens as usage leaves the window.
#[test]
fn budgets_open_as_usage_leaves() {
    let mut p1 = project("p1", &["a"]);
    (p1.budget_limit, p1.budget_use) = (Some(1_000), 1_000);
    let release = Release { at: at(30), project: p1.id.clone(), tokens: 600 };
    let outlook = Outlook { snapshot: snapshot(vec![p1], 1), releases: vec![release], ..Outlook::default() };
    assert_eq!(starts(&outlook), expect(&[(30, "a")]));
}

/// schedule R13: a window of known size is used up, and the rest waits for its resets.
#[test]
fn windows_are_used_up_and_reset() {
    let mut p1 = project("p1", &["a", "b", "c", "d", "e"]);
    p1.max_runs = 9;
    let mut state = snapshot(vec![p1], 1);
    state.agents[0].account = Some(0);
    let room =
        AccountRoom { room: Some(2_000), size: Some(2_000), resets_at: Some(at(60)), span_ms: Some(60 * MINUTE), ..AccountRoom::default() };
    state.accounts = vec![room];
    let outlook = Outlook { snapshot: state, ..Outlook::default() };
    assert_eq!(starts(&outlook), expect(&[(0, "a"), (10, "b"), (60, "c"), (70, "d"), (120, "e")]));
    let mut lengths = vec![30, 10, 20, 50, 40];
    assert_eq!((quantile(&mut lengths, 0.0), quantile(&mut lengths, 0.5), quantile(&mut lengths, 1.0)), (Some(10), Some(30), Some(50)));
    assert_eq!(quantile(&mut [], 0.5), None);
}

proptest! {
    /// schedule R13: the first starts are the decision itself; nobody works on two things at once; caps hold at every instant.
    #[test]
    fn a_forecast_obeys_the_rules(
        counts in prop::collection::vec((1_usize..6, 1_u32..4, 1_u32..4), 1..5), idle in 1_usize..5, lengths in prop::collection::vec(1_i64..60, 5),
    ) {
        let projects: Vec<_> = counts.iter().enumerate().map(|(n, (tasks, cap, spaces))| {
            let names: Vec<_> = (0..*tasks).map(|k| format!("t{n}-{k}")).collect();
            let mut state = project(&format!("p{n}"), &names.iter().map(String::as_str).collect::<Vec<_>>());
            (state.max_runs, state.free_workspaces) = (*cap, *spaces);
            state
        }).collect();
        let state = snapshot(projects, idle);
        let length = |id: &ProjectId| lengths[id.as_str()[1..].parse::<usize>().unwrap()] * MINUTE;
        let outlook = Outlook { snapshot: state.clone(), ..Outlook::default() };
        let starts = forecast(&outlook, length, at(0), 1_000);
        let all: usize = counts.iter().map(|(tasks, ..)| tasks).sum();
        prop_assert_eq!(starts.len(), all);
        for (start, assignment) in starts.iter().zip(&decide(&state).assignments) {
            prop_assert_eq!((&start.task, &start.agent, start.at), (&assignment.task, &assignment.agent, at(0)));
        }
        let (mut tasks, mut free) = (BTreeSet::new(), BTreeMap::new());
        for (index, start) in starts.iter().enumerate() {
            prop_assert!(tasks.insert(&start.task));
            prop_assert!(free.get(&start.agent).is_none_or(|free| *free <= start.at));
            free.insert(&start.agent, start.at.plus_millis(length(&start.project)));
            let overlapping = starts[..=index].iter().filter(|other| {
                other.project == start.project && other.at.plus_millis(length(&other.project)) > start.at
            });
            let project = state.projects.iter().find(|project| project.id == start.project).unwrap();
            prop_assert!(overlapping.count() <= project.max_runs.min(project.free_workspaces) as usize);
        }
    }
}
