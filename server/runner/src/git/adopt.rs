//! Taking a landing's candidate into the task's directory, so that it can be verified again before it lands (landing R6).
//!
//! Spec: specs/server/runner/landing.md

use aq_core::ids::{ProjectId, RunRef};
use aq_core::runner_link::WorkspaceOrder;

use super::address::is_real_directory;
use super::bench::Bench;
use super::collect::moving_name;
use super::error::{AtPath, GitError, While};
use super::landing::Landing;
use super::mirror::Mirror;
use super::rescue::Leavings;
use super::rooms::{Rooms, make_private};
use super::seat::Seat;

impl Rooms {
    /// Makes the landing's candidate the task's branch and the files of the task's directory. What lay there besides (leavings of the test
    /// commands) is rescued first. The returned landing counts as verified once the test commands have passed in the directory.
    ///
    /// # Errors
    /// When the files could not be saved or written; the branch is unchanged then.
    pub fn adopt_landing(&self, landing: Landing, run: &RunRef) -> Result<Landing, GitError> {
        let mut landing = landing;
        let mirror = self.open_mirror(&landing.project)?;
        let directory = self.task_directory(&landing.project, &run.task);
        let tree = |id| mirror.repo.find_commit(id).map(|commit| commit.tree_id()).doing("reading a commit");
        let (old, new) = (landing.branch_tip, landing.candidate);
        let loose = [(old, git2::ObjectType::Commit)];
        let mut leavings = Leavings { head: new, files: None, loose: &loose, why: "the branch before it was rebased for landing" };
        if is_real_directory(&directory) {
            let bench = Bench::open(&mirror.path, &directory, &run.task)?;
            let files = bench.snapshot(old, false)?;
            leavings.files = (files != tree(old)?).then_some(files);
            self.anchor(&mirror, run, &leavings)?;
            mirror.set(&moving_name(run), new)?;
            bench.move_to(tree(old)?, new, |_| true)?;
            self.show_candidate(&landing, run, &mirror, &bench)?;
        } else {
            self.anchor(&mirror, run, &leavings)?;
            mirror.set(&moving_name(run), new)?;
            make_private(&directory).at(&directory)?;
            let bench = Bench::open(&mirror.path, &directory, &run.task)?;
            bench.lay_out(new)?;
            self.show_candidate(&landing, run, &mirror, &bench)?;
        }
        mirror.set_branch(&run.task, &landing.order.branch, new)?;
        mirror.delete(&moving_name(run))?;
        landing.branch_tip = new;
        landing.moved = false;
        Ok(landing)
    }

    /// Finishes what a kill cut short: torn files would be checked, and taken for an agent's work later (git R13). Otherwise it does nothing.
    pub(super) fn finish_adopting(
        &self,
        project: &ProjectId,
        run: &RunRef,
        order: &WorkspaceOrder,
        mirror: &Mirror,
    ) -> Result<(), GitError> {
        let Some(new) = mirror.target(&moving_name(run)) else { return Ok(()) };
        let directory = self.task_directory(project, &run.task);
        if let Some(old) = mirror.branch(&order.branch)
            && is_real_directory(&directory)
        {
            let bench = Bench::open(&mirror.path, &directory, &run.task)?;
            let from = mirror.repo.find_commit(old).doing("reading the branch")?.tree_id();
            bench.move_to(from, new, |_| true)?;
            self.reseat(project, run, order, mirror, &bench, new)?;
            mirror.set_branch(&run.task, &order.branch, new)?;
        }
        mirror.delete(&moving_name(run))
    }

    fn show_candidate(&self, landing: &Landing, run: &RunRef, mirror: &Mirror, bench: &Bench) -> Result<(), GitError> {
        let seat = Seat {
            project: &landing.project,
            task: &run.task,
            branch: &landing.order.branch,
            tip: landing.candidate,
            default_branch: &landing.default_branch,
            base: landing.target.unwrap_or(landing.candidate),
            identity: &self.inner.identity,
        };
        let directory = self.task_directory(&landing.project, &run.task);
        seat.replace(self, mirror, bench, &directory)
    }
}
