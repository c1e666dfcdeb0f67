//! What is done to the calls of a worker, and the test that does it at the n-th of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io::Errno;

use super::super::backend::Home;
use super::super::io::{Deed, Note, Recorder, amount, ended_well, log_of, notes, passing_folder};
use super::outcome::{Matter, Told, hold};
use super::worker::{COMMANDS, DAMAGED, FILE, HEALED, MAY_BE_DAMAGED, OPENED, WORKER};

/// No failure follows the half that was written: 0 in the eyes of the library, and never the answer of a call.
const WELL: Errno = Errno::XFULL;

/// What is asked of the library, one `at` after the other.
#[derive(Clone, Copy)]
struct Case {
    calls: &'static str,
    does: &'static str,
    errno: Errno,
    /// To how many calls; 0: to all from then on.
    times: u64,
    ending: &'static str,
    /// What the worker tells when counting begins, and when it ends.
    between: [&'static str; 2],
}

const fn fail(calls: &'static str, errno: Errno, times: u64) -> Case {
    Case { calls, does: "fail", errno, times, ending: "", between: ["", HEALED] }
}

/// Half of what was to be written or read is, and the call says so; that is no failure, and all of it has to be done in the end. With an error, that is
/// what the rest meets.
const fn short(calls: &'static str, errno: Errno, times: u64) -> Case {
    Case { does: "short", ..fail(calls, errno, times) }
}

/// Rubbish is read or written in the main file, and nobody says so. The log is left alone: a part of it that does not fit its check sum has, to SQLite, never
/// been written.
const fn spoil(calls: &'static str, times: u64) -> Case {
    Case { does: "spoil", ending: ".db", ..fail(calls, WELL, times) }
}

/// Nothing happens before the database is open.
const fn at_work(case: Case) -> Case {
    Case { between: [OPENED, HEALED], ..case }
}

const CASES: [Case; 52] = [
    fail("w", Errno::IO, 1),
    fail("w", Errno::IO, 0),
    fail("w", Errno::NOSPC, 1),
    fail("w", Errno::NOSPC, 0),
    fail("w", Errno::DQUOT, 1),
    short("w", WELL, 1),
    short("w", WELL, 0),
    short("w", Errno::NOSPC, 1),
    short("w", Errno::NOSPC, 0),
    fail("s", Errno::IO, 1),
    fail("s", Errno::IO, 0),
    fail("s", Errno::NOSPC, 1),
    fail("s", Errno::DQUOT, 0),
    fail("t", Errno::IO, 1),
    fail("t", Errno::NOSPC, 0),
    fail("o", Errno::ROFS, 1),
    fail("o", Errno::IO, 0),
    // The log goes when the last connection is closed.
    Case { between: ["", ""], ..fail("u", Errno::IO, 1) },
    fail("wstou", Errno::IO, 1),
    // A disk that cannot be read.
    fail("f", Errno::IO, 1),
    fail("f", Errno::IO, 10),
    fail("f", Errno::IO, 0),
    short("f", WELL, 1),
    short("f", WELL, 0),
    short("f", Errno::IO, 1),
    at_work(fail("f", Errno::IO, 1)),
    at_work(fail("f", Errno::IO, 0)),
    at_work(short("f", Errno::IO, 1)),
    at_work(Case { ending: "-wal", ..fail("f", Errno::IO, 1) }),
    // Another program writes, for a moment, for a while, for ever; and holds whichever lock is asked for.
    at_work(fail("b", Errno::AGAIN, 1)),
    at_work(fail("b", Errno::AGAIN, 10)),
    at_work(fail("b", Errno::AGAIN, 0)),
    fail("l", Errno::AGAIN, 1),
    fail("l", Errno::AGAIN, 10),
    fail("l", Errno::AGAIN, 0),
    fail("l", Errno::IO, 1),
    at_work(fail("l", Errno::AGAIN, 1)),
    at_work(fail("l", Errno::AGAIN, 10)),
    at_work(fail("l", Errno::AGAIN, 0)),
    // No memory.
    fail("m", Errno::NOMEM, 1),
    fail("m", Errno::NOMEM, 10),
    at_work(fail("m", Errno::NOMEM, 1)),
    at_work(fail("m", Errno::NOMEM, 10)),
    at_work(fail("m", Errno::NOMEM, 0)),
    // A disk that may only be read: as it turns out when something is written, and when something is opened.
    fail("wtuc", Errno::ROFS, 0),
    at_work(fail("wtuc", Errno::ROFS, 10)),
    at_work(fail("wtuc", Errno::ROFS, 0)),
    fail("c", Errno::ACCESS, 1),
    // A damaged page.
    spoil("f", 1),
    spoil("f", 0),
    spoil("w", 1),
    spoil("w", 10),
];

/// The kinds of refusal that have to be met, with the words by which they are known.
const KINDS: [(&str, &[&str]); 7] = [
    ("locked", &["database is locked"]),
    ("locks of the log", &["locking protocol"]),
    ("full", &["database or disk is full"]),
    ("input or output", &["disk I/O error"]),
    ("no memory", &["out of memory"]),
    ("read-only", &["readonly database"]),
    ("damaged", &["malformed", "not a database"]),
];

/// What was seen in all runs of a case.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// In how many something was made to fail.
    tried: usize,
    /// In how many of them each kind was told.
    kinds: [usize; KINDS.len()],
}

/// Runs the worker with one failure and looks at what it left. What was told; `None`: nothing was made to fail. Otherwise what is wrong.
fn try_one(recorder: &Recorder, template: &Path, deed: &Deed) -> Result<Option<String>, String> {
    let home = passing_folder();
    let folder = home.path().join("disk");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("agent-queue.db");
    std::fs::copy(template, &file).unwrap();
    let mut child = recorder.child(WORKER, &folder);
    deed.to(recorder, &mut child).env(FILE, &file).env("AQ_IO_LOG", log_of(home.path()));
    let spoils = deed.does == "spoil";
    if spoils {
        child.env(DAMAGED, "1");
    }
    if spoils || deed.calls.contains('f') && deed.errno == Errno::IO.raw_os_error() {
        child.env(MAY_BE_DAMAGED, "1");
    }
    let told = Told::read(ended_well(&mut child)?)?;
    let log = std::fs::read(log_of(home.path())).unwrap();
    let failed = notes(&log).iter().any(|note| matches!(note, Note::Hindered));
    if (!failed || deed.does == "short" && deed.errno == 0) && !told.is_all() {
        return Err(format!("nothing failed, and not every command is acknowledged: {}", told.text));
    }
    match hold(&file, &told.acknowledged, COMMANDS) {
        Ok(()) => {}
        Err(Matter::Damaged(_)) if spoils => {}
        Err(Matter::Damaged(text) | Matter::Wrong(text)) => return Err(format!("{text}\n{}", told.text)),
    }
    Ok(failed.then_some(told.text))
}

/// Goal G7, store R28, R30: whichever call fails, and however, nobody panics or hangs, what was acknowledged is there, what was refused is there whole or
/// not at all, the database is sound and goes on once the failure is over, and a damaged file says so. `AQ_EVERY_CALL=1` leaves no n out.
#[test]
fn an_error_at_the_nth_call_is_told_and_passes() {
    let home = Home::sqlite();
    drop(home.open());
    let (recorder, template, every) = (Recorder::new(), home.file(), amount("AQ_EVERY_CALL", 0) == 1);
    let (next, seen) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = CASES.get(number) else { break };
                    let found = try_case(&recorder, &template, number, case, every);
                    seen.lock().unwrap().insert(number, found);
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    let met = |kind: usize, calls: &str| {
        let of = |number: &usize| CASES[*number].calls == calls;
        seen.iter().filter(|(number, _)| of(number)).fold((0, 0), |(met, tried), (_, seen)| (met + seen.kinds[kind], tried + seen.tried))
    };
    // Every kind is really met. Some pieces of memory are for comfort only, so that SQLite goes on without them.
    let all: Vec<_> = (0..KINDS.len()).map(|kind| (KINDS[kind].0, seen.values().map(|seen| seen.kinds[kind]).sum::<usize>())).collect();
    println!("kinds that were told: {all:?}");
    assert!(all.iter().all(|(_, met)| *met > 0), "{all:?}");
    for (kind, calls, share) in [(0, "b", 4), (1, "l", 8), (4, "m", 2), (6, "f", 8)] {
        let (met, tried) = met(kind, calls);
        assert!(met * share >= tried, "{}: told in {met} of {tried} runs: {seen:?}", KINDS[kind].0);
    }
    let tried: usize = seen.values().map(|seen| seen.tried).sum();
    println!("score: errors at the n-th call: 0 false acknowledgements, 0 panics, 0 hangs; {tried} failures in {} cases", CASES.len());
}

/// Tries a case at one call after the other until the worker makes no more of them.
fn try_case(recorder: &Recorder, template: &Path, number: usize, case: &Case, every: bool) -> Seen {
    let errno = if case.errno == WELL { 0 } else { case.errno.raw_os_error() };
    let (mut nth, mut seen) = (1, Seen::default());
    loop {
        let deed =
            Deed { calls: case.calls, at: nth, does: case.does, errno, times: case.times, ending: case.ending, between: case.between };
        match try_one(recorder, template, &deed) {
            Ok(Some(told)) => {
                seen.tried += 1;
                for (kind, (_, words)) in KINDS.iter().enumerate() {
                    seen.kinds[kind] += usize::from(words.iter().any(|words| told.contains(words)));
                }
            }
            Ok(None) => break,
            Err(wrong) => panic!("case {number}, {deed:?}: {wrong}"),
        }
        // Close together at first, further apart later; each case at other numbers.
        nth += if every { 1 } else { 1 + nth / 4 + u64::try_from(number % 3).unwrap() };
    }
    assert!(seen.tried > 0, "case {number} never met a call: {}", case.calls);
    seen
}
