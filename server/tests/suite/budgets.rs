//! Budgets through the real store, lifecycle and orchestrator: who is held, who goes on, what is told, and what a crash must not lose.

use aq_core::budget::BudgetScope;
use aq_core::event::{Event, EventKind};
use aq_core::ids::{ProjectId, RunRef, TaskId};
use aq_core::output::{OutputBody, OutputItem, TokenUsage};
use aq_core::runner_link::{RunOutcome, RunReport, RunnerOrder, SessionOrder, StopReason};
use aq_core::task::{BlockedReason, TaskStatus};
use aq_server::clock::Clock as _;
use aq_server::commands::{self, CommandError};
use aq_server::store::{StoreError, events, usage};

use crate::harness::{Harness, new_task};

const DAY: i64 = 24 * 3_600_000;

async fn budget(server: &Harness, scope: BudgetScope, limit: Option<Option<u64>>) {
    server.command(move |tx, context| commands::budgets::set(tx, context, scope, limit)).await.unwrap();
}

async fn spend(server: &Harness, run: &RunRef, seq: u64, tokens: u64) {
    let body = OutputBody::Usage {
        message_id: format!("m{seq}"),
        model: "m".into(),
        tokens: TokenUsage { input: tokens, ..TokenUsage::default() },
        cost_micros: None,
    };
    let items = vec![OutputItem { seq, at: server.clock.now(), body }];
    server.report(run, RunReport::Output { items }).await;
    server.wake.ring();
}

async fn told(server: &Harness, kind: EventKind) -> Vec<Event> {
    server
        .reader
        .read(move |db| Ok::<_, StoreError>(events::after(db, 0, i64::MAX)?.into_iter().filter(|event| event.kind == kind).collect()))
        .await
        .unwrap()
}

/// What the open runs are still expected to spend, and the trees that are counted.
async fn in_flight(server: &Harness) -> (u64, usize) {
    server
        .engine
        .submit(|tx| {
            let rest = tx.state.runs.values().map(|run| run.reserved.saturating_sub(run.tokens)).sum();
            Ok::<_, CommandError>((rest, tx.state.trees.len()))
        })
        .await
        .unwrap()
}

async fn stopped(server: &Harness, run: &RunRef) {
    let wanted = run.clone();
    server.ordered(move |order| matches!(order, RunnerOrder::Stop { run, .. } if *run == wanted).then_some(())).await;
    let outcome = RunOutcome::Stopped { reason: StopReason::Operator };
    server.report(run, RunReport::Finished { outcome, exit_code: None }).await;
}

async fn child(server: &Harness, project: &ProjectId, title: &str, parent: &TaskId) -> TaskId {
    let mut new = new_task(project, title, &[]);
    new.parent = Some(parent.clone());
    server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap()[0].task.id.clone()
}

/// F-050, F-046, D-23: a project at its budget starts nothing while another goes on; deleting what spent it frees nothing; when the window has moved
/// on it starts by itself.
#[tokio::test]
async fn a_project_at_its_budget_waits_for_the_window() {
    let server = Harness::start().await;
    server.agents(2).await;
    let (app, web) = (server.project("App", 2).await, server.project("Web", 2).await);
    budget(&server, BudgetScope::Project, Some(Some(1_000))).await;
    let first = server.task(&app, "a", &[]).await;
    let start = server.start_order().await;
    server.running(&start.run).await;
    spend(&server, &start.run, 1, 1_000).await;
    server.succeed(&start.run).await;
    server.until(&first, TaskStatus::Completed).await;
    let waiting = server.task(&app, "b", &[]).await;
    assert!(server.nothing_started().await);
    server.command(move |tx, context| commands::control::delete(tx, context, &first)).await.unwrap();
    assert!(server.nothing_started().await, "the ledger stays");
    let other = server.task(&web, "c", &[]).await;
    assert_eq!(server.start_order().await.run.task, other);
    let server = server.restart().await;
    assert_eq!(server.start_order().await.run.task, other);
    assert!(server.nothing_started().await, "a restart frees nothing");
    server.clock.advance(DAY + 120_000);
    server.wake.ring();
    assert_eq!(server.start_order().await.run.task, waiting);
}

/// F-049: at the global budget nothing starts anywhere, one token below it one task does; raising it lets the rest start.
#[tokio::test]
async fn the_global_budget_holds_everything() {
    let server = Harness::start().await;
    server.agents(2).await;
    let app = server.project("App", 2).await;
    let first = server.task(&app, "a", &[]).await;
    budget(&server, BudgetScope::Global, Some(Some(1_000))).await;
    let start = server.start_order().await;
    server.running(&start.run).await;
    spend(&server, &start.run, 1, 1_000).await;
    server.succeed(&start.run).await;
    server.until(&first, TaskStatus::Completed).await;
    server.task(&app, "b", &[]).await;
    assert!(server.nothing_started().await);
    budget(&server, BudgetScope::Global, Some(Some(1_001))).await;
    server.start_order().await;
    budget(&server, BudgetScope::Global, None).await;
    server.task(&app, "c", &[]).await;
    server.start_order().await;
}

/// budget R3, R8: a run over its budget is stopped and told; its task goes on in the same session by itself once the budget is raised, also when the
/// server was killed in between.
#[tokio::test]
async fn a_run_over_its_budget_goes_on_when_it_is_raised() {
    let server = Harness::start().await;
    server.agents(1).await;
    let app = server.project("App", 1).await;
    budget(&server, BudgetScope::Run, Some(Some(500))).await;
    let task = server.task(&app, "a", &[]).await;
    let start = server.start_order().await;
    server.running(&start.run).await;
    spend(&server, &start.run, 1, 499).await;
    assert_eq!(server.get(&task).await.status, TaskStatus::InProgress);
    spend(&server, &start.run, 2, 1).await;
    let blocked = server.until(&task, TaskStatus::Blocked).await;
    assert_eq!(blocked.blocked_reason, Some(BlockedReason::Budget));
    stopped(&server, &start.run).await;
    let exhausted = told(&server, EventKind::BudgetExhausted).await;
    assert_eq!(exhausted.len(), 1);
    assert_eq!((exhausted[0].payload["scope"].as_str(), exhausted[0].payload["used"].as_u64()), (Some("run"), Some(500)));
    let server = server.restart().await;
    assert!(server.nothing_started().await, "the same budget would stop it at once");
    assert_eq!(server.get(&task).await.status, TaskStatus::Blocked);
    budget(&server, BudgetScope::Run, Some(Some(600))).await;
    let again = server.start_order().await;
    assert_eq!(again.run, RunRef { task, number: 2 });
    assert!(matches!(again.session, SessionOrder::Resume { .. }));
}

/// budget R3: a task's own budget comes before the general one, and raising it lifts the block.
#[tokio::test]
async fn a_tasks_own_budget_comes_first() {
    let server = Harness::start().await;
    server.agents(1).await;
    let app = server.project("App", 1).await;
    let mut new = new_task(&app, "a", &[]);
    new.budget_tokens = Some(100);
    let made = server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
    let task = made[0].task.id.clone();
    let start = server.start_order().await;
    server.running(&start.run).await;
    spend(&server, &start.run, 1, 100).await;
    server.until(&task, TaskStatus::Blocked).await;
    stopped(&server, &start.run).await;
    let id = task.clone();
    let raise = commands::edit::TaskEdit { budget_tokens: Some(Some(200)), ..Default::default() };
    server.command(move |tx, context| commands::edit::edit(tx, context, &id, &raise)).await.unwrap();
    assert_eq!(server.start_order().await.run.number, 2);
}

/// A project with that many agents and workspaces, and a tree that may spend 1,000 tokens: its root is done and has spent 300.
async fn begun_tree(agents: usize) -> (Harness, ProjectId, TaskId) {
    let server = Harness::start().await;
    server.agents(agents).await;
    let app = server.project("App", agents).await;
    budget(&server, BudgetScope::TaskTree, Some(Some(1_000))).await;
    let root = server.task(&app, "root", &[]).await;
    let first = server.start_order().await;
    server.running(&first.run).await;
    spend(&server, &first.run, 1, 300).await;
    server.succeed(&first.run).await;
    server.until(&root, TaskStatus::Completed).await;
    (server, app, root)
}

/// budget R2, R3: a tree at its budget stops all its open runs and starts nothing more; what is no part of it goes on.
#[tokio::test]
async fn a_tree_at_its_budget_is_stopped_as_a_whole() {
    let (server, app, root) = begun_tree(4).await;
    let (left, right) = (child(&server, &app, "left", &root).await, child(&server, &app, "right", &root).await);
    let (one, two) = (server.start_order().await, server.start_order().await);
    server.running(&one.run).await;
    server.running(&two.run).await;
    let stranger = server.task(&app, "stranger", &[]).await;
    let third = server.start_order().await;
    server.running(&third.run).await;
    spend(&server, &one.run, 1, 699).await;
    assert_eq!(server.get(&left).await.status, TaskStatus::InProgress);
    spend(&server, &two.run, 1, 1).await;
    for task in [&left, &right] {
        assert_eq!(server.until(task, TaskStatus::Blocked).await.blocked_reason, Some(BlockedReason::Budget));
    }
    assert_eq!(server.get(&stranger).await.status, TaskStatus::InProgress);
    stopped(&server, &one.run).await;
    stopped(&server, &two.run).await;
    let more = child(&server, &app, "more", &left).await;
    server.wake.ring();
    assert_eq!(server.until(&more, TaskStatus::Blocked).await.blocked_reason, Some(BlockedReason::Budget));
    budget(&server, BudgetScope::TaskTree, Some(Some(5_000))).await;
    let tasks: Vec<_> =
        [server.start_order().await, server.start_order().await, server.start_order().await].map(|start| start.run.task).into();
    assert!([left, right, more].iter().all(|task| tasks.contains(task)));
}

/// Orchestrator R22: when it cannot be read what a tree has spent, the task that asks stands aside and is told of once; everybody else goes on in the same pass, and it starts by
/// itself when its tree can be counted again.
#[tokio::test]
async fn a_tree_that_cannot_be_counted_keeps_nobody_else_waiting() {
    let (server, app, root) = begun_tree(2).await;
    let spent = async |tokens: i64| {
        let sql = format!("UPDATE runs SET tokens_input = {tokens} WHERE task_id = '{root}'");
        server.engine.submit(move |tx| tx.db.batch(&sql)).await.unwrap();
    };
    spent(-1_000_000).await;
    let child = child(&server, &app, "child", &root).await;
    let stranger = server.task(&app, "stranger", &[]).await;
    assert_eq!(server.start_order().await.run.task, stranger);
    assert!(server.nothing_started().await);
    assert_eq!(server.get(&child).await.status, TaskStatus::Ready);
    assert_eq!(told(&server, EventKind::TaskHeldUp).await.len(), 1, "told once, however many passes");
    spent(300).await;
    server.clock.advance(61_000);
    server.wake.ring();
    assert_eq!(server.start_order().await.run.task, child);
}

/// F-055, D-22: 75, 90, 95 % and used up are told once each on the window's usage, not again after a restart, and again after usage fell.
#[tokio::test]
async fn warnings_are_told_once_and_rearmed() {
    let server = Harness::start().await;
    server.agents(1).await;
    let app = server.project("App", 1).await;
    budget(&server, BudgetScope::Project, Some(Some(1_000))).await;
    server.task(&app, "a", &[]).await;
    let start = server.start_order().await;
    server.running(&start.run).await;
    for (seq, tokens) in [(1, 760), (2, 10), (3, 150)] {
        spend(&server, &start.run, seq, tokens).await;
        assert!(server.nothing_started().await);
    }
    let server = server.restart().await;
    spend(&server, &start.run, 4, 10).await;
    assert!(server.nothing_started().await);
    let percents = |events: Vec<Event>| events.iter().map(|event| event.payload["percent"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(percents(told(&server, EventKind::BudgetWarning).await), [75, 90]);
    spend(&server, &start.run, 5, 70).await;
    assert!(server.nothing_started().await);
    assert_eq!(told(&server, EventKind::BudgetExhausted).await.len(), 1);
    server.clock.advance(DAY + 120_000);
    server.wake.ring();
    assert!(server.nothing_started().await);
    spend(&server, &start.run, 6, 800).await;
    assert!(server.nothing_started().await);
    assert_eq!(percents(told(&server, EventKind::BudgetWarning).await), [75, 90, 75]);
}

/// D-24: tokens are written per message and by kind: a killed server, a stopped run and a run that ended without a word have lost none.
#[tokio::test]
async fn tokens_of_every_message_survive() {
    let server = Harness::start().await;
    server.agents(1).await;
    let app = server.project("App", 1).await;
    server.task(&app, "a", &[]).await;
    let start = server.start_order().await;
    server.running(&start.run).await;
    let tokens = TokenUsage { input: 1, output: 20, cache_read: 300, cache_write: 4_000 };
    let body = OutputBody::Usage { message_id: "m1".into(), model: "m".into(), tokens, cost_micros: None };
    let item = OutputItem { seq: 1, at: server.clock.now(), body };
    server.report(&start.run, RunReport::Output { items: vec![item.clone()] }).await;
    let server = server.restart().await;
    server.report(&start.run, RunReport::Output { items: vec![item] }).await;
    let until = server.clock.now().plus_millis(1);
    let used =
        server.reader.read(move |db| usage::by_project(db, None, aq_core::time::Timestamp::from_millis(0), until, 10)).await.unwrap();
    assert_eq!((used.total.tokens, used.total.entries), (tokens, 1));
}

/// budget R2: what a start reserves is gone on every way out: success, failure, a limit, a stop.
#[tokio::test]
async fn nothing_stays_reserved() {
    let server = Harness::start().await;
    server.agents(1).await;
    let app = server.project("App", 1).await;
    let first = server.task(&app, "first", &[]).await;
    let start = server.start_order().await;
    server.running(&start.run).await;
    spend(&server, &start.run, 1, 5_000).await;
    server.succeed(&start.run).await;
    server.until(&first, TaskStatus::Completed).await;
    let failed = RunOutcome::Failed { class: aq_core::output::FailureClass::InvalidRequest, message: "no".into() };
    let limited = RunOutcome::Limited { window: "unknown".into(), resets_at: None, message: "no".into() };
    for outcome in [failed, limited, RunOutcome::Stopped { reason: StopReason::Operator }] {
        server.task(&app, "next", &[]).await;
        let start = server.start_order().await;
        assert_eq!(in_flight(&server).await, (5_000, 1));
        server.running(&start.run).await;
        server.report(&start.run, RunReport::Finished { outcome, exit_code: None }).await;
        assert_eq!(in_flight(&server).await, (0, 0));
    }
}

/// budget R11: a task that only the reservations of its tree's open runs keep from starting stands aside and says so; others have the turn, and it starts
/// when one of those runs has ended, or when the budget is raised.
#[tokio::test]
async fn a_task_that_waits_for_its_tree_stands_aside() {
    let server = Harness::start().await;
    server.agents(3).await;
    let app = server.project("App", 3).await;
    budget(&server, BudgetScope::TaskTree, Some(Some(100))).await;
    budget(&server, BudgetScope::Run, Some(Some(100))).await;
    let parent = server.task(&app, "parent", &[]).await;
    let start = server.start_order().await;
    // The run reserves one token while nothing is known of costs; what it is counted with is all that its tree may spend.
    let key = server.record(&parent).await.key;
    server
        .command(move |tx, _| {
            let open = tx.state.runs[&key].clone();
            tx.state.put_run(key, Some(aq_server::lifecycle::OpenRun { reserved: 100, ..open }));
            Ok(())
        })
        .await
        .unwrap();
    let step = child(&server, &app, "step", &parent).await;
    let other = server.task(&app, "other", &[]).await;
    assert_eq!(server.start_order().await.run.task, other, "the agent goes to somebody else at once");
    assert!(server.nothing_started().await);
    let waits = server.engine.submit(|tx| Ok::<_, CommandError>(tx.state.tree_waits.len())).await.unwrap();
    assert_eq!((waits, server.get(&step).await.status), (1, TaskStatus::Ready));
    server.succeed(&start.run).await;
    assert_eq!(server.start_order().await.run.task, step);
}
