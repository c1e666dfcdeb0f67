//! Kills a process that is writing, at random points, and looks at what it left.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use aq_core::event::EventKind;
use aq_server::store::{Connection, DatabaseUrl, StoreError, Writer, events, ledger, open_migrated, settings, usage};
use rand::{Rng as _, SeedableRng as _};

use super::backend::Home;
use super::model::Numbers;
use super::samples::{at, entry, event};

/// The database that [`writes_until_it_is_killed`] writes to.
pub(super) const FILE: &str = "AQ_KILL_FILE";
/// Statements that it runs first.
pub(super) const FIRST: &str = "AQ_KILL_FIRST";

/// What a person, or a test to its own child, says by the environment.
#[expect(clippy::disallowed_methods, reason = "the test tells its own child what to do, and a person how much to try")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The number of an acknowledged command, of a line that the writing process told.
pub(super) fn acknowledged(line: &str) -> Option<u64> {
    line.strip_prefix("ack ")?.strip_suffix(';')?.parse().ok()
}

/// How many commands are there: each whole, and none missing between them. Otherwise what is wrong.
pub(super) fn commands_there(db: &mut Connection) -> Result<u64, String> {
    let (first, last) = events::range(db).map_err(|error| error.to_string())?.unwrap_or((1, 0));
    let rows = usage::of_task(db, 1, at(0), at(i64::MAX), 1).map_err(|error| error.to_string())?.total.entries;
    let counted = settings::counter(db, "seq").map_err(|error| error.to_string())?;
    if (first, rows, counted) == (1, last, last) {
        return Ok(last);
    }
    Err(format!(
        "events {first} to {last}, {rows} rows of the ledger, a counter of {counted}: a command is there in part, or one is missing"
    ))
}

/// The process that is killed: it does nothing unless a test started it.
#[test]
fn writes_until_it_is_killed() {
    let Some(file) = variable(FILE) else { return };
    let file = std::path::PathBuf::from(file);
    let (mut db, _) = open_migrated(&DatabaseUrl::sqlite(&file), file.parent().unwrap(), at(1)).unwrap();
    if let Some(first) = variable(FIRST) {
        db.batch(&first).unwrap();
    }
    let last = events::range(&mut db).unwrap().map_or(0, |(_, last)| last);
    let mut state = Numbers::default();
    state.values.insert("seq".to_owned(), i64::try_from(last).unwrap());
    let (writer, _thread) = Writer::start(db, state, |_| ()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let seq = writer
                        .submit_blocking(|tx| {
                            let seq = tx.state.values["seq"] + 1;
                            tx.state.set("seq", seq);
                            settings::set(tx.db, "seq", &seq.to_string())?;
                            events::insert(tx.db, &[event(u64::try_from(seq).unwrap(), EventKind::TaskCreated, Some(1))])?;
                            ledger::insert(tx.db, &entry(1, 1, &format!("m{seq}"), seq, 1))?;
                            Ok::<_, StoreError>(seq)
                        })
                        .unwrap();
                    // One write for each line, so that a kill never leaves half of one behind that looks like a whole.
                    let told = std::io::stdout().write_all(format!("\nack {seq};\n").as_bytes());
                    if told.and_then(|()| std::io::stdout().flush()).is_err() {
                        // The parent is gone; nobody would ever kill us.
                        break;
                    }
                }
            });
        }
    });
}

/// F-019, store R3: SIGKILL at any moment; every acknowledged row is there, whole, and the file is sound. `AQ_KILLS` sets the rounds.
#[test]
fn nothing_acknowledged_is_lost_on_sqlite() {
    let rounds: u32 = variable("AQ_KILLS").and_then(|value| value.parse().ok()).unwrap_or(100);
    let home = Home::sqlite();
    drop(home.open());
    let mut random = rand::rngs::StdRng::seed_from_u64(20_261_120);
    let mut told = 0_u64;
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::kill::writes_until_it_is_killed", "--nocapture", "--test-threads=1"])
            .env(FILE, home.file())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let patience = random.random_range(1..60);
        let (mut seen, mut killed) = (0, false);
        while let Some(Ok(line)) = lines.next() {
            let Some(seq) = acknowledged(&line) else { continue };
            told = told.max(seq);
            seen += 1;
            if seen >= patience && !killed {
                // The child goes on writing between this line and the signal.
                child.kill().unwrap();
                killed = true;
            }
        }
        assert!(killed, "round {round}: the child ended by itself");
        child.wait().unwrap();

        let mut db = home.open();
        let last = commands_there(&mut db).unwrap_or_else(|wrong| panic!("round {round}: {wrong}"));
        assert!(last >= told, "round {round}: {told} was acknowledged, {last} is the last one stored");
        // The check reads the whole file, so it runs every tenth time and at the end.
        if round % 10 == 0 || round + 1 == rounds {
            assert_eq!(db.quick_check().unwrap(), Vec::<String>::new(), "round {round}");
        }
    }
    println!("score: store kills: 0 acknowledged commands lost; {rounds} kills, {told} commands");
}
