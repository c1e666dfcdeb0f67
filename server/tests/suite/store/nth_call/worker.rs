//! The process whose calls fail: it works through the writer, reads, and tells what it was answered.
//!
//! What is done to it lives in `cases` and `pages`; what has to be there afterwards, in `outcome`.

use std::path::{Path, PathBuf};

use aq_core::event::EventKind;
use aq_server::lifecycle::EPOCH;
use aq_server::store::events::NewEvent;
use aq_server::store::{Connection, DatabaseUrl, StoreError, Tx, Writer, events, ledger, open_migrated, settings};
use futures_util::future::join_all;
use tokio::runtime::Runtime;

use super::super::kill::variable;
use super::super::model::Numbers;
use super::super::samples::{at, entry, fact};

/// The test below, as a child is asked for it.
pub(super) const WORKER: &str = "store::nth_call::worker::works_while_calls_fail";
/// The database that it works on.
pub(super) const FILE: &str = "AQ_NTH_FILE";
/// The number of its first command, without which it is 1.
pub(super) const FIRST: &str = "AQ_NTH_FIRST";
/// Set when the database may say that it is damaged, and not only that something should be tried again: where it is, and where it cannot be read. SQLite
/// takes a disk's EIO for a damaged page.
pub(super) const MAY_BE_DAMAGED: &str = "AQ_NTH_MAY_BE_DAMAGED";
/// Set when the file really is damaged, so that not everything works in the end.
pub(super) const DAMAGED: &str = "AQ_NTH_DAMAGED";

/// What it tells when it has a writer and a reader, and nothing has been asked of them yet.
pub(super) const OPENED: &str = "opened;";
/// And when it believes that nothing fails any more: from then on everything has to work.
pub(super) const HEALED: &str = "healed;";

/// How many commands wait at once, again and again: alone and together, because the writer treats them differently.
const BATCHES: [u64; 10] = [1, 4, 1, 3, 2, 1, 5, 1, 4, 2];
/// The same once nothing fails any more.
const AFTERWARDS: [u64; 2] = [1, 2];
/// All of them.
pub(super) const COMMANDS: u64 = 27;

/// A command of three rows; every fifth is of several pages, and every third writes its last row apart.
fn command(tx: &mut Tx<'_, Numbers>, number: u64) -> Result<(), StoreError> {
    let count = tx.state.values.get("count").copied().unwrap_or(0) + 1;
    tx.state.set("count", count);
    settings::set(tx.db, &format!("c{number}"), "there")?;
    let mut told = fact(number, EventKind::TaskCreated, Some(1));
    if number.is_multiple_of(5) {
        told.payload = serde_json::json!("x".repeat(9_000));
    }
    events::insert(tx.db, &[NewEvent::new(told, Some(1))])?;
    let paid = entry(1, 1, &format!("m{number}"), i64::try_from(number).unwrap(), 1);
    if number.is_multiple_of(3) {
        return tx.apart(|tx| ledger::insert(tx.db, &paid))?.map(drop);
    }
    ledger::insert(tx.db, &paid).map(drop)
}

/// Opens the database as a server does, for writing and for reading: the first thing written is the number of the start.
fn open(file: &Path) -> Result<[Connection; 2], StoreError> {
    let url = DatabaseUrl::sqlite(file);
    let (mut db, _) = open_migrated(&url, file.parent().unwrap(), at(1))?;
    // Checkpoints belong to what may fail, and pages have to be read again and again.
    db.batch("PRAGMA wal_autocheckpoint = 12; PRAGMA cache_size = 10")?;
    settings::set(&mut db, EPOCH, "1")?;
    // Not one of the threads that read: nobody could say when their connection is closed, and closing belongs to what may fail.
    Ok([db, open_migrated(&url, file.parent().unwrap(), at(1))?.0])
}

/// One worker: what it works with and what it has seen.
struct Worker {
    runtime: Runtime,
    writer: Writer<Numbers>,
    reader: Connection,
    may_be_damaged: bool,
    next: u64,
    acknowledged: i64,
}

impl Worker {
    /// Whoever waits may try again: what the machine did is nobody's mistake.
    fn tell(&self, what: &str, error: &StoreError) {
        println!("\nrefused {what}: {error};");
        let told = error.is_transient() || self.may_be_damaged && matches!(error, StoreError::Damaged(_));
        assert!(told, "{what} is refused as if it were at fault: {error:?}");
    }

    /// Has commands written together. True: all of them are.
    fn write(&mut self, together: u64) -> bool {
        let numbers = self.next..self.next + together;
        self.next = numbers.end;
        let before = self.acknowledged;
        let answers = join_all(numbers.clone().map(|number| self.writer.submit(move |tx| command(tx, number))));
        for (number, answer) in numbers.zip(self.runtime.block_on(answers)) {
            match answer {
                Ok(()) => {
                    self.acknowledged += 1;
                    println!("\nack {number};");
                    self.read(number);
                }
                Err(error) => self.tell(&format!("command {number}"), &error),
            }
        }
        let counted = self.writer.see(|state| state.values.get("count").copied().unwrap_or(0));
        assert_eq!(counted, self.acknowledged, "the state holds what was acknowledged");
        u64::try_from(self.acknowledged - before).unwrap() == together
    }

    /// Reads what was acknowledged: it is there, or cannot be read.
    fn read(&mut self, number: u64) {
        match settings::get(&mut self.reader, &format!("c{number}")) {
            Ok(value) => assert_eq!(value.as_deref(), Some("there"), "command {number} was acknowledged"),
            Err(error) => self.tell(&format!("reading command {number}"), &error),
        }
    }
}

/// It does nothing unless a test of `cases` or `pages` started it. What is refused it takes, and tells.
#[test]
fn works_while_calls_fail() {
    let Some(file) = variable(FILE).map(PathBuf::from) else { return };
    assert_eq!(BATCHES.into_iter().chain(AFTERWARDS).sum::<u64>(), COMMANDS);
    let [db, reader] = match open(&file) {
        Ok(opened) => opened,
        Err(error) => return println!("\nunopened: {error};"),
    };
    let (writer, thread) = Writer::start(db, Numbers::default(), |_| ()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let next = variable(FIRST).map_or(1, |first| first.parse().unwrap());
    let may_be_damaged = variable(MAY_BE_DAMAGED).is_some();
    let mut worker = Worker { runtime, writer, reader, may_be_damaged, next, acknowledged: 0 };
    println!("\n{OPENED}");
    for together in BATCHES {
        worker.write(together);
    }
    println!("\n{HEALED}");
    for together in AFTERWARDS {
        assert!(worker.write(together) || variable(DAMAGED).is_some(), "nothing fails any more, and not everything works");
    }
    // The writer's connection is the last one, which folds the log into the file and removes it.
    drop(worker.reader);
    worker.writer.stop();
    thread.join();
    println!("\nworked;");
}
