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

/// schedule R3, R9, R13: a task that becomes ready takes its place among those that ask for the same, and no other agent than it asks for.
#[test]
fn a_task_that_becomes_ready_takes_its_place() {
    let behind = |task, runtime| Waiting { lane: lane(Some(runtime), &[]), ..waiting(task, "p1", &["a"], None) };
    let outlook = Outlook {
        snapshot: snapshot(vec![project("p1", &["a", "c", "e"])], 1),
        waiting: vec![waiting("d", "p1", &[], Some(at(5))), behind("b", RuntimeKind::Codex), behind("f", RuntimeKind::Claude)],
        ..Outlook::default()
    };
    assert_eq!(starts(&outlook), expect(&[(0, "a"), (10, "c"), (20, "d"), (30, "e"), (40, "f")]));
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

/// One project with `tasks`, and agents that stand on the account of their number; `None`: on none.
fn on_accounts(tasks: &[&str], of: &[Option<usize>], accounts: Vec<AccountRoom>) -> Snapshot {
    let mut p1 = project("p1", tasks);
    p1.max_runs = 9;
    let mut state = snapshot(vec![p1], of.len());
    state.agents.iter_mut().zip(of).for_each(|(agent, account)| agent.account = *account);
    state.accounts = accounts;
    state
}

/// schedule R13, R14: a window that a start uses up holds back the other agents of its account, and nobody else.
#[test]
fn a_used_up_window_holds_back_its_agents_only() {
    let room =
        AccountRoom { room: Some(1_000), size: Some(1_000), resets_at: Some(at(60)), span_ms: Some(60 * MINUTE), ..AccountRoom::default() };
    let tasks = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let state = on_accounts(&tasks, &[Some(0), Some(0), None], vec![room.clone()]);
    let expected = expect(&[(0, "a"), (0, "b"), (10, "c"), (20, "d"), (30, "e"), (40, "f"), (50, "g"), (60, "h")]);
    assert_eq!(told(&state, &[]), expected);
    // A window without a length is reset once.
    let once = on_accounts(&tasks[..3], &[Some(0)], vec![AccountRoom { span_ms: Some(0), ..room }]);
    assert_eq!(told(&once, &[]), expect(&[(0, "a"), (60, "b"), (70, "c")]));
}

/// schedule R13, R14: a run that ends has shown that its account takes work, and leaves it to the next one.
#[test]
fn an_account_is_free_when_its_run_has_ended() {
    let probe = AccountRoom { probe: true, ..AccountRoom::default() };
    assert_eq!(told(&on_accounts(&["a", "b", "c"], &[Some(0), Some(0)], vec![probe]), &[]), expect(&[(0, "a"), (10, "b"), (10, "c")]));
    let little = AccountRoom { room: Some(500), ..AccountRoom::default() };
    let state = on_accounts(&["a", "b"], &[Some(0), Some(0)], vec![little]);
    let outlook = Outlook { snapshot: state, waiting: vec![waiting("c", "p1", &[], Some(at(5)))], ..Outlook::default() };
    assert_eq!(starts(&outlook), expect(&[(0, "a"), (10, "b"), (20, "c")]), "alone it may always try, beside a run it has to fit");
}

/// schedule R13: an account that is closed until a run ends opens with that; one that a person closed, or that has its instant, does not.
#[test]
fn what_waits_for_a_run_looks_again_at_its_end() {
    let with = |reason, minutes: Option<i64>| {
        let mut state = on_accounts(&["a", "b", "c"], &[None, None], Vec::new());
        state.agents[1].closed = Some(Closed { reason, until: minutes.map(at) });
        told(&state, &[])[2].0
    };
    let third = (with(GateReason::Full, None), with(GateReason::Paused, None), with(GateReason::Limit, Some(15)));
    assert_eq!(third, (10, 20, 15));
}

/// schedule R3, R13: agents that are free again are served in their order.
#[test]
fn agents_keep_their_order() {
    let state = on_accounts(&["a", "b", "c", "d"], &[None, None], Vec::new());
    let starts = forecast(&Outlook { snapshot: state, ..Outlook::default() }, |_| 10 * MINUTE, at(0), 100);
    assert_eq!(starts.iter().map(|start| start.agent.as_str()).collect::<Vec<_>>(), ["a1", "a2", "a1", "a2"]);
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
