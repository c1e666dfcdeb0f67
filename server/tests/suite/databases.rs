//! The same history on both databases: what the server decides must not depend on where its rows are (goal G27).
//!
//! The statements alone are tried on both in `store`. `AQ_HISTORIES` and `AQ_SEED` are those of the simulator.

use std::sync::Arc;

use aq_core::event::{Event, EventKind};
use aq_core::time::Timestamp;
use aq_server::clock::ManualClock;
use aq_server::store::{DatabaseUrl, events};

use crate::figures::in_time;
use crate::harness::Harness;
use crate::history::{Step, configuration};
use crate::simulator::{asked, history};
use crate::store::backend::Home;
use crate::world::World;

/// Lives a history, and tells its events in words that are the same whatever the tasks were called.
async fn live(seed: u64, url: DatabaseUrl) -> Result<Vec<String>, String> {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)));
    let home = tempfile::tempdir().unwrap();
    let mut world = World::on(Harness::start_on(url, home, clock, configuration(0)).await).await;
    for step in history(seed) {
        match step {
            // What is committed when a server is killed is a matter of the instant, and only one of the databases can be told to be full.
            Step::Kill(_) | Step::Full(..) => continue,
            _ => world.step(&step).await?,
        }
        match step {
            Step::Restart => world = world.again(false).await,
            Step::Reconfigure(which) => world = world.reconfigured(which).await,
            _ => {}
        }
    }
    world.finish().await?;
    let told = world.server.reader.read(|db| events::after(db, 0, i64::MAX)).await.unwrap();
    Ok(told_apart(&told))
}

/// The events, with each task's name replaced by its place in the order of their creation.
fn told_apart(told: &[Event]) -> Vec<String> {
    let created = told.iter().filter(|event| event.kind == EventKind::TaskCreated).filter_map(|event| event.task.as_ref());
    let mut names: Vec<_> = created.enumerate().map(|(place, id)| (id.as_str(), format!("<task {place}>"))).collect();
    // A name may be the beginning of another.
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let in_words = |event: &Event| names.iter().fold(format!("{event:?}"), |text, (name, place)| text.replace(name, place));
    told.iter().map(in_words).collect()
}

fn on_a_thread(seed: u64, url: DatabaseUrl) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(in_time(live(seed, url))).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"))
}

/// G27, F-040: event by event, PostgreSQL tells what SQLite tells.
#[test]
fn a_history_is_the_same_on_postgres() {
    let (again, seeds) = asked();
    let mut compared = 0;
    let first = seeds.clone().next();
    for seed in again.map_or(seeds, |seed| seed..=seed) {
        let Some(postgres) = Home::postgres() else { return };
        let sqlite = Home::sqlite();
        let (one, other) = (on_a_thread(seed, sqlite.url().clone()), on_a_thread(seed, postgres.url().clone()));
        let apart = one.iter().zip(&other).position(|(one, other)| one != other);
        if let Some(place) = apart {
            panic!("seed {seed}, event {}:\n{}\n{}", place + 1, one[place], other[place]);
        }
        assert_eq!(one.len(), other.len(), "seed {seed}: one of them goes on");
        compared += one.len();
    }
    println!("from the seed {first:?} on: {compared} events are the same");
}
