//! Putting a task's directory back to where its branch stands, after a run that was only to look (workspaces R10, F-084).
//!
//! What such a run changed is saved under a rescue reference first, like everything that leaves a directory.
//!
//! Spec: specs/server/runner/workspaces.md

use aq_core::ids::{ProjectId, RunRef};
use aq_core::runner_link::WorkspaceOrder;
use git2::Oid;

use super::address::{check_branch, is_real_directory};
use super::bench::Bench;
use super::collect::{Branch, concluded_name, held_name};
use super::error::{GitError, While};
use super::mirror::Mirror;
use super::replay::contains;
use super::rescue::Leavings;
use super::rooms::Rooms;

impl Rooms {
    /// Makes the directory of the task stand where its branch stands in the mirror, whatever lies in it. Uncommitted changes, commits of its own and
    /// half-done operations are rescued before. A directory that cannot be saved is moved to the quarantine whole. Returns the tip of the branch in
    /// hexadecimal; `None` while there is no branch. Repeating it changes nothing.
    ///
    /// # Errors
    /// When the mirror cannot be read or written, or the directory neither put back nor moved.
    pub fn put_back(&self, project: &ProjectId, run: &RunRef, order: &WorkspaceOrder) -> Result<Option<String>, GitError> {
        check_branch(&order.branch)?;
        if !self.mirror_directory(project).exists() {
            return Ok(None);
        }
        let mirror = self.open_mirror(project)?;
        let Some(tip) = mirror.branch(&order.branch) else { return Ok(None) };
        let directory = self.task_directory(project, &run.task);
        if is_real_directory(&directory)
            && let Err(error) = self.stand_at(project, run, order, &mirror, tip)
        {
            let place = self.put_aside(&directory, &run.folder())?;
            tracing::warn!(task = %run.task, %error, place = %place.display(), "what a reviewer left could not be saved; its directory was moved");
        }
        Ok(Some(tip.to_string()))
    }

    /// The conclusion of a run that only looked: the directory is put back, and from here on what lies in it is not taken for work of the run.
    /// Returns the tip of the branch in hexadecimal.
    ///
    /// # Errors
    /// As [`Rooms::put_back`]; [`GitError::Unknown`] when there is no branch.
    pub fn settle_review(&self, project: &ProjectId, run: &RunRef, order: &WorkspaceOrder) -> Result<String, GitError> {
        let mirror = self.open_mirror(project)?;
        if let Some(concluded) = mirror.target(&concluded_name(run)) {
            self.finish_adopting(project, run, order, &mirror)?;
            return Ok(mirror.branch(&order.branch).unwrap_or(concluded).to_string());
        }
        let tip = self.put_back(project, run, order)?.ok_or_else(|| GitError::Unknown { what: order.branch.clone() })?;
        let id = Oid::from_str(&tip).doing("reading the branch")?;
        mirror.set(&concluded_name(run), id)?;
        mirror.set(&held_name(run), id)?;
        Ok(tip)
    }

    fn stand_at(&self, project: &ProjectId, run: &RunRef, order: &WorkspaceOrder, mirror: &Mirror, tip: Oid) -> Result<(), GitError> {
        let directory = self.task_directory(project, &run.task);
        let found = self.collect(project, run, &order.branch, mirror, Branch::Stays)?;
        let bench = Bench::open(&mirror.path, &directory, &run.task)?;
        let files = bench.snapshot(found.head, false)?;
        let head_tree = mirror.repo.find_commit(found.head).doing("reading the branch")?.tree_id();
        let strays = !contains(&mirror.repo, tip, found.head)?;
        if files == head_tree && found.head == tip && found.unfinished.is_none() {
            return Ok(());
        }
        if strays || files != head_tree || found.unfinished.is_some() {
            let why = "what a reviewer left behind";
            self.anchor(mirror, run, &Leavings { head: found.head, files: Some(files), loose: &[], why })?;
        }
        bench.move_to(files, tip, |_| true)?;
        mirror.set(&held_name(run), tip)?;
        self.reseat(project, run, order, mirror, &bench, tip)
    }
}
