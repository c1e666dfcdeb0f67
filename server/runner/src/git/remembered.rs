//! What the steps of a project remember of its mirror's references while the server runs. Reading and changing them lives in `references`.
//!
//! Spec: specs/server/runner/workspaces.md

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::Oid;

/// A reference: its name, and its commit or tag, none when it names another reference.
pub(super) type Listed = (String, Option<Oid>);

/// What the steps of a project remember of its mirror's references.
#[derive(Default)]
pub(super) struct References {
    tags: Mutex<Option<Arc<Vec<Listed>>>>,
    branches: Mutex<Option<Vec<String>>>,
}

impl References {
    /// The tags, as the last fetch brought them, when they have been listed since.
    pub(super) fn tags(&self) -> MutexGuard<'_, Option<Arc<Vec<Listed>>>> {
        held(&self.tags)
    }

    /// A fetch may have brought other tags.
    pub(super) fn fetched(&self) {
        *self.tags() = None;
    }

    /// The names of the source's branches when the mirror was last found to have those and no others.
    pub(super) fn branches(&self) -> MutexGuard<'_, Option<Vec<String>>> {
        held(&self.branches)
    }

    /// The mirror is a new one.
    pub(super) fn forget(&self) {
        self.fetched();
        *self.branches() = None;
    }
}

fn held<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
