//! What a worker leaves behind, held against what it told.

use std::collections::BTreeSet;
use std::path::Path;

use aq_server::store::{DatabaseUrl, open_migrated, settings};

use super::super::kill::acknowledged;
use super::super::samples::at;
use super::worker::COMMANDS;

/// What a worker told.
pub(super) struct Told {
    /// Everything, as it was printed.
    pub(super) text: String,
    /// The commands that were acknowledged.
    pub(super) acknowledged: BTreeSet<u64>,
}

impl Told {
    /// Reads it; a worker that neither worked to its end nor said why it could not begin is wrong.
    pub(super) fn read(text: String) -> Result<Self, String> {
        if !text.contains("\nunopened: ") && !text.contains("\nworked;") {
            return Err(format!("it did not come to its end: {text}"));
        }
        let acknowledged = text.lines().filter_map(acknowledged).collect();
        Ok(Self { text, acknowledged })
    }

    /// True: all of its commands are acknowledged.
    pub(super) fn is_all(&self) -> bool {
        self.acknowledged.len() == usize::try_from(COMMANDS).unwrap()
    }
}

/// What is the matter with a file.
pub(super) enum Matter {
    /// The database says itself that it is damaged.
    Damaged(String),
    /// Something that must not be.
    Wrong(String),
}

/// Opens the database as the next start does. It is sound and takes commands, what was acknowledged is there whole, and of the other commands (up to
/// the number `last`) each is there whole or not at all.
pub(super) fn hold(file: &Path, acknowledged: &BTreeSet<u64>, last: u64) -> Result<(), Matter> {
    let wrong = |text: String| if says_damaged(&text) { Matter::Damaged(text) } else { Matter::Wrong(text) };
    let opened = open_migrated(&DatabaseUrl::sqlite(file), file.parent().unwrap(), at(2));
    let (mut db, _) = opened.map_err(|error| wrong(format!("does not open: {error}")))?;
    let damage = db.quick_check().map_err(|error| Matter::Wrong(format!("cannot be looked at: {error}")))?;
    if !damage.is_empty() {
        return Err(Matter::Damaged(format!("{damage:?}")));
    }
    settings::set(&mut db, "again", "works").map_err(|error| Matter::Wrong(format!("takes nothing any more: {error}")))?;
    drop(db);
    let raw = rusqlite::Connection::open(file).unwrap();
    let mut count = raw
        .prepare(
            "SELECT (SELECT count(*) FROM settings WHERE name = 'c' || ?1) + (SELECT count(*) FROM events WHERE seq = ?1) \
             + (SELECT count(*) FROM token_ledger WHERE message_id = 'm' || ?1)",
        )
        .unwrap();
    for number in 1..=last {
        let rows: i64 = count.query_row([i64::try_from(number).unwrap()], |row| row.get(0)).unwrap();
        if acknowledged.contains(&number) && rows != 3 {
            return Err(Matter::Wrong(format!("command {number} was acknowledged, and {rows} of its 3 rows are there")));
        }
        if rows != 0 && rows != 3 {
            return Err(Matter::Wrong(format!("command {number} was refused, and {rows} of its 3 rows are there")));
        }
    }
    Ok(())
}

/// The words of the database for a file that is not what it wrote.
pub(super) fn says_damaged(text: &str) -> bool {
    ["malformed", "not a database", "damaged"].iter().any(|words| text.contains(words))
}
