//! The figures that decisions are made with are the rows, seen from memory: whatever people and runners do, in whatever order, both agree.

use std::fmt::Write as _;
use std::time::Duration;

use aq_core::task::{TaskStatus, check_invariants};
use aq_core::time::Timestamp;
use aq_server::clock::Clock as _;
use aq_server::lifecycle::{DEFAULT_SPAN_MS, Figures, OpenRun, Tx, load};
use aq_server::store::{StoreError, dependencies, events, tasks};
use proptest::prelude::*;

use crate::harness::Harness;
use crate::history::{Ask, Say, Step, step};
use crate::world::World;

/// Every figure that is made from rows, as text; what only memory knows (turns of fair queueing) is left out. `mean`: with the usual cost of
/// runs, which depends on the order in which they ended.
pub(crate) fn describe(figures: &Figures, now: Timestamp, mean: bool) -> String {
    let mut text = String::new();
    let paused = figures.paused;
    writeln!(text, "paused {paused}, key {}, event {}, epoch {}", figures.last_key, figures.last_event, figures.epoch).unwrap();
    for (id, state) in &figures.projects {
        let counts: Vec<_> = state.counts.iter().filter(|(_, count)| **count > 0).collect();
        let usage = &state.usage;
        let sums = (usage.tokens_at(now), usage.completed.sum(now), usage.failed.sum(now));
        writeln!(text, "project {id}: {:?}\n  ready {:?}\n  counts {counts:?}\n  usage {sums:?}", state.project, state.ready).unwrap();
        writeln!(text, "  open {} in flight {} free {:?}", state.open_runs, state.in_flight, state.free).unwrap();
        if mean {
            writeln!(text, "  mean {:.3}", usage.mean_cost).unwrap();
        }
    }
    writeln!(text, "workspaces {:#?}\nagents {:#?}", figures.workspaces, figures.agents).unwrap();
    for (key, open) in &figures.runs {
        writeln!(text, "run of {key}: {:?}", OpenRun { conclude_due: false, landing_tries: 0, kept: false, ..open.clone() }).unwrap();
    }
    writeln!(text, "trees {:?}\nlimits {:?}\ntold {:?}", figures.trees, figures.budget_limits, figures.budget_told).unwrap();
    writeln!(text, "busy {:?}\nleased {:?}\nbranches {:?}", figures.busy, figures.leased, figures.branches).unwrap();
    writeln!(text, "keys {:?}", figures.keys).unwrap();
    writeln!(text, "idle {:?}\ntimers {:?}", figures.idle, figures.timers).unwrap();
    text
}

/// Memory and rows, read within one command.
pub(crate) async fn both(server: &Harness, mean: bool) -> (String, String) {
    let now = server.clock.now();
    let read = move |tx: &mut Tx<'_>| {
        let fresh = load(tx.db, now, DEFAULT_SPAN_MS)?;
        Ok::<_, StoreError>((describe(tx.state, now, mean), describe(&fresh, now, mean)))
    };
    server.engine.submit(read).await.unwrap()
}

/// What must hold of the rows at any time: numbers of events without holes, the rules of tasks, counted dependencies, and a live run behind
/// every live task.
pub(crate) async fn check_rows(server: &Harness) -> Result<(), String> {
    let last = server.bus.last();
    // With the writer's own connection, whose statements are prepared already: a reader of its own takes a third of a history's time.
    server
        .engine
        .submit(move |tx| {
            let db = &mut *tx.db;
            let numbers: Vec<_> = events::after(db, 0, i64::MAX)?.into_iter().map(|event| event.seq).collect();
            if numbers.len() as u64 != last || numbers.iter().zip(1..).any(|(found, expected)| *found != expected) {
                return Ok(Err(format!("{} events, the last published is {last}", numbers.len())));
            }
            let open: Vec<_> = aq_server::store::runs::open(db)?.into_iter().map(|run| (run.task_key, run.run.id.number)).collect();
            for status in TaskStatus::ALL {
                for record in tasks::in_status(db, *status)? {
                    let name = format!("task {} ({status})", record.key);
                    if let Err(broken) = check_invariants(&record.task) {
                        return Ok(Err(format!("{name}: {broken}")));
                    }
                    let unmet = dependencies::unmet(db, record.key)?;
                    if unmet != i64::from(record.unmet) {
                        return Ok(Err(format!("{name}: {unmet} unmet dependencies, but {} are written", record.unmet)));
                    }
                    let held = match status {
                        TaskStatus::Defined => unmet > 0,
                        TaskStatus::Ready => unmet == 0,
                        _ => true,
                    };
                    if !held {
                        return Ok(Err(format!("{name}: with {unmet} unmet dependencies")));
                    }
                    if status.is_live() && !open.contains(&(record.key, record.task.run_number)) {
                        return Ok(Err(format!("{name}: no open run {}", record.task.run_number)));
                    }
                }
            }
            Ok::<_, StoreError>(Ok(()))
        })
        .await
        .unwrap()
}

/// What is lived, or that it hangs: a history takes parts of a second.
pub(crate) async fn in_time<T>(lived: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let patience = Duration::from_secs(120);
    tokio::time::timeout(patience, lived)
        .await
        .unwrap_or_else(|_| Err(format!("it did not end within {patience:?}: somebody waits for ever")))
}

async fn live(steps: Vec<Step>) -> Result<(), String> {
    let mut world = World::new().await;
    for step in &steps {
        world.step(step).await?;
        match step {
            Step::Restart => world = world.again(false).await,
            Step::Reconfigure(which) => world = world.reconfigured(*which).await,
            Step::Kill(asks) => {
                world.ask_and_go(asks).await;
                world = world.again(true).await;
            }
            _ => {}
        }
        world.check().await.map_err(|wrong| format!("after {step:?}: {wrong}"))?;
    }
    world.server = world.server.restart().await;
    world.check().await.map_err(|wrong| format!("after the restart: {wrong}"))?;
    world.finish().await?;
    world.approved = true;
    world.check().await.map_err(|wrong| format!("at the end: {wrong}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Lifecycle R1–R8, R11–R17, F-004, D-34, I-09: after every step memory equals the rows, the rules of tasks hold, events have no holes, failed
    /// commands change nothing; and in the end nothing is stuck.
    #[test]
    fn memory_is_the_rows(steps in prop::collection::vec(step(), 10..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Err(wrong) = runtime.block_on(in_time(live(steps))) {
            return Err(TestCaseError::fail(wrong));
        }
    }
}

/// Workspaces R1: work that was approved after its workspace went to another run lands from a free one, and the row says so.
#[test]
fn a_landing_takes_a_free_workspace() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let create =
        |after: Vec<usize>, priority, approval| Ask::Create { after, priority, approval, retries: 0, scripted: false, step_of: None };
    let steps = vec![
        Step::Ask(create(vec![], 1, false)),
        Step::Say(0, Say::Finished(4)),
        Step::Ask(create(vec![0], 0, false)),
        Step::Batch(vec![(create(vec![], 0, true), false), (Ask::Restart(8, false), false)]),
        Step::Advance(2),
        Step::Say(5, Say::Finished(0)),
        Step::Advance(0),
        Step::Advance(1),
        Step::Advance(0),
        Step::Ask(Ask::Approve(11)),
    ];
    runtime.block_on(in_time(live(steps))).unwrap();
}
