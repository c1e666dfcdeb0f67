//! Reading and changing the references of a mirror. What its steps remember of them lives in `remembered`.
//!
//! The library reads all packed references, and keeps them as long as its handle lives, before it creates, deletes or lists one: 190 bytes for each of
//! some six per task. Finding one by its name, and setting one whose name cannot be in another's way, costs nothing of it. So what else changes is
//! left to the program, which looks up what it needs.
//!
//! Spec: specs/server/runner/workspaces.md

use std::sync::Arc;

use aq_core::ids::TaskId;
use git2::{ErrorClass, ErrorCode, Oid, Repository};

use super::error::{GitError, While};
use super::locks::{clear_of_the_dead, patiently_in};
use super::mirror::Mirror;
use super::remembered::Listed;

impl Mirror {
    pub(super) fn target(&self, name: &str) -> Option<Oid> {
        self.repo.find_reference(name).ok()?.resolve().ok()?.target()
    }

    pub(super) fn set(&self, name: &str, commit: Oid) -> Result<(), GitError> {
        if is_a_note(name) || self.repo.find_reference(name).is_ok() { self.put(name, commit) } else { self.create(name, commit) }
    }

    /// Sets the branch of a task.
    pub(super) fn set_branch(&self, task: &TaskId, branch: &str, commit: Oid) -> Result<(), GitError> {
        let name = format!("refs/heads/{branch}");
        let named_after_task = branch.strip_prefix(task.as_str()).is_some_and(|rest| rest.starts_with('/'));
        if named_after_task && self.branch(task.as_str()).is_none() { self.put(&name, commit) } else { self.set(&name, commit) }
    }

    fn put(&self, name: &str, commit: Oid) -> Result<(), GitError> {
        patiently_in(&self.path, || put(&self.repo, name, commit)).doing("writing a reference")
    }

    fn create(&self, name: &str, commit: Oid) -> Result<(), GitError> {
        match self.change(&format!("update {name}\0{commit}\0\0")) {
            Err(GitError::ProgramMissing { .. }) => {
                let create = || self.repo.reference(name, commit, true, "agent queue").map(drop);
                patiently_in(&self.path, create).doing("writing a reference")
            }
            other => other,
        }
    }

    pub(super) fn delete(&self, name: &str) -> Result<(), GitError> {
        self.delete_all([name.to_owned()])
    }

    /// Deletes those of these references that are there, all at once, since the file of packed references is written anew each time.
    pub(super) fn delete_all(&self, names: impl IntoIterator<Item = String>) -> Result<(), GitError> {
        let there: Vec<_> = names.into_iter().filter(|name| self.repo.find_reference(name).is_ok()).collect();
        if there.is_empty() {
            return Ok(());
        }
        match self.change(&there.iter().map(|name| format!("delete {name}\0\0")).collect::<String>()) {
            // What has landed is not to fail for want of a program that is only the faster way.
            Err(GitError::ProgramMissing { .. }) => there.iter().try_for_each(|name| {
                let delete = || self.repo.find_reference(name).map_or(Ok(()), |mut found| found.delete());
                patiently_in(&self.path, delete).doing("deleting a reference")
            }),
            other => other,
        }
    }

    /// Makes changes in the words of `git update-ref --stdin -z`, all or none. The program waits for locks of the living itself (git R12a).
    pub(super) fn change(&self, changes: &str) -> Result<(), GitError> {
        let change = || self.program.feed("update-ref", &self.path, &["--stdin", "-z"], changes).map(drop);
        change().or_else(|error| if clear_of_the_dead(&self.path) { change() } else { Err(error) })
    }

    /// All references whose names begin with `prefix`, which ends with a slash. This reads all packed ones.
    pub(super) fn listed(&self, prefix: &str) -> Result<Vec<Listed>, GitError> {
        let list = || {
            let mut found = Vec::new();
            for reference in self.repo.references_glob(&format!("{prefix}*"))? {
                let reference = reference?;
                if let Ok(name) = reference.name() {
                    found.push((name.to_owned(), reference.target()));
                }
            }
            Ok(found)
        };
        list().doing("listing references")
    }

    /// The tags of the source, as the last fetch brought them.
    pub(super) fn tags(&self) -> Result<Arc<Vec<Listed>>, GitError> {
        let mut tags = self.references.tags();
        if let Some(known) = &*tags {
            return Ok(Arc::clone(known));
        }
        let listed = Arc::new(self.listed("refs/tags/")?);
        *tags = Some(Arc::clone(&listed));
        Ok(listed)
    }
}

/// True for the notes of tasks, whose names we make ourselves: none is the beginning of another. Branches that were not named after their task, and what is
/// noted of them, have names that people choose: `a` is in the way of `a/b`.
fn is_a_note(name: &str) -> bool {
    name.starts_with("refs/aq/") && !name.starts_with("refs/aq/published/")
}

/// Sets a reference that is there, or whose name is not in the way of another. A transaction of the library reads no other references, and does not look at
/// what it is given.
fn put(repo: &Repository, name: &str, commit: Oid) -> Result<(), git2::Error> {
    if !git2::Reference::is_valid_name(name) {
        return Err(git2::Error::new(ErrorCode::InvalidSpec, ErrorClass::Reference, format!("`{name}` is no name of a reference")));
    }
    repo.odb()?.read_header(commit)?;
    let mut transaction = repo.transaction()?;
    transaction.lock_ref(name)?;
    transaction.set_target(name, commit, None, "agent queue")?;
    transaction.commit()
}
