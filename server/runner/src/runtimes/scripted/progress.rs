//! What the agent remembers of a session, so that it can be resumed (scripted R4).
//!
//! Spec: specs/server/runner/scripted.md

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::script::ScriptStep;

/// A session's progress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Progress {
    /// The script.
    pub(super) steps: Vec<ScriptStep>,
    /// Steps that are finished.
    pub(super) done: usize,
    /// The last answer of a person.
    pub(super) answer: String,
    /// The last thing said.
    pub(super) last_said: String,
}

fn file(home: &Path, session: &str) -> PathBuf {
    let safe: String = session.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '-').collect();
    home.join(".aq-scripted").join(format!("{safe}.json"))
}

/// Reads a session's progress; `None` when there is none.
pub(super) fn load(home: &Path, session: &str) -> Option<Progress> {
    serde_json::from_slice(&fs::read(file(home, session)).ok()?).ok()
}

/// Writes a session's progress.
pub(super) fn store(home: &Path, session: &str, progress: &Progress) -> io::Result<()> {
    let path = file(home, session);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, serde_json::to_vec(progress)?)?;
    fs::rename(temporary, path)
}
