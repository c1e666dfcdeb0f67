//! Where everything lies on disk, and the locks: the handle that the runner's service holds.
//!
//! Spec: specs/server/runner/workspaces.md

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use aq_core::ids::{ProjectId, TaskId};

use super::author::{Clock, Identity};
use super::lanes::{Lane, Lanes};
use super::orphans;
use super::program::GitProgram;
use super::remembered::References;

/// The mirrors and work directories of one server home. Cheap to clone; all methods block and belong on a blocking thread.
#[derive(Clone)]
pub struct Rooms {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) home: PathBuf,
    pub(super) identity: Identity,
    pub(super) program: Arc<GitProgram>,
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
    pub(super) references: Arc<References>,
    /// Held while a task's directory is made or removed; those of tasks that nobody waits for are forgotten.
    seats: Mutex<BTreeMap<TaskId, Weak<Mutex<()>>>>,
}

impl Rooms {
    /// The rooms under the server's `home` (see the data directory in specs/server). `identity` signs the runner's commits.
    #[must_use]
    pub fn new(home: PathBuf, identity: Identity, mut program: GitProgram, clock: Clock) -> Self {
        program.environment.push(orphans::variable(&orphans::mark(&home)));
        let inner = Inner { home, identity, program: Arc::new(program), clock, lanes: Lanes::default(), projects: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Waits for the project's landing lane and takes it (landing R1). Hold it from `plan_landing` to the end of `finish_landing`.
    pub fn lane(&self, project: &ProjectId) -> Lane {
        self.inner.lanes.enter(project)
    }

    /// Does `work` while nobody else makes or removes the task's directory.
    pub fn alone<T>(&self, project: &ProjectId, task: &TaskId, work: impl FnOnce() -> T) -> T {
        let state = self.project(project);
        let seat = {
            let mut seats = state.seats.lock().unwrap_or_else(PoisonError::into_inner);
            seats.retain(|_, seat| seat.strong_count() > 0);
            seats.get(task).and_then(Weak::upgrade).unwrap_or_else(|| {
                let seat = Arc::new(Mutex::new(()));
                seats.insert(task.clone(), Arc::downgrade(&seat));
                seat
            })
        };
        let _alone = seat.lock().unwrap_or_else(PoisonError::into_inner);
        work()
    }

    /// The tasks that have a directory or a home below the work directories, in order. What is no task's is left out.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn seated(&self) -> std::io::Result<Vec<(ProjectId, TaskId)>> {
        let mut found = std::collections::BTreeSet::new();
        let folder = self.inner.home.join("workspaces");
        for project in entries(&folder)? {
            let Ok(id) = ProjectId::parse(&project) else { continue };
            for name in entries(&folder.join(&project))? {
                let task = name.strip_suffix(".home").unwrap_or(&name);
                if let Ok(task) = TaskId::parse(task) {
                    found.insert((id.clone(), task));
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    /// The projects that have a mirror.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn mirrored(&self) -> std::io::Result<Vec<ProjectId>> {
        let names = entries(&self.inner.home.join("mirrors"))?;
        Ok(names.iter().filter_map(|name| ProjectId::parse(name.strip_suffix(".git")?).ok()).collect())
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

/// The names of the folders in a folder; none when it is missing.
fn entries(folder: &Path) -> std::io::Result<Vec<String>> {
    let read = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let folders = read.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    Ok(folders.filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// Makes a directory that only we can read.
pub(super) fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
