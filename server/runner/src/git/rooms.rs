//! Where everything lies on disk, and the locks: the handle that the runner's service holds.
//!
//! Spec: specs/server/runner/workspaces.md

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aq_core::ids::{ProjectId, TaskId};

use super::author::{Clock, Identity};
use super::lanes::{Lane, Lanes};
use super::program::GitProgram;

/// The mirrors and work directories of one server home. Cheap to clone; all methods block and belong on a blocking thread.
#[derive(Clone)]
pub struct Rooms {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) home: PathBuf,
    pub(super) identity: Identity,
    pub(super) program: GitProgram,
    pub(super) clock: Clock,
    pub(super) lanes: Lanes,
    projects: Mutex<BTreeMap<ProjectId, Arc<ProjectState>>>,
}

/// What is remembered of a project while the server runs.
#[derive(Default)]
pub(super) struct ProjectState {
    /// Held while the mirror is made, fetched or repacked.
    pub(super) mirror: Mutex<()>,
    /// Fetches begun so far; lets those who waited for the lock use the fetch that began after they came.
    pub(super) fetches: AtomicU64,
    /// Read while object files are copied, written while a repack replaces them.
    pub(super) packs: RwLock<()>,
    /// The commit whose attributes were found free of filters.
    pub(super) checked: Mutex<Option<git2::Oid>>,
}

impl Rooms {
    /// The rooms under the server's `home` (see the data directory in specs/server). `identity` signs the runner's commits.
    #[must_use]
    pub fn new(home: PathBuf, identity: Identity, program: GitProgram, clock: Clock) -> Self {
        let inner = Inner { home, identity, program, clock, lanes: Lanes::default(), projects: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Waits for the project's landing lane and takes it (landing R1). Hold it from `plan_landing` to the end of `finish_landing`.
    pub fn lane(&self, project: &ProjectId) -> Lane {
        self.inner.lanes.enter(project)
    }

    /// The directory where the task's runs work, whether it exists or not.
    #[must_use]
    pub fn task_directory(&self, project: &ProjectId, task: &TaskId) -> PathBuf {
        self.project_rooms(project).join(task.as_str())
    }

    /// Our bare mirror of the project's repository, whether it exists or not.
    #[must_use]
    pub fn mirror_directory(&self, project: &ProjectId) -> PathBuf {
        self.inner.home.join("mirrors").join(format!("{project}.git"))
    }

    pub(super) fn project_rooms(&self, project: &ProjectId) -> PathBuf {
        self.inner.home.join("workspaces").join(project.as_str())
    }

    /// A new, unused place under the quarantine.
    pub(super) fn quarantine_place(&self, name: &str) -> PathBuf {
        let root = self.inner.home.join("quarantine");
        let stamp = (self.inner.clock)().as_millis();
        (0..)
            .map(|count: u32| if count == 0 { root.join(format!("{name}.{stamp}")) } else { root.join(format!("{name}.{stamp}-{count}")) })
            .find(|path| std::fs::symlink_metadata(path).is_err())
            .unwrap_or(root)
    }

    pub(super) fn project(&self, project: &ProjectId) -> Arc<ProjectState> {
        let mut projects = self.inner.projects.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(projects.entry(project.clone()).or_default())
    }
}

impl std::fmt::Debug for Rooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rooms").field("home", &self.inner.home).finish_non_exhaustive()
    }
}

/// Makes a directory that only we can read.
pub(super) fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
