//! The exec stage once more, within the namespaces that `bwrap` made: becomes the agent there.
//!
//! Spec: specs/server/runner/shim.md

use std::fs::{self, File, OpenOptions};
use std::os::fd::RawFd;
use std::process::ExitCode;

use super::exec::{confine_and_start, placed};
use super::handover::{path_of, polite};
use super::note::Note;
use super::spec::ShimSpec;

/// Becomes the agent, within its namespaces. The files are the program's own, the order and the note.
pub(crate) fn stage(files: [RawFd; 3]) -> ExitCode {
    let [_, order, note_file] = files;
    let order = fs::read(path_of(order));
    let Ok(mut file) = OpenOptions::new().append(true).open(path_of(note_file)) else {
        return ExitCode::from(126);
    };
    for inherited in files {
        // They are not the agent's. What was opened here closes by itself when the agent starts.
        nix::unistd::close(inherited).ok();
    }
    let mut note = Note::default();
    let error = match order.map_err(|error| error.to_string()).and_then(|text| read(&text)) {
        Ok(spec) => become_agent(&spec, &mut note, &mut file),
        Err(error) => format!("the run's order cannot be read: {error}"),
    };
    note.error = Some(error);
    drop(note.write(&mut file));
    ExitCode::from(127)
}

fn read(order: &[u8]) -> Result<ShimSpec, String> {
    serde_json::from_slice(order).map_err(|error| error.to_string())
}

fn become_agent(spec: &ShimSpec, note: &mut Note, file: &mut File) -> String {
    if let Err(error) = polite().thread_unblock() {
        return format!("signals cannot be let through: {error}");
    }
    match placed(spec) {
        Ok(path) => confine_and_start(spec, &path, note, file),
        Err(sentence) => sentence,
    }
}
