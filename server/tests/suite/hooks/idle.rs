//! Zero idle tokens: a day on which nothing happens costs nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aq_core::hook::{Action, ContextStep, Hook, RunState, Step, Trigger};
use aq_server::clock::Clock as _;
use aq_server::hooks::ProgramEnd;

use super::world::{Outside, add, draft, engine, ledger};
use crate::harness::Harness;

/// Zero idle tokens: 24 hours with an empty queue, hooks with models enabled: the looks say that there is nothing to do, and no model is asked.
#[tokio::test]
async fn an_idle_day_asks_no_model() {
    let server = Harness::start().await;
    let (project, outside) = (server.project("App", 1).await, Arc::new(Outside::default()));
    *outside.end.lock().unwrap() = ProgramEnd { exit_code: Some(0), ..ProgramEnd::default() };
    let ask = || vec![Action::AskModel { prompt: "{{step_0}}".into(), provider: String::new(), model: String::new(), timeout_ms: 60_000 }];
    let step = |step, exit_zero, empty| ContextStep { step, skip_if_exit_zero: exit_zero, skip_if_empty: empty, skip_if_status_ok: false };
    let watcher = Step::Shell { argv: vec!["make".into(), "test".into()], timeout_ms: 60_000 };
    let results = Step::Query { name: "recent_task_results".into(), params: BTreeMap::new() };
    let cron = Trigger::Cron { expression: "*/15 * * * *".into(), zone: "Europe/Berlin".into() };
    let on = Trigger::Event { events: vec!["task.*".into(), "git.*".into()], conditions: Vec::new(), with_hook_tasks: true };
    let hourly = Trigger::Periodic { every_ms: 3_600_000 };
    add(&server, Hook { steps: vec![step(watcher, true, false)], actions: ask(), ..draft(&project, "hk-watch", cron, &server) }).await;
    add(&server, Hook { steps: vec![step(results, false, true)], actions: ask(), ..draft(&project, "hk-logs", hourly, &server) }).await;
    add(&server, Hook { actions: ask(), ..draft(&project, "hk-review", on, &server) }).await;
    let mut hooks = engine(&server, &outside).await;
    let end = server.clock.now().plus_millis(24 * 3_600_000);
    loop {
        hooks.settle().await.unwrap();
        // The loop sleeps until the next due time; so does the test.
        let next = hooks.tick().await.unwrap().unwrap();
        if next > end {
            break;
        }
        server.clock.advance(next.millis_since(server.clock.now()));
    }
    assert_eq!(outside.asked.load(Ordering::SeqCst), 0, "no model was asked");
    let (watch, logs) = (ledger(&server, "hk-watch").await, ledger(&server, "hk-logs").await);
    assert_eq!((watch.len(), logs.len(), ledger(&server, "hk-review").await.len()), (96, 24, 0));
    assert!(watch.iter().chain(&logs).all(|run| run.state == RunState::Skipped && run.tokens == 0));
}
