//! Histories: seeded sequences of commands, reports, kills and jumps of the clock against the real store, lifecycle and orchestrator. After every step
//! the promises of the system are checked, and in the end everything that was asked for has to come to its end.
//!
//! `AQ_HISTORIES=2000 cargo test -p aq-server --test suite simulator` lives many of them, from the seed 1 on or from `AQ_FIRST`, so that many thousands can be
//! lived in several sittings; a failure names its seed, and `AQ_SEED=<seed>` lives that one again.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use aq_core::time::Timestamp;
use aq_server::clock::{Clock as _, ManualClock};
use aq_server::commands::check::check;
use aq_server::store::{DatabaseUrl, events, open_migrated};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::figures::{both, check_rows, in_time};
use crate::harness::Harness;
use crate::history::{Step, configuration, step};
use crate::store::backend::Home;
use crate::world::World;

/// Histories of a usual run of the tests.
const USUAL: u64 = 12;

/// The seed to live again, and else the seeds that are to be lived.
#[expect(clippy::disallowed_methods, reason = "a test is told what to repeat by the environment")]
fn asked() -> (Option<u64>, RangeInclusive<u64>) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first = number("AQ_FIRST").unwrap_or(1);
    (number("AQ_SEED"), first..=first + number("AQ_HISTORIES").unwrap_or(USUAL) - 1)
}

/// The steps of a seed, always the same.
fn history(seed: u64) -> Vec<Step> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    prop::collection::vec(step(), 8..36).new_tree(&mut runner).unwrap().current()
}

/// A folder in memory where the machine has one: nothing here is about disks.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A home with an empty database. It is made once and copied: making it from the migrations takes longer than some histories.
fn home() -> tempfile::TempDir {
    static EMPTY: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let home = folder();
        let file = home.path().join("aq.db");
        drop(open_migrated(&DatabaseUrl::sqlite(&file), home.path(), Timestamp::from_millis(0)).unwrap());
        std::fs::read(file).unwrap()
    });
    let home = folder();
    std::fs::create_dir(home.path().join("db")).unwrap();
    std::fs::write(home.path().join("db/agent-queue.db"), &*EMPTY).unwrap();
    home
}

/// The checks of the server itself, and that memory is the rows.
async fn promises(server: &Harness) -> Result<(), String> {
    let now = server.clock.now();
    let findings = server.engine.submit(move |tx| check(tx.db, tx.state, now)).await.map_err(|error| error.to_string())?;
    if !findings.is_empty() {
        return Err(format!("{findings:#?}"));
    }
    check_rows(server).await
}

/// How often each kind of trouble was made.
type Troubles = BTreeMap<&'static str, u64>;

/// What a server knows after these steps and their end.
async fn live(steps: &[Step], database: &Database) -> Result<World, String> {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)));
    let server = match database {
        Database::Embedded => Harness::start_with(home(), clock, configuration(0)).await,
        Database::Postgres(kept) => Harness::start_on(folder(), kept.url().clone(), clock, configuration(0)).await,
    };
    let mut world = World::on(server).await;
    for (number, step) in steps.iter().enumerate() {
        let at = |wrong: String| format!("step {number}, {step:?}: {wrong}");
        world.step(step).await.map_err(at)?;
        match step {
            Step::Restart => world = world.again(false).await,
            Step::Reconfigure(which) => world = world.reconfigured(*which).await,
            Step::Kill(asks) => {
                world.ask_and_go(asks).await;
                world = world.again(true).await;
            }
            _ => {}
        }
        promises(&world.server).await.map_err(at)?;
    }
    world = world.again(false).await;
    world.finish().await?;
    promises(&world.server).await?;
    let (memory, rows) = both(&world.server, false).await;
    if memory == rows { Ok(world) } else { Err(format!("memory:\n{memory}\nrows:\n{rows}")) }
}

/// Everything that was told of these steps, in order, and the troubles they made.
async fn told(steps: &[Step], database: &Database) -> Result<(Vec<String>, Troubles), String> {
    let world = live(steps, database).await?;
    let home = world.server.home.path().to_string_lossy().into_owned();
    let events = world.server.reader.read(|db| events::after(db, 0, i64::MAX)).await.unwrap();
    Ok((events.iter().map(|event| format!("{event:?}").replace(&home, "HOME")).collect(), world.troubles))
}

/// Where the rows of a history are.
enum Database {
    Embedded,
    Postgres(Home),
}

impl Database {
    fn postgres() -> Option<Self> {
        Home::postgres().map(Self::Postgres)
    }
}

fn on_a_thread<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(in_time(work))
}

/// Lives the history of a seed; the troubles it made.
fn lived(seed: u64, database: &Database) -> Result<Troubles, String> {
    on_a_thread(live(&history(seed), database)).map(|world| world.troubles)
}

/// Lives the history of a seed twice and compares what was told. What a killed server had done already is a matter of real time, and so is a report that waits for
/// room on the disk, which one of the databases never does; those steps are left out.
fn lived_twice(seed: u64, [one, other]: [&Database; 2]) -> Result<Troubles, String> {
    let steps: Vec<_> = history(seed).into_iter().filter(|step| !matches!(step, Step::Kill(_) | Step::Full(..))).collect();
    let ((one, troubles), (other, _)) = (on_a_thread(told(&steps, one))?, on_a_thread(told(&steps, other))?);
    match one.iter().zip(&other).position(|(one, other)| one != other) {
        None if one.len() == other.len() => Ok(troubles),
        None => Err(format!("{} events and {} events", one.len(), other.len())),
        Some(place) => Err(format!("event {place}:\n{}\n{}", one[place], other[place])),
    }
}

/// I-09, I-13, lifecycle R1–R17, chains R1–R5, commands R1: whatever happens in whatever order, killed or not, the promises hold after every step and nothing
/// is stuck in the end.
#[test]
fn histories_keep_the_promises() {
    in_all("histories", |seed| lived(seed, &Database::Embedded));
}

/// The same, with the rows on PostgreSQL: what memory holds after every step is what these rows give, too.
#[test]
fn histories_on_postgres_keep_the_promises() {
    if Database::postgres().is_some() {
        in_all("histories on PostgreSQL", |seed| lived(seed, &Database::postgres().unwrap()));
    }
}

/// R12: a seed is lived again exactly as it was.
#[test]
fn a_seed_tells_the_same_again() {
    in_all("histories lived again", |seed| lived_twice(seed, [&Database::Embedded, &Database::Embedded]));
}

/// R12: both databases tell the same of the same history, event for event.
#[test]
fn histories_on_postgres_tell_the_same() {
    if Database::postgres().is_some() {
        in_all("histories told alike", |seed| lived_twice(seed, [&Database::Embedded, &Database::postgres().unwrap()]));
    }
}

fn in_all(claim: &str, live: impl Fn(u64) -> Result<Troubles, String> + Sync) {
    let (again, seeds) = asked();
    if let Some(seed) = again {
        let told = history(seed).iter().enumerate().map(|(number, step)| format!("{number}: {step:?}")).collect::<Vec<_>>().join("\n");
        live(seed).unwrap_or_else(|wrong| panic!("seed {seed}\n{told}\n{wrong}"));
        return;
    }
    let next = AtomicU64::new(*seeds.start());
    let work = || {
        let (mut wrong, mut troubles) = (Vec::new(), Troubles::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > *seeds.end() || !wrong.is_empty() {
                return (wrong, troubles);
            }
            match live(seed) {
                Ok(made) => made.into_iter().for_each(|(kind, times)| *troubles.entry(kind).or_default() += times),
                Err(found) => wrong.push(format!("AQ_SEED={seed} lives it again: {found}")),
            }
        }
    };
    // Two for each core: a report that finds the disk full waits a moment of real time.
    let threads = 2 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (mut wrong, mut troubles) = (Vec::new(), Troubles::new());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for (found, made) in workers.into_iter().map(|worker| worker.join().unwrap()) {
            wrong.extend(found);
            made.into_iter().for_each(|(kind, times)| *troubles.entry(kind).or_default() += times);
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    println!("{troubles:#?}");
    let (many, kinds, seldom) = (seeds.end() - seeds.start() + 1, troubles.len(), troubles.values().min().unwrap_or(&0));
    println!(
        "score: {claim}: 0 violations; {many} histories, seeds {} to {}, {kinds} kinds of trouble, each at least {seldom} times",
        seeds.start(),
        seeds.end()
    );
}
