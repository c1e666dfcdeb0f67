//! Lets the n-th call to the file system fail, for every n, while a process works through the writer.
//!
//! The library that fails the calls is in `io`. Faults of the machine that need no library are in `faults`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use aq_core::event::EventKind;
use aq_server::store::{DatabaseUrl, StoreError, Tx, Writer, events, ledger, open_migrated, settings};
use futures_util::future::join_all;
use rustix::io::Errno;

use super::backend::Home;
use super::io::{Deed, Note, Recorder, amount, ended_well, log_of, notes, passing_folder};
use super::kill::{acknowledged, variable};
use super::model::Numbers;
use super::samples::{at, entry, event};

/// The database that [`works_while_calls_fail`] works on.
const FILE: &str = "AQ_NTH_FILE";
/// How many commands wait at once, again and again: alone and together, because the writer treats them differently.
const BATCHES: [u64; 10] = [1, 4, 1, 3, 2, 1, 5, 1, 4, 2];

/// A command of three rows; every fifth is of several pages.
fn command(tx: &mut Tx<'_, Numbers>, number: u64) -> Result<(), StoreError> {
    let count = tx.state.values.get("count").copied().unwrap_or(0) + 1;
    tx.state.set("count", count);
    settings::set(tx.db, &format!("c{number}"), "there")?;
    let mut told = event(number, EventKind::TaskCreated, Some(1));
    if number.is_multiple_of(5) {
        told.payload = serde_json::json!("x".repeat(9_000));
    }
    events::insert(tx.db, &[told])?;
    ledger::insert(tx.db, &entry(1, 1, &format!("m{number}"), i64::try_from(number).unwrap(), 1))?;
    Ok(())
}

/// The process whose calls fail: it does nothing unless the test below started it. What is refused it takes, and tells.
#[test]
fn works_while_calls_fail() {
    let Some(file) = variable(FILE).map(PathBuf::from) else { return };
    let mut db = match open_migrated(&DatabaseUrl::sqlite(&file), file.parent().unwrap(), at(1)) {
        Ok((db, _)) => db,
        Err(error) => return println!("\nunopened: {error};"),
    };
    // Checkpoints belong to what may fail.
    if let Err(error) = db.batch("PRAGMA wal_autocheckpoint = 12") {
        return println!("\nunopened: {error};");
    }
    let (writer, thread) = Writer::start(db, Numbers::default(), |_| ()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut next, mut acknowledged) = (1, 0);
    for together in BATCHES {
        let answers = join_all((next..next + together).map(|number| writer.submit(move |tx| command(tx, number))));
        for (number, answer) in (next..).zip(runtime.block_on(answers)) {
            match answer {
                Ok(()) => {
                    acknowledged += 1;
                    println!("\nack {number};");
                }
                // Whoever waits may try again: what the disk did is nobody's mistake.
                Err(error) => assert!(error.is_transient(), "command {number} is refused as if it were at fault: {error:?}"),
            }
        }
        next += together;
        assert_eq!(
            writer.see(|state| state.values.get("count").copied().unwrap_or(0)),
            acknowledged,
            "the state holds what was acknowledged"
        );
    }
    writer.stop();
    thread.join();
    println!("\nworked;");
}

/// What is asked of the library, one `at` after the other.
const CASES: [(&str, &str, Errno, bool); 20] = [
    ("w", "fail", Errno::IO, false),
    ("w", "fail", Errno::IO, true),
    ("w", "fail", Errno::NOSPC, false),
    ("w", "fail", Errno::NOSPC, true),
    ("w", "fail", Errno::DQUOT, false),
    ("w", "fail", Errno::ROFS, true),
    // Half of what was to be written is, and the call says so; that is no failure, and all of it has to be written in the end.
    ("w", "short", WELL, false),
    ("w", "short", WELL, true),
    // The rest finds no room.
    ("w", "short", Errno::NOSPC, false),
    ("w", "short", Errno::NOSPC, true),
    ("s", "fail", Errno::IO, false),
    ("s", "fail", Errno::IO, true),
    ("s", "fail", Errno::NOSPC, false),
    ("s", "fail", Errno::DQUOT, true),
    ("t", "fail", Errno::IO, false),
    ("t", "fail", Errno::NOSPC, true),
    ("o", "fail", Errno::ROFS, false),
    ("o", "fail", Errno::IO, true),
    ("u", "fail", Errno::IO, false),
    ("wstou", "fail", Errno::IO, false),
];

/// No failure follows the half that was written: 0 in the eyes of the library, and never the answer of a call.
const WELL: Errno = Errno::XFULL;

/// Runs the process with one failure and looks at what it left. True: something did fail. Otherwise what is wrong.
fn try_one(recorder: &Recorder, template: &Path, deed: Deed) -> Result<bool, String> {
    let home = passing_folder();
    let folder = home.path().join("disk");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("agent-queue.db");
    std::fs::copy(template, &file).unwrap();
    let mut child = recorder.child("store::nth_call::works_while_calls_fail", &folder);
    deed.to(&mut child).env(FILE, &file).env("AQ_IO_LOG", log_of(home.path()));
    let told = ended_well(&mut child)?;
    let acknowledged: BTreeSet<u64> = told.lines().filter_map(acknowledged).collect();
    let opened = !told.contains("\nunopened: ");
    if opened && !told.contains("\nworked;") {
        return Err(format!("it did not come to its end: {told}"));
    }
    let log = std::fs::read(log_of(home.path())).unwrap();
    let failed = notes(&log).iter().any(|note| matches!(note, Note::Hindered));
    let all = BATCHES.iter().sum::<u64>();
    if (!failed || deed.errno == 0) && acknowledged.len() != usize::try_from(all).unwrap() {
        return Err(format!("nothing failed, and {} of {all} commands are acknowledged", acknowledged.len()));
    }

    let (mut db, _) = open_migrated(&DatabaseUrl::sqlite(&file), &folder, at(2)).map_err(|error| format!("does not open: {error}"))?;
    let damage = db.quick_check().map_err(|error| error.to_string())?;
    if !damage.is_empty() {
        return Err(format!("damaged: {damage:?}"));
    }
    settings::set(&mut db, "again", "works").map_err(|error| format!("takes nothing any more: {error}"))?;
    drop(db);
    let raw = rusqlite::Connection::open(&file).unwrap();
    for number in 1..=all {
        let rows: i64 = raw
            .query_row(
                "SELECT (SELECT count(*) FROM settings WHERE name = 'c' || ?1) + (SELECT count(*) FROM events WHERE seq = ?1) \
                 + (SELECT count(*) FROM token_ledger WHERE message_id = 'm' || ?1)",
                [i64::try_from(number).unwrap()],
                |row| row.get(0),
            )
            .unwrap();
        if acknowledged.contains(&number) && rows != 3 {
            return Err(format!("command {number} was acknowledged, and {rows} of its 3 rows are there"));
        }
        if rows != 0 && rows != 3 {
            return Err(format!("command {number} was refused, and {rows} of its 3 rows are there"));
        }
    }
    Ok(failed)
}

/// Goal G7, store R28: whichever call to the file system fails, and however, nobody panics or hangs, what was acknowledged is there, what was refused is
/// there whole or not at all, and the database is sound and goes on. `AQ_EVERY_CALL=1` leaves no n out.
#[test]
fn an_error_at_the_nth_call_is_told_and_passes() {
    let home = Home::sqlite();
    drop(home.open());
    let (recorder, template, every) = (Recorder::new(), home.file(), amount("AQ_EVERY_CALL", 0) == 1);
    let (next, tried) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&(calls, does, errno, ever)) = CASES.get(case) else { break };
                    let errno = if errno == WELL { 0 } else { errno.raw_os_error() };
                    let mut nth = 1;
                    loop {
                        let deed = Deed { calls, at: nth, does, errno, ever };
                        match try_one(&recorder, &template, deed) {
                            Ok(true) => {}
                            Ok(false) => break,
                            Err(wrong) => panic!("{deed:?}: {wrong}"),
                        }
                        tried.fetch_add(1, Ordering::Relaxed);
                        // Close together while the database is opened, further apart later; each case at other numbers.
                        nth += if every { 1 } else { 1 + nth / 4 + u64::try_from(case % 3).unwrap() };
                    }
                    assert!(nth > 1, "case {case} never met a call: {calls}");
                }
            });
        }
    });
    let tried = tried.into_inner();
    println!("score: errors at the n-th call: 0 false acknowledgements, 0 panics, 0 hangs; {tried} failures in {} cases", CASES.len());
}
