//! One landing at a time per project: a keyed lock whose guard may travel between threads (landing R1).
//!
//! Spec: specs/server/runner/landing.md

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use aq_core::ids::ProjectId;

#[derive(Debug, Default)]
struct Busy {
    projects: Mutex<BTreeSet<ProjectId>>,
    freed: Condvar,
}

/// The lanes of all projects.
#[derive(Clone, Debug, Default)]
pub(super) struct Lanes(Arc<Busy>);

/// The right to land in one project, held until dropped. It may be moved to another thread.
#[must_use = "the lane is free again when this is dropped"]
#[derive(Debug)]
pub struct Lane {
    busy: Arc<Busy>,
    project: ProjectId,
}

impl Lanes {
    /// Waits until the project's lane is free, and takes it.
    pub(super) fn enter(&self, project: &ProjectId) -> Lane {
        let mut projects = self.0.projects.lock().unwrap_or_else(PoisonError::into_inner);
        while projects.contains(project) {
            projects = self.0.freed.wait(projects).unwrap_or_else(PoisonError::into_inner);
        }
        projects.insert(project.clone());
        Lane { busy: Arc::clone(&self.0), project: project.clone() }
    }
}

impl Lanes {
    /// Takes the project's lane when it is free; never waits.
    pub(super) fn try_enter(&self, project: &ProjectId) -> Option<Lane> {
        let mut projects = self.0.projects.lock().unwrap_or_else(PoisonError::into_inner);
        projects.insert(project.clone()).then(|| Lane { busy: Arc::clone(&self.0), project: project.clone() })
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.busy.projects.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.project);
        self.busy.freed.notify_all();
    }
}
