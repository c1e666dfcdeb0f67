//! The small repositories of the demonstration, made with the `git` of the search path like a person would.

use std::path::Path;
use std::process::Command;

/// Runs git in `folder` and returns what it printed; the error is what it complained about.
pub(super) fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .current_dir(folder)
        .args([
            "-c",
            "user.name=Agent Queue demo",
            "-c",
            "user.email=demo@localhost",
            "-c",
            "init.defaultBranch=main",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(arguments)
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .map_err(|error| format!("git cannot be started: {error}; install git"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// A repository with one commit. Its own branch is not checked out, so that finished work can always be brought there.
pub(super) fn create(folder: &Path, name: &str) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    git(folder, &["init", "--quiet"])?;
    let readme = folder.join("README.md");
    std::fs::write(&readme, format!("# {name}\n\nA small repository for a demonstration.\n"))
        .map_err(|error| format!("{} cannot be written: {error}", readme.display()))?;
    git(folder, &["add", "README.md"])?;
    git(folder, &["commit", "--quiet", "--message", "first commit"])?;
    Ok(())
}

/// The history as a graph.
pub(super) fn history(folder: &Path) -> Result<String, String> {
    git(folder, &["log", "--graph", "--oneline", "--decorate", "main"])
}
