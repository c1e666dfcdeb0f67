//! Writing and listing the references of a mirror, through one handle of the library per mirror.
//!
//! A handle of the library that writes or lists references keeps all packed ones in memory (190 bytes for each of some six per task) and reads them
//! first, so steps with handles of their own would pay for that each time. Finding a reference by its name costs nothing of it, and is done elsewhere
//! with any handle.
//!
//! Spec: specs/server/runner/workspaces.md

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::{Oid, Repository};

/// A reference: its name, and its commit or tag, none when it names another reference.
pub(super) type Listed = (String, Option<Oid>);

/// What the steps of a project share of its mirror's references.
#[derive(Default)]
pub(super) struct References {
    handle: Mutex<Option<Repository>>,
    tags: Mutex<Option<Arc<Vec<Listed>>>>,
    branches: Mutex<Option<Vec<String>>>,
}

impl References {
    /// Does `work` with the handle of the mirror at `path`. It is short: whoever else writes references there waits.
    pub(super) fn with<T>(&self, path: &Path, work: impl FnOnce(&Repository) -> Result<T, git2::Error>) -> Result<T, git2::Error> {
        let mut handle = held(&self.handle);
        let repo = handle.take().map_or_else(|| Repository::open_bare(path), Ok)?;
        let done = work(&repo);
        *handle = Some(repo);
        done
    }

    /// All references whose names begin with `prefix`, which ends with a slash.
    pub(super) fn listed(&self, path: &Path, prefix: &str) -> Result<Vec<Listed>, git2::Error> {
        self.with(path, |repo| {
            let mut found = Vec::new();
            for reference in repo.references_glob(&format!("{prefix}*"))? {
                let reference = reference?;
                if let Ok(name) = reference.name() {
                    found.push((name.to_owned(), reference.target()));
                }
            }
            Ok(found)
        })
    }

    /// The tags, as the last fetch brought them.
    pub(super) fn tags(&self, path: &Path) -> Result<Arc<Vec<Listed>>, git2::Error> {
        let mut tags = held(&self.tags);
        if let Some(known) = &*tags {
            return Ok(Arc::clone(known));
        }
        let listed = Arc::new(self.listed(path, "refs/tags/")?);
        *tags = Some(Arc::clone(&listed));
        Ok(listed)
    }

    /// A fetch may have brought other tags.
    pub(super) fn fetched(&self) {
        *held(&self.tags) = None;
    }

    /// The names of the source's branches when the mirror was last found to have those and no others.
    pub(super) fn branches(&self) -> MutexGuard<'_, Option<Vec<String>>> {
        held(&self.branches)
    }

    /// The mirror is a new one.
    pub(super) fn forget(&self) {
        self.close();
        self.fetched();
        *self.branches() = None;
    }

    /// Closes the handle, which keeps packs from going that a repack has replaced; the next use opens it again.
    pub(super) fn close(&self) {
        *held(&self.handle) = None;
    }
}

fn held<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
