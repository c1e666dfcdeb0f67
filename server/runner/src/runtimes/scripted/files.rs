//! The tools of the scripted agent that touch the disk.
//!
//! Spec: specs/server/runner/scripted.md

use std::fs;
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

/// A path within the work directory (scripted R7).
fn inside(path: &str) -> Result<PathBuf, String> {
    let path = Path::new(path);
    let fine = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if fine { Ok(path.to_owned()) } else { Err(format!("{} is outside the work directory", path.display())) }
}

/// Writes a file, or adds to one, with the folders above it.
pub(super) fn write(path: &str, text: &str, append: bool) -> Result<String, String> {
    let place = inside(path)?;
    let work = || -> std::io::Result<()> {
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = fs::OpenOptions::new();
        options.create(true).write(true).append(append).truncate(!append);
        options.open(&place)?.write_all(text.as_bytes())
    };
    work().map(|()| format!("{} bytes written to {path}", text.len())).map_err(|error| format!("{path}: {error}"))
}

/// Deletes a file.
pub(super) fn delete(path: &str) -> Result<String, String> {
    fs::remove_file(inside(path)?).map(|()| format!("{path} deleted")).map_err(|error| format!("{path}: {error}"))
}

/// Runs a program to its end and gives what it printed; an error when it failed.
pub(super) fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(format!("{text}({})", output.status)) }
}

/// Commits everything in the work directory.
pub(super) fn commit(message: &str) -> Result<String, String> {
    run("git", &["add", "-A"])?;
    run("git", &["commit", "-q", "-m", message])?;
    run("git", &["log", "--oneline", "-1"])
}
