//! Removing a task's directory: only one that we made, and only after its work is proven to be in the mirror (workspaces R7, I-22, I-24).
//!
//! Spec: specs/server/runner/workspaces.md

use std::fs;
use std::path::{Path, PathBuf};

use aq_core::ids::{ProjectId, RunRef};

use super::address::is_real_directory;
use super::bench::Bench;
use super::clearing::remove_tree;
use super::collect::Branch;
use super::error::{AtPath, GitError, While};
use super::gitdir::GitDir;
use super::rescue::Leavings;
use super::rooms::Rooms;
use super::seat::marker;

/// What became of a task's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// There was none.
    Absent,
    /// It is gone; `rescue` is the commit that holds what its branch did not, in hexadecimal.
    Gone {
        /// The rescue commit, if one was needed.
        rescue: Option<String>,
    },
    /// It could not be proven safe to remove, and was moved here.
    Quarantined {
        /// Where it lies now.
        place: PathBuf,
        /// Why.
        why: String,
    },
}

impl Rooms {
    /// Saves everything in the run's directory that is not on its branch under a rescue reference, and reads it back. Returns the rescue
    /// commit in hexadecimal, or `None` when the branch has it all. Ignored files are not work and are not saved.
    ///
    /// # Errors
    /// When something could not be saved; the directory is untouched.
    pub fn rescue(&self, project: &ProjectId, run: &RunRef, branch: &str) -> Result<Option<String>, GitError> {
        let mirror = self.open_mirror(project)?;
        let directory = self.task_directory(project, &run.task);
        let found = self.collect(project, run, branch, &mirror, Branch::Stays)?;
        let refuse = |why| Err(GitError::Unsafe { path: directory.clone(), why });
        if found.damaged {
            return refuse("some of its git objects could not be read");
        }
        if found.nested {
            return refuse("it holds repositories of its own, which are not saved");
        }
        let files = Bench::open(&mirror.path, &directory, &run.task)?.snapshot(found.head, false)?;
        let head = mirror.repo.find_commit(found.head).doing("reading the branch")?;
        if files == head.tree_id() && found.unfinished.is_none() {
            return Ok(None);
        }
        let leavings = Leavings { head: found.head, files: Some(files), loose: &[], why: "uncommitted work" };
        self.anchor(&mirror, run, &leavings).map(|commit| Some(commit.to_string()))
    }

    /// Removes the task's directory after [`Rooms::rescue`]; moves it to the quarantine when that fails or the directory is not marked as ours.
    /// The task's branch in the mirror stays as it is.
    ///
    /// # Errors
    /// When it could neither be removed nor moved.
    pub fn remove_task_dir(&self, project: &ProjectId, run: &RunRef, branch: &str) -> Result<Removed, GitError> {
        let directory = self.task_directory(project, &run.task);
        let going = going_name(&directory, run);
        if fs::symlink_metadata(&going).is_ok() {
            // A server was killed while it removed what had been proven to be saved.
            remove_tree(&going)?;
        }
        if fs::symlink_metadata(&directory).is_err() {
            return Ok(Removed::Absent);
        }
        match self.prove_and_remove(project, run, branch, &directory) {
            Ok(rescue) => Ok(Removed::Gone { rescue }),
            Err(error) => {
                let left = if is_real_directory(&going) { &going } else { &directory };
                let place = self.put_aside(left, &run.folder())?;
                tracing::warn!(task = %run.task, %error, place = %place.display(), "a directory was moved to the quarantine");
                Ok(Removed::Quarantined { place, why: error.to_string() })
            }
        }
    }

    fn prove_and_remove(&self, project: &ProjectId, run: &RunRef, branch: &str, directory: &Path) -> Result<Option<String>, GitError> {
        let refuse = |why| Err(GitError::Unsafe { path: directory.to_owned(), why });
        if !is_real_directory(directory) {
            return refuse("it is not a directory");
        }
        match GitDir::open(directory)?.and_then(|git| git.marker()) {
            Some(text) if text == marker(project, &run.task) => {}
            _ => return refuse("it does not bear this task's marker"),
        }
        let rescue = self.rescue(project, run, branch)?;
        let mirror = self.open_mirror(project)?;
        // The mirror is now the only copy: it must outlive a power failure too.
        let disk = fs::File::open(&mirror.path).at(&mirror.path)?;
        rustix::fs::syncfs(&disk).map_err(std::io::Error::from).at(&mirror.path)?;
        // Half a directory could be proven no more; so it gets another name first, which says that it may go.
        let going = going_name(directory, run);
        fs::rename(directory, &going).at(directory)?;
        remove_tree(&going)?;
        let index = mirror.path.join("aq/index").join(run.task.as_str());
        if index.exists() {
            fs::remove_file(&index).at(&index)?;
        }
        Ok(rescue)
    }
}

/// The name of a task's directory while it is removed. No task is called so: ids have no dot.
fn going_name(directory: &Path, run: &RunRef) -> PathBuf {
    directory.with_file_name(format!(".{}.going", run.task))
}
