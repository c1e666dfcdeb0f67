//! What the machine does wrong: a full disk, a locked or read-only file, a file that is no database.

use aq_core::event::{Event, EventKind};
use aq_server::store::events::NewEvent;
use aq_server::store::{DatabaseUrl, Reader, StoreError, Tx, Writer, events, open_migrated, settings};
use futures_util::future::join_all;

use super::backend::Home;
use super::model::{Numbers, add};
use super::samples::{at, event, fact};

fn unavailable<T: std::fmt::Debug>(answer: &Result<T, StoreError>, text: &str) {
    let shown = format!("{answer:?}");
    assert!(answer.as_ref().is_err_and(StoreError::is_transient) && shown.contains(text), "{shown}");
}

/// F-021: a full disk fails the command that needs space, keeps what was there, and passes when there is space again.
#[test]
fn a_full_disk_is_told_and_passes_on_sqlite() {
    let home = Home::sqlite();
    let (writer, thread) = Writer::start(home.open(), Numbers::default(), |_| ()).unwrap();
    writer.submit_blocking(|tx| add(tx, "n", 1)).unwrap();
    // SQLite answers a page limit like a full disk: SQLITE_FULL.
    writer.submit_blocking(|tx| tx.db.batch("PRAGMA max_page_count = 1")).unwrap();
    let full = writer.submit_blocking(|tx| {
        add(tx, "n", 1)?;
        let big = Event { payload: serde_json::json!("x".repeat(1 << 20)), ..fact(1, EventKind::TaskCreated, Some(1)) };
        events::insert(tx.db, &[NewEvent::new(big, Some(1))])
    });
    unavailable(&full, "full");
    assert_eq!(writer.submit_blocking(|tx| Ok::<_, StoreError>(tx.state.values["n"])).unwrap(), 1, "the state was taken back");
    assert_eq!(settings::get(&mut home.open(), "n").unwrap().as_deref(), Some("1"));
    writer.submit_blocking(|tx| tx.db.batch("PRAGMA max_page_count = 1000000")).unwrap();
    assert_eq!(writer.submit_blocking(|tx| add(tx, "n", 1)).unwrap(), 2);
    writer.stop();
    thread.join();
    assert_eq!(home.open().quick_check().unwrap(), Vec::<String>::new());
}

/// F-017: another program that holds the write lock is waited for, then told; reading goes on meanwhile.
#[test]
fn a_locked_database_is_told_and_passes_on_sqlite() {
    let home = Home::sqlite();
    let (mut ours, mut theirs) = (home.open(), home.open());
    ours.batch("PRAGMA busy_timeout = 20").unwrap();
    theirs.batch("BEGIN IMMEDIATE").unwrap();
    unavailable(&settings::set(&mut ours, "n", "1"), "locked");
    unavailable(&ours.batch("BEGIN IMMEDIATE"), "locked");
    assert_eq!(settings::get(&mut ours, "n").unwrap(), None);
    theirs.batch("COMMIT").unwrap();
    settings::set(&mut ours, "n", "1").unwrap();
}

/// Store R28: what the database answers in the middle of a command fails that command and none of those that wait with it, and is told as what it
/// is: locked, or read-only.
#[test]
fn a_refusal_in_the_middle_of_a_command_fails_that_command_alone_on_sqlite() {
    type Part = fn(&mut Tx<'_, Numbers>) -> Result<(), StoreError>;
    let home = Home::sqlite();
    let (writer, thread) = Writer::start(home.open(), Numbers::default(), |_| ()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // A checkpoint is refused inside a transaction: SQLITE_LOCKED.
    let locked: Part = |tx| tx.db.batch("PRAGMA wal_checkpoint");
    let read_only: Part = |tx| {
        tx.db.batch("PRAGMA query_only = ON")?;
        let refused = settings::set(tx.db, "refused", "1");
        tx.db.batch("PRAGMA query_only = OFF")?;
        refused
    };
    let mut there = 0;
    for (part, words) in [(locked, "Locked(\"database table is locked"), (read_only, "Unavailable(\"attempt to write a readonly database")]
    {
        let answers = (0..5).map(|number| {
            writer.submit(move |tx| {
                add(tx, "n", 1)?;
                if number == 2 { part(tx) } else { Ok(()) }
            })
        });
        let answers = runtime.block_on(join_all(answers));
        for (number, answer) in answers.into_iter().enumerate() {
            let shown = format!("{answer:?}");
            assert!(if number == 2 { shown.contains(words) } else { answer.is_ok() }, "{words}, command {number}: {shown}");
        }
        there += 4;
        assert_eq!(writer.see(|state| state.values["n"]), there);
        assert_eq!(settings::get(&mut home.open(), "n").unwrap(), Some(there.to_string()));
    }
    writer.stop();
    thread.join();
    assert_eq!(home.open().quick_check().unwrap(), Vec::<String>::new());
}

/// Store R8: what cannot be written or opened is told as such, not as a defect.
#[test]
fn files_that_cannot_be_used_are_told_on_sqlite() {
    let home = Home::sqlite();
    let mut db = home.open();
    db.batch("PRAGMA query_only = ON").unwrap();
    unavailable(&settings::set(&mut db, "n", "1"), "readonly");
    drop(db);
    let folder = DatabaseUrl::sqlite(home.folder());
    unavailable(&open_migrated(&folder, home.folder(), at(1)).map(|_| ()), "unable to open");
    assert!(Reader::start(&folder, 1).is_err());
    let text = home.folder().join("notes.txt");
    std::fs::write(&text, "this is not a database, and it is longer than a header".repeat(40)).unwrap();
    let wrong = open_migrated(&DatabaseUrl::sqlite(&text), home.folder(), at(1)).map(|_| ());
    assert!(format!("{wrong:?}").contains("not a database"), "{wrong:?}");
}

/// I-02: a file with a damaged page is found by the check.
#[test]
fn damage_is_found_on_sqlite() {
    let home = Home::sqlite();
    let mut db = home.open();
    let list: Vec<_> = (1..=500).map(|seq| event(seq, EventKind::TaskCreated, Some(1))).collect();
    events::insert(&mut db, &list).unwrap();
    db.batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(db);
    let mut bytes = std::fs::read(home.file()).unwrap();
    let middle = bytes.len() / 4096 / 2 * 4096;
    bytes[middle..middle + 2048].fill(0x5a);
    std::fs::write(home.file(), bytes).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let reader = Reader::start(home.url(), 1).unwrap();
    let found = runtime.block_on(reader.read(|db| db.quick_check()));
    assert!(found.as_ref().is_ok_and(|lines| !lines.is_empty()), "{found:?}");
}

/// A server that is not there, and a name that it does not know, are told with the address and without the password.
#[test]
fn an_absent_server_is_told_for_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::parse("postgres://aq:geheim@127.0.0.1:1/aq");
    let answer = open_migrated(&url, folder.path(), at(1)).map(|_| ());
    unavailable(&answer, "");
    assert!(!format!("{answer:?}").contains("geheim"));
}
