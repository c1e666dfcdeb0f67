//! The cursor of a run: how far its output was reported, and what comes next.
//!
//! Spec: specs/server/runner/service.md

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stored::{SideItem, StoredEnd, StoredStop};

const FILE: &str = "cursor.json";
const SECRETS: &str = "secrets.json";

/// `cursor.json`. Unknown fields are ignored, missing ones have defaults, so that a newer server reads an older one's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Cursor {
    /// The number of the next item.
    pub(super) next_seq: u64,
    /// Which launch is the present one.
    pub(super) launch: u32,
    /// The session of a launch after the first.
    pub(super) session: Option<StoredSession>,
    /// How far the present launch's spool was reported.
    pub(super) offset: u64,
    /// The normaliser at that place; null: it has read nothing.
    pub(super) state: Value,
    /// Side items that are being reported; they are numbered from `next_seq` (service R5).
    pub(super) pending: Vec<PendingItem>,
    /// We were ordered to stop.
    pub(super) stop: Option<StoredStop>,
    /// How the agent's part ended.
    pub(super) end: Option<StoredEnd>,
    /// The task's branch, needed to release the work directory.
    pub(super) branch: String,
    /// Where the run works; empty: not prepared.
    pub(super) directory: String,
    /// The commit that it started from.
    pub(super) base_commit: String,
    /// Checks started so far.
    pub(super) checks: u32,
    /// The check at work, when there is one.
    pub(super) check: Option<CheckCursor>,
}

/// A check that was started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct CheckCursor {
    /// Its number, which names its folder.
    pub(super) number: u32,
    /// The command.
    pub(super) command: String,
    /// Which command of the order it is.
    pub(super) index: usize,
    /// How far its spool was reported.
    pub(super) offset: u64,
}

/// How a later launch's session starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StoredSession {
    pub(super) id: String,
    pub(super) resume: bool,
}

/// A side item with its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PendingItem {
    pub(super) at_ms: i64,
    pub(super) item: SideItem,
}

/// What was found of a cursor.
#[derive(Debug)]
pub(super) enum Found {
    /// It is there.
    Cursor(Box<Cursor>),
    /// There never was one.
    Nothing,
    /// It cannot be read.
    Damaged,
}

impl Cursor {
    /// Reads the cursor of a run's folder.
    pub(super) fn load(folder: &Path) -> Found {
        match fs::read(folder.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_or(Found::Damaged, |cursor| Found::Cursor(Box::new(cursor))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Nothing,
            Err(_) => Found::Damaged,
        }
    }

    /// Writes it: the old or the new one is there after a crash of the server. It need not survive a power failure, which no run does.
    pub(super) fn store(&self, folder: &Path) -> io::Result<()> {
        write_private(folder, FILE, &serde_json::to_vec(self)?)
    }
}

/// Keeps the values that must not appear in output (service R16).
pub(super) fn store_secrets(folder: &Path, secrets: &[String]) -> io::Result<()> {
    write_private(folder, SECRETS, &serde_json::to_vec(secrets)?)
}

/// Reads what [`store_secrets`] kept.
pub(super) fn load_secrets(folder: &Path) -> Vec<String> {
    fs::read(folder.join(SECRETS)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn write_private(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!(".{name}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    fs::rename(&temporary, folder.join(name))
}

/// Makes a folder, and those above it, that only we can enter.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
