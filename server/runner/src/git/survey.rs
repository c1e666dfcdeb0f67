//! A look over a run's directory before the git library reads it: nothing in it may make a reader wait for ever (git R6).
//!
//! Spec: specs/server/runner/git.md

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{AtPath, GitError};

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Directories below the top that are repositories of their own.
    pub(super) nested: Vec<PathBuf>,
}

/// Walks `directory` without following links, leaving out its own `.git`.
pub(super) fn survey(directory: &Path) -> Result<Survey, GitError> {
    let mut seen = Survey::default();
    let mut folders = vec![(directory.to_owned(), false)];
    while let Some((folder, inside_git)) = folders.pop() {
        for entry in fs::read_dir(&folder).at(&folder)? {
            let entry = entry.at(&folder)?;
            let (name, path) = (entry.file_name(), entry.path());
            let kind = entry.file_type().at(&path)?;
            let is_git = name == ".git";
            if is_git && folder == directory {
                continue;
            }
            if is_git {
                seen.nested.push(folder.clone());
            }
            let read_by_git = inside_git || is_git || matches!(name.to_str(), Some(".gitignore" | ".gitattributes" | ".gitmodules"));
            if kind.is_dir() {
                folders.push((path, inside_git || is_git));
            } else if read_by_git && !kind.is_file() && !fs::metadata(&path).map_or(kind.is_symlink(), |to| to.is_file() || to.is_dir()) {
                return Err(GitError::Unsafe { path, why: "a file that git reads is neither a file nor a directory" });
            }
        }
    }
    Ok(seen)
}
