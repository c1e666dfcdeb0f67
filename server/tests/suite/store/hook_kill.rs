//! Kills a process that starts hooks, at random points, and looks at the ledger: each due time and each event is there exactly once. The ledger keeps 500 runs of a
//! hook, so other hooks have their turn after a number of kills, and all runs of all of them are counted.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use aq_core::event::EventKind;
use aq_core::hook::{Action, Hook, Missed, Owner, Rules, RunCause, RunState, Severity, Trigger};
use aq_core::principal::Principal;
use aq_core::time::Timestamp;
use aq_server::commands::hook_runs::{self as runs, CURSOR, KEPT, Outcome};
use aq_server::commands::{self, CommandError, Context};
use aq_server::lifecycle::{DEFAULT_SPAN_MS, Engine, Hot, Subject, announce, load};
use aq_server::store::{DatabaseUrl, WriterThread, events, hook_runs, hooks, open_migrated, settings};
use rand::{Rng as _, SeedableRng as _};

use super::backend::Home;
use super::samples::{at, project_id};

const FILE: &str = "AQ_HOOK_KILL_FILE";
const SEASON: &str = "AQ_HOOK_KILL_SEASON";
const PERIOD: i64 = 10_000;
const START: i64 = 1_000_000;
/// Kills after which other hooks have their turn: each starts at most a dozen runs of a hook.
const KILLS: u32 = 30;
/// Time between the beginnings of two seasons, more than one lasts.
const APART: i64 = 100_000_000;

/// The beginning of a season.
fn start(season: u32) -> i64 {
    START + i64::from(season) * APART
}

/// The name of a hook: 0 to 2 are due by a schedule, 3 by events.
fn name(season: u32, number: usize) -> String {
    format!("hk-{season}-{number}")
}

#[expect(clippy::disallowed_methods, reason = "the test tells its own child what to do, and a person how many rounds")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn open(file: &Path) -> (Engine, WriterThread) {
    let (mut db, _) = open_migrated(&DatabaseUrl::sqlite(file), file.parent().unwrap(), at(1)).unwrap();
    let figures = load(&mut db, at(START), DEFAULT_SPAN_MS).unwrap();
    Engine::start(db, Hot::new(figures), |_| ()).unwrap()
}

fn hook(season: u32, number: usize, trigger: Trigger) -> Hook {
    Hook {
        id: name(season, number),
        project: project_id("app"),
        name: format!("Hook {season} {number}"),
        enabled: true,
        trigger,
        steps: Vec::new(),
        actions: vec![Action::Notice { text: "x".into(), severity: Severity::Info }],
        cooldown_ms: 0,
        missed: Missed::All,
        max_tokens_per_run: None,
        max_tokens_per_day: None,
        owner: Owner { key_id: "local".into(), person: None },
        created_at: at(start(season)),
        updated_at: at(start(season)),
        next_due: None,
        last_fired: None,
    }
}

/// A project.
fn prepare(file: &Path) {
    let (engine, thread) = open(file);
    let context = Context::new(Principal::server(), at(START));
    engine
        .submit_blocking(move |tx| {
            let fields = commands::projects::ProjectFields { name: Some("App".into()), ..Default::default() };
            commands::projects::create(tx, &context, &fields)?;
            settings::set(tx.db, CURSOR, "0")?;
            Ok::<_, CommandError>(())
        })
        .unwrap();
    engine.stop();
    thread.join();
}

/// Three hooks of a schedule and one of events, whose turn it is; gives the place in the events at which they begin.
fn begin(file: &Path, season: u32) -> u64 {
    let (engine, thread) = open(file);
    let context = Context::new(Principal::server(), at(start(season)));
    let from = engine
        .submit_blocking(move |tx| {
            let rules = Rules { enabled: true, concurrent: 9, ..Rules::default() };
            for number in 0..3 {
                let every = Trigger::Periodic { every_ms: u64::try_from(PERIOD).unwrap() };
                commands::hooks::create(tx, &context, &rules, &hook(season, number, every))?;
            }
            let on = Trigger::Event { events: vec!["note.created".into()], conditions: Vec::new(), with_hook_tasks: false };
            commands::hooks::create(tx, &context, &rules, &hook(season, 3, on))?;
            Ok::<_, CommandError>(settings::counter(tx.db, CURSOR)?)
        })
        .unwrap();
    engine.stop();
    thread.join();
    from
}

/// The process that is killed: it does nothing unless the test below started it.
#[test]
fn fires_hooks_until_it_is_killed() {
    let (Some(file), Some(season)) = (variable(FILE), variable(SEASON)) else { return };
    let season: u32 = season.parse().unwrap();
    let (engine, _thread) = open(Path::new(&file));
    let mut now = engine
        .submit_blocking(move |tx| {
            let mut last = start(season);
            for number in 0..3 {
                last = last.max(hooks::by_id(tx.db, &name(season, number))?.and_then(|hook| hook.next_due).map_or(0, Timestamp::as_millis));
            }
            Ok::<_, CommandError>(last)
        })
        .unwrap();
    loop {
        now += 7_000;
        for number in 0..3 {
            engine.submit_blocking(move |tx| runs::fire_due(tx, &name(season, number), at(now))).unwrap();
        }
        // An event, and then what it starts, in two transactions: the server may die between them.
        engine
            .submit_blocking(move |tx| {
                let payload = serde_json::json!({ "note_name": "n", "title": "t" });
                announce(tx, EventKind::NoteCreated, at(now), Subject::project(&project_id("app")), payload)
            })
            .unwrap();
        engine
            .submit_blocking(move |tx| {
                let cursor = settings::counter(tx.db, CURSOR)?;
                let page = events::after(tx.db, cursor, 50)?;
                let seen = page.last().map_or(cursor, |event| event.seq);
                let wanted: Vec<_> = page.into_iter().map(|event| (name(season, 3), event)).collect();
                runs::fire_events(tx, &wanted, seen, at(now))
            })
            .unwrap();
        let open = engine.submit_blocking(|tx| Ok::<_, CommandError>(hook_runs::unfinished(tx.db)?)).unwrap();
        for run in open {
            engine
                .submit_blocking(move |tx| {
                    if run.state == RunState::Queued {
                        runs::begin(tx, &run.id, at(now))?;
                    }
                    runs::conclude(tx, &run.id, &Outcome::default(), at(now))
                })
                .unwrap();
        }
        if std::io::stdout().write_all(b"\nround;\n").and_then(|()| std::io::stdout().flush()).is_err() {
            break;
        }
    }
}

/// Looks at a season whose events began behind `from` and end, when it is over, at `to`; gives how many due times and events there were.
fn look(file: &Path, season: u32, from: u64, to: Option<u64>, round: u32) -> (usize, usize) {
    let (mut db, _) = open_migrated(&DatabaseUrl::sqlite(file), file.parent().unwrap(), at(1)).unwrap();
    let kept = usize::try_from(KEPT).unwrap();
    let mut seen = 0;
    for number in 0..3 {
        let id = name(season, number);
        let next = hooks::by_id(&mut db, &id).unwrap().unwrap().next_due.unwrap().as_millis();
        let rows = hook_runs::of_hook(&mut db, &id, None, KEPT * 2).unwrap();
        assert!(rows.iter().all(|run| run.cause == RunCause::Schedule));
        let mut times: Vec<i64> = rows.iter().map(|run| run.scheduled_at.unwrap().as_millis()).collect();
        times.sort_unstable();
        let wanted: Vec<i64> = (1..(next - start(season)) / PERIOD).map(|number| start(season) + number * PERIOD).collect();
        assert!(wanted.len() < kept, "a season of {} due times is too long for the ledger", wanted.len());
        assert_eq!(times, wanted, "round {round}: the due times of {id}");
        seen += times.len();
    }
    let to = to.unwrap_or_else(|| settings::counter(&mut db, CURSOR).unwrap());
    let mut started: Vec<u64> =
        hook_runs::of_hook(&mut db, &name(season, 3), None, KEPT * 2).unwrap().iter().map(|run| run.event_seq.unwrap()).collect();
    started.sort_unstable();
    let wanted: Vec<u64> = events::after(&mut db, from, 20_000)
        .unwrap()
        .into_iter()
        .filter(|event| event.kind == EventKind::NoteCreated && event.seq <= to)
        .map(|event| event.seq)
        .collect();
    assert!(wanted.len() < kept, "a season of {} events is too long for the ledger", wanted.len());
    assert_eq!(started, wanted, "round {round}: the events of season {season}");
    (seen, started.len())
}

/// Hooks R1: SIGKILL at any moment; each (hook, due time) and each (hook, event) is in the ledger exactly once, none of them left out. `AQ_KILLS` sets the rounds.
#[test]
fn every_due_time_is_in_the_ledger_once() {
    let rounds: u32 = variable("AQ_KILLS").and_then(|value| value.parse().ok()).unwrap_or(30);
    let home = Home::sqlite();
    drop(home.open());
    prepare(&home.file());
    let mut random = rand::rngs::StdRng::seed_from_u64(20_261_128);
    let mut seasons: Vec<u64> = Vec::new();
    for round in 0..rounds {
        let season = round / KILLS;
        if round % KILLS == 0 {
            seasons.push(begin(&home.file(), season));
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::hook_kill::fires_hooks_until_it_is_killed", "--nocapture", "--test-threads=1"])
            .env(FILE, home.file())
            .env(SEASON, season.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (patience, mut seen, mut killed) = (random.random_range(1..12), 0, false);
        while let Some(Ok(line)) = lines.next() {
            if line != "round;" {
                continue;
            }
            seen += 1;
            if seen >= patience && !killed {
                // The child goes on between this line and the signal.
                for _ in 0..random.random_range(0..20_000_u32) {
                    std::hint::spin_loop();
                }
                child.kill().unwrap();
                killed = true;
            }
        }
        assert!(killed, "round {round}: the child ended by itself");
        child.wait().unwrap();
        look(&home.file(), season, *seasons.last().unwrap(), None, round);
    }
    // All of them once more: what came later has changed nothing of what was before.
    let (mut times, mut events) = (0, 0);
    for (season, from) in (0..).zip(&seasons) {
        let to = seasons.get(usize::try_from(season).unwrap() + 1).copied();
        let (due, happened) = look(&home.file(), season, *from, to, rounds);
        (times, events) = (times + due, events + happened);
    }
    println!("score: hook kills: 0 lost, 0 doubled; {rounds} kills, {} hooks, {times} due times, {events} events", seasons.len() * 4);
}
