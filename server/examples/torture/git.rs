//! Repositories, made and read with the `git` of the search path like a person would.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs git in `folder` and returns what it printed; the error is what it complained about.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .current_dir(folder)
        .args([
            "-c",
            "user.name=Torture",
            "-c",
            "user.email=torture@localhost",
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
        Err(format!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// A bare repository with one commit, like the one that a team pushes to.
pub(crate) fn create(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let source = folder.join(format!("{name}.source"));
    let bare = folder.join(format!("{name}.git"));
    std::fs::create_dir_all(&source).map_err(|error| format!("{} cannot be made: {error}", source.display()))?;
    git(&source, &["init", "--quiet"])?;
    let readme = source.join("README.md");
    std::fs::write(&readme, format!("# {name}\n")).map_err(|error| format!("{} cannot be written: {error}", readme.display()))?;
    git(&source, &["add", "README.md"])?;
    git(&source, &["commit", "--quiet", "--message", "first commit"])?;
    git(&source, &["clone", "--quiet", "--bare", ".", &bare.to_string_lossy()])?;
    Ok(bare)
}
