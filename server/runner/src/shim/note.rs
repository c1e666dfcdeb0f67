//! What the exec stage tells the shim: how the sandbox was set up, or why there is no agent.
//!
//! Spec: specs/server/runner/shim.md

use std::fs::{self, File};
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::folder::RunFolder;

/// The file that tells the shim how the stage fared. It is opened before the sandbox closes and never reaches the agent.
pub(super) const NOTE_FILE: &str = "exec.json";

/// What the stage wrote before it became the agent, or gave up.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Note {
    /// What the sandbox achieved, in words.
    pub(super) sandbox: String,
    /// Why the agent could not be started.
    pub(super) error: Option<String>,
}

impl Note {
    /// The newest line of the file; nothing when there is none.
    pub(super) fn read(folder: &RunFolder) -> Self {
        let text = fs::read_to_string(folder.file(NOTE_FILE)).unwrap_or_default();
        text.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default()
    }

    pub(super) fn write(&self, file: &mut File) -> io::Result<()> {
        file.write_all(&super::wire::line(self))
    }
}
