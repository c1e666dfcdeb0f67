//! Nothing is lost in bulk: one end releases thousands of dependents at once, and taking it back holds them all again.

use aq_core::runner_link::{Conclusion, LandMode, RunOutcome, RunReport, RunnerOrder};
use aq_core::task::TaskStatus;
use aq_server::clock::Clock as _;
use aq_server::commands::{self, CommandError};

use crate::figures::{both, check_rows};
use crate::harness::{Harness, new_task};

const DEPENDENTS: usize = 10_000;

async fn count(server: &Harness, status: TaskStatus) -> u64 {
    let read = move |tx: &mut aq_server::lifecycle::Tx<'_>| {
        Ok::<_, CommandError>(tx.state.projects.values().filter_map(|state| state.counts.get(&status)).sum())
    };
    server.engine.submit(read).await.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "how long it took is printed, not judged")]
fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}

/// F-010, lifecycle R6, R7: 10,000 tasks wait for one. Its end makes all of them READY in one move; taking it back makes all of them wait.
#[tokio::test]
async fn one_end_releases_ten_thousand() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let root = server.task(&project, "root", &[]).await;
    let order = server.start_order().await;
    let began = stopwatch();
    for _ in 0..DEPENDENTS / commands::create::MAX_BATCH {
        let new: Vec<_> = (0..commands::create::MAX_BATCH).map(|_| new_task(&project, "waits", &[&root])).collect();
        server.command(move |tx, context| commands::create::create(tx, context, &new)).await.unwrap();
    }
    println!("created {DEPENDENTS} tasks in {:?}", began.elapsed());
    assert_eq!(count(&server, TaskStatus::Defined).await, DEPENDENTS as u64);
    // Nothing starts meanwhile, so that all of them are seen READY.
    server.command(|tx, context| commands::system::set_paused(tx, context, true, "")).await.unwrap();

    let before = server.bus.last();
    let began = stopwatch();
    server.succeed(&order.run).await;
    println!("released {DEPENDENTS} tasks in {:?}", began.elapsed());
    assert_eq!(server.get(&root).await.status, TaskStatus::Completed);
    assert_eq!((count(&server, TaskStatus::Ready).await, count(&server, TaskStatus::Defined).await), (DEPENDENTS as u64, 0));
    let ready = server
        .engine
        .submit(|tx| {
            Ok::<_, CommandError>(tx.state.projects.values().flat_map(|state| state.ready.values()).map(|lane| lane.len()).sum::<usize>())
        })
        .await
        .unwrap();
    assert_eq!(ready, DEPENDENTS);
    let mut feed = server.bus.feed(server.reader.clone(), before, vec![aq_core::event::EventFilter::read("task.ready").unwrap()]);
    let mut told = 0;
    loop {
        let page = feed.ready().await.unwrap();
        if page.is_empty() {
            break;
        }
        told += page.len();
    }
    assert_eq!(told, DEPENDENTS, "each release is told once");

    let began = stopwatch();
    server.command(move |tx, context| commands::control::restart(tx, context, &root, "")).await.unwrap();
    println!("held {DEPENDENTS} tasks in {:?}", began.elapsed());
    assert_eq!((count(&server, TaskStatus::Ready).await, count(&server, TaskStatus::Defined).await), (1, DEPENDENTS as u64));
    check_rows(&server).await.unwrap();
    let began = stopwatch();
    let (memory, rows) = both(&server, true).await;
    println!("loaded the figures in {:?}", began.elapsed());
    assert!(memory == rows, "memory and rows differ");
}

/// F-082, commands R12: approved work is landed by an order of its own, and only then the task completes and releases what waits.
#[tokio::test]
async fn approved_work_is_landed() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let mut new = new_task(&project, "x", &[]);
    new.requires_approval = true;
    let made = server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
    let task = made[0].task.id.clone();
    let next = server.task(&project, "y", &[&task]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let outcome = RunOutcome::Succeeded { summary: String::new() };
    server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
    let land = |order: &RunnerOrder| if let RunnerOrder::Conclude(conclude) = order { Some(conclude.land) } else { None };
    assert_eq!(server.ordered(land).await, LandMode::KeepBranch);
    let done = || Conclusion::Done { commit: "1".repeat(40), files_changed: vec!["a".into()], lines_changed: 0, pushed: false };
    server.report(&order.run, RunReport::Concluded { conclusion: done() }).await;
    assert_eq!(server.get(&task).await.status, TaskStatus::AwaitingApproval);
    assert_eq!(server.get(&next).await.status, TaskStatus::Defined);

    let id = task.clone();
    server.command(move |tx, context| commands::control::approve(tx, context, &id)).await.unwrap();
    assert_eq!(server.ordered(land).await, LandMode::Merge);
    assert_eq!(server.get(&task).await.status, TaskStatus::Verifying);
    assert!(server.hub.is_live(&order.run));
    server.report(&order.run, RunReport::Concluded { conclusion: done() }).await;
    server.until(&task, TaskStatus::Completed).await;
    assert_eq!(server.start_order().await.run.task, next);
    let now = server.clock.now();
    let completed =
        server.engine.submit(move |tx| Ok::<_, CommandError>(tx.state.projects.values().next().unwrap().usage.completed.sum(now)));
    assert_eq!(completed.await.unwrap(), 1, "the same work is counted once");
}

/// D-02, lifecycle R10: while one run concludes, its agent works on the next; the end of the first does not set the agent free twice.
#[tokio::test]
async fn an_agent_is_never_given_away_twice() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 3).await;
    for title in ["a", "b", "c"] {
        server.task(&project, title, &[]).await;
    }
    let first = server.start_order().await;
    server.running(&first.run).await;
    let outcome = RunOutcome::Succeeded { summary: String::new() };
    server.report(&first.run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
    server.wake.ring();
    let second = server.start_order().await;
    assert_eq!(second.agent, first.agent);
    server.running(&second.run).await;
    server.report(&first.run, RunReport::Concluded { conclusion: Conclusion::NothingToDo }).await;
    assert!(server.nothing_started().await, "the only agent is at work");
    let (memory, rows) = both(&server, true).await;
    assert_eq!(memory, rows);
    server.succeed(&second.run).await;
    server.start_order().await;
}
