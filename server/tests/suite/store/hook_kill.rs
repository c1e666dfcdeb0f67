//! Kills a process that starts hooks, at random points, and looks at the ledger: each due time and each event is there exactly once.

use std::collections::BTreeSet;
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
const PERIOD: i64 = 10_000;
const START: i64 = 1_000_000;

#[expect(clippy::disallowed_methods, reason = "the test tells its own child what to do, and a person how many rounds")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn open(file: &Path) -> (Engine, WriterThread) {
    let (mut db, _) = open_migrated(&DatabaseUrl::sqlite(file), file.parent().unwrap(), at(1)).unwrap();
    let figures = load(&mut db, at(START), DEFAULT_SPAN_MS).unwrap();
    Engine::start(db, Hot::new(figures), |_| ()).unwrap()
}

fn hook(number: usize, trigger: Trigger) -> Hook {
    Hook {
        id: format!("hk-{number}"),
        project: project_id("app"),
        name: format!("Hook {number}"),
        enabled: true,
        trigger,
        steps: Vec::new(),
        actions: vec![Action::Notice { text: "x".into(), severity: Severity::Info }],
        cooldown_ms: 0,
        missed: Missed::All,
        max_tokens_per_run: None,
        max_tokens_per_day: None,
        owner: Owner { key_id: "local".into(), person: None },
        created_at: at(START),
        updated_at: at(START),
        next_due: None,
        last_fired: None,
    }
}

/// A project with three hooks of a schedule and one of events.
fn prepare(file: &Path) {
    let (engine, thread) = open(file);
    let context = Context { principal: Principal::server(), now: at(START) };
    engine
        .submit_blocking(move |tx| {
            let fields = commands::projects::ProjectFields { name: Some("App".into()), ..Default::default() };
            commands::projects::create(tx, &context, &fields)?;
            let rules = Rules { enabled: true, concurrent: 9, ..Rules::default() };
            for number in 0..3 {
                let every = Trigger::Periodic { every_ms: u64::try_from(PERIOD).unwrap() };
                commands::hooks::create(tx, &context, &rules, &hook(number, every))?;
            }
            let on = Trigger::Event { events: vec!["note.created".into()], conditions: Vec::new(), with_hook_tasks: false };
            commands::hooks::create(tx, &context, &rules, &hook(3, on))?;
            settings::set(tx.db, CURSOR, "0")?;
            Ok::<_, CommandError>(())
        })
        .unwrap();
    engine.stop();
    thread.join();
}

/// The process that is killed: it does nothing unless the test below started it.
#[test]
fn fires_hooks_until_it_is_killed() {
    let Some(file) = variable(FILE) else { return };
    let (engine, _thread) = open(Path::new(&file));
    let mut now = engine
        .submit_blocking(|tx| {
            let due = hooks::enabled(tx.db)?.0.into_iter().filter_map(|hook| hook.next_due).max();
            Ok::<_, CommandError>(due.map_or(START, Timestamp::as_millis))
        })
        .unwrap();
    loop {
        now += 7_000;
        for number in 0..3 {
            engine.submit_blocking(move |tx| runs::fire_due(tx, &format!("hk-{number}"), at(now))).unwrap();
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
                let wanted: Vec<_> = page.into_iter().map(|event| ("hk-3".to_owned(), event)).collect();
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

fn look(file: &Path, round: u32) -> usize {
    let (mut db, _) = open_migrated(&DatabaseUrl::sqlite(file), file.parent().unwrap(), at(1)).unwrap();
    let kept = usize::try_from(KEPT).unwrap();
    let mut seen = 0;
    for number in 0..3 {
        let id = format!("hk-{number}");
        let next = hooks::by_id(&mut db, &id).unwrap().unwrap().next_due.unwrap().as_millis();
        let rows = hook_runs::of_hook(&mut db, &id, None, KEPT * 2).unwrap();
        assert!(rows.iter().all(|run| run.cause == RunCause::Schedule));
        let mut times: Vec<i64> = rows.iter().map(|run| run.scheduled_at.unwrap().as_millis()).collect();
        times.sort_unstable();
        let count = usize::try_from((next - START) / PERIOD - 1).unwrap();
        assert!(times.len() == count || times.len() >= kept.min(count), "round {round}: {} of {count} due times of {id}", times.len());
        assert_eq!(times.last().copied().unwrap_or(START), next - PERIOD, "round {round}: the newest due time of {id}");
        // What was queued in one moment may be trimmed in any order, so the oldest few are left out.
        let whole = if times.len() < count { times.get(5..).unwrap_or_default() } else { &times };
        assert!(whole.windows(2).all(|pair| pair[1] - pair[0] == PERIOD), "round {round}: {id} has a gap or a repetition");
        seen += count;
    }
    let cursor = settings::counter(&mut db, CURSOR).unwrap();
    let started: BTreeSet<u64> =
        hook_runs::of_hook(&mut db, "hk-3", None, KEPT * 2).unwrap().iter().map(|run| run.event_seq.unwrap()).collect();
    let last = events::range(&mut db).unwrap().unwrap().1;
    let wanted: Vec<u64> = events::after(&mut db, last.saturating_sub(1500), 1500)
        .unwrap()
        .into_iter()
        .filter(|event| event.kind == EventKind::NoteCreated && event.seq <= cursor)
        .map(|event| event.seq)
        .collect();
    assert!(wanted.iter().rev().take(100).all(|seq| started.contains(seq)), "round {round}: an event was lost");
    assert!(started.iter().all(|seq| *seq <= cursor), "round {round}: the place in the events is behind a run");
    seen
}

/// Hooks R1: SIGKILL at any moment; each (hook, due time) and each (hook, event) is in the ledger exactly once. `AQ_KILLS` sets the rounds.
#[test]
fn every_due_time_is_in_the_ledger_once() {
    let rounds: u32 = variable("AQ_KILLS").and_then(|value| value.parse().ok()).unwrap_or(30);
    let home = Home::sqlite();
    drop(home.open());
    prepare(&home.file());
    let mut random = rand::rngs::StdRng::seed_from_u64(20_261_128);
    let mut times = 0;
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::hook_kill::fires_hooks_until_it_is_killed", "--nocapture", "--test-threads=1"])
            .env(FILE, home.file())
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
        times = look(&home.file(), round);
    }
    println!("{rounds} kills, {times} due times, each in the ledger once");
}
