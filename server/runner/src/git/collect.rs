//! Bringing an agent's work into the mirror: its commits, what it left uncommitted, and whatever else lies in its directory.
//!
//! Spec: specs/server/runner/git.md

use std::fs;
use std::path::Path;

use aq_core::ids::{ProjectId, RunRef};
use aq_core::runner_link::WorkspaceOrder;
use git2::{ObjectType, Oid};

use super::address::{check_branch, is_real_directory};
use super::bench::Bench;
use super::error::{AtPath, GitError, While};
use super::gitdir::{GitDir, Unfinished};
use super::mirror::Mirror;
use super::objects::{self, Taken};
use super::record::Record;
use super::replay::contains;
use super::rescue::Leavings;
use super::rooms::{Rooms, make_private};
use super::seat::Seat;
use super::survey::survey;

/// What [`Rooms::commit_left_over`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOver {
    /// The tip of the task's branch in the mirror, in hexadecimal.
    pub tip: String,
    /// The commit made of what was left uncommitted; `None` when nothing was.
    pub commit: Option<String>,
}

/// What collecting does to the task's branch in the mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    /// The directory is where the branch lives now: the branch becomes what the agent worked on.
    FollowsTheDirectory,
    /// The branch may have moved on (landed, or taken up by the next step of a chain).
    Stays,
}

/// A run's directory whose work is in the mirror.
pub(super) struct Collected {
    /// The commit that counts as the agent's work.
    pub(super) head: Oid,
    /// The second parent of a merge that only waits for its commit.
    pub(super) merging: Option<Oid>,
    pub(super) unfinished: Option<Unfinished>,
    /// True when not every object of the directory could be saved.
    pub(super) damaged: bool,
    /// True when the directory holds repositories of its own, whose contents are not saved.
    pub(super) nested: bool,
}

impl Rooms {
    /// Commits what the agent left uncommitted, and brings all its work into the mirror under the task's branch (F-077). Ignored files and
    /// plan files are left out; submodules are left alone; no hook or filter runs; the author is ours. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`GitError::HalfDone`] when the agent left a merge or rebase with unresolved conflicts (everything is rescued first).
    pub fn commit_left_over(&self, project: &ProjectId, run: &RunRef, order: &WorkspaceOrder, title: &str) -> Result<LeftOver, GitError> {
        let mirror = self.open_mirror(project)?;
        let directory = self.task_directory(project, &run.task);
        let concluded = mirror.target(&concluded_name(run));
        if concluded.is_some() || !is_real_directory(&directory) {
            self.finish_adopting(project, run, order, &mirror)?;
            let tip = mirror.branch(&order.branch).or(concluded).ok_or_else(|| GitError::Unknown { what: order.branch.clone() })?;
            return Ok(LeftOver { tip: tip.to_string(), commit: None });
        }
        let left_over = self.commit_directory(project, run, order, title, &mirror)?;
        // From here on the run's work is settled: what test commands leave in the directory is not taken for it.
        let tip = mirror.branch(&order.branch).ok_or_else(|| GitError::Unknown { what: order.branch.clone() })?;
        mirror.set(&concluded_name(run), tip)?;
        mirror.set(&held_name(run), tip)?;
        Ok(left_over)
    }

    fn commit_directory(
        &self,
        project: &ProjectId,
        run: &RunRef,
        order: &WorkspaceOrder,
        title: &str,
        mirror: &Mirror,
    ) -> Result<LeftOver, GitError> {
        let directory = self.task_directory(project, &run.task);
        let found = self.collect(project, run, &order.branch, mirror, Branch::FollowsTheDirectory)?;
        let bench = Bench::open(&mirror.path, &directory, &run.task)?;
        if let Some(left) = found.unfinished.as_ref().filter(|left| !left.files.is_empty() || left.is_elsewhere()) {
            let files_now = bench.snapshot(found.head, false)?;
            let leavings = Leavings { head: found.head, files: Some(files_now), loose: &[], why: "an operation was left unfinished" };
            self.anchor(mirror, run, &leavings)?;
            let Unfinished { operation, files, tracked } = left;
            if !files.is_empty() {
                return Err(GitError::HalfDone { operation, files: files.clone() });
            }
            bench.move_to(files_now, found.head, |path| tracked.contains(path))?;
            self.reseat(project, run, order, mirror, &bench, found.head)?;
        }
        let tree = bench.snapshot(found.head, true)?;
        let parent = mirror.repo.find_commit(found.head).doing("reading the branch")?;
        if tree == parent.tree_id() && found.merging.is_none() {
            return Ok(LeftOver { tip: found.head.to_string(), commit: None });
        }
        let author = self.inner.identity.at((self.inner.clock)())?;
        let text = format!("agent: {}\n\nTask-Id: {}\n", one_line(title), run.task);
        let tree = mirror.repo.find_tree(tree).doing("committing")?;
        let mut parents = vec![parent];
        if let Some(merging) = found.merging {
            parents.push(mirror.repo.find_commit(merging).doing("committing")?);
        }
        let commit = mirror.repo.commit(None, &author, &author, &text, &tree, &parents.iter().collect::<Vec<_>>()).doing("committing")?;
        // Noted first: a kill between the two must not make our own commit look like another step's (workspaces R5a).
        mirror.set(&held_name(run), commit)?;
        mirror.set_branch(&run.task, &order.branch, commit)?;
        // The directory shows the commit too, for the test commands and for people who look.
        self.reseat(project, run, order, mirror, &bench, commit)?;
        Ok(LeftOver { tip: commit.to_string(), commit: Some(commit.to_string()) })
    }

    /// Gives the directory a fresh `.git` that stands at `tip`.
    pub(super) fn reseat(
        &self,
        project: &ProjectId,
        run: &RunRef,
        order: &WorkspaceOrder,
        mirror: &Mirror,
        bench: &Bench,
        tip: Oid,
    ) -> Result<(), GitError> {
        let base = mirror.target(&base_name(run)).unwrap_or(tip);
        let noted = mirror.noted_default();
        let default_branch = if order.default_branch.is_empty() { noted.as_deref().unwrap_or("main") } else { &order.default_branch };
        let identity = &self.inner.identity;
        let seat = Seat { project, task: &run.task, branch: &order.branch, tip, default_branch, base, identity };
        seat.replace(self, mirror, bench, &self.task_directory(project, &run.task))
    }

    /// Saves the directory's commits and loose objects in the mirror. Changes nothing in the directory, except that a `.git` that is not safe
    /// to read is moved to the quarantine.
    pub(super) fn collect(
        &self,
        project: &ProjectId,
        run: &RunRef,
        branch: &str,
        mirror: &Mirror,
        follow: Branch,
    ) -> Result<Collected, GitError> {
        check_branch(branch)?;
        let directory = self.task_directory(project, &run.task);
        let nested = !survey(&directory)?.nested.is_empty();
        let git = match GitDir::open(&directory) {
            Ok(git) => git,
            Err(GitError::Unsafe { path, why }) => {
                tracing::warn!(task = %run.task, run = run.number, path = %path.display(), why, "the run's git directory is put aside");
                self.put_aside(&directory.join(".git"), &format!("{}.git", run.folder()))?;
                None
            }
            Err(other) => return Err(other),
        };
        let taken = match &git {
            Some(git) if is_real_directory(&git.objects()) => objects::take(&mirror.repo, &git.objects())?,
            _ => Taken::default(),
        };
        let known = mirror.branch(branch).or_else(|| mirror.target(&base_name(run)));
        let usable = |id: &Oid| !taken.broken.contains(id) && mirror.repo.find_commit(*id).is_ok();
        let work = git.as_ref().and_then(GitDir::work).filter(usable);
        let head = work.or(known).ok_or_else(|| GitError::Unknown { what: branch.to_owned() })?;
        let mut loose: Vec<(Oid, ObjectType)> = taken.roots.iter().copied().filter(|(id, _)| *id != head).collect();
        match follow {
            Branch::FollowsTheDirectory => {
                if let Some(known) = mirror.branch(branch)
                    && !contains(&mirror.repo, head, known)?
                {
                    loose.push((known, ObjectType::Commit));
                }
            }
            Branch::Stays => {
                if !self.keeps(mirror, run, branch, head)? {
                    loose.push((head, ObjectType::Commit));
                }
            }
        }
        if !loose.is_empty() {
            self.anchor(mirror, run, &Leavings { head, files: None, loose: &loose, why: "objects outside the branch" })?;
        }
        if follow == Branch::FollowsTheDirectory {
            mirror.set_branch(&run.task, branch, head)?;
        }
        let unfinished = git.as_ref().and_then(GitDir::unfinished);
        let merging = unfinished.as_ref().filter(|left| left.operation == "merge").and(git.as_ref()).and_then(GitDir::merge_head);
        Ok(Collected { head, merging: merging.filter(usable), unfinished, damaged: taken.damaged, nested })
    }

    /// True when the mirror keeps `head` by itself: on the branch, in a landing, or in the source.
    fn keeps(&self, mirror: &Mirror, run: &RunRef, branch: &str, head: Oid) -> Result<bool, GitError> {
        let landed = Record::read(mirror, &run.task).map(|record| record.from);
        for tip in [mirror.branch(branch), landed, mirror.target(&base_name(run))].into_iter().flatten() {
            if contains(&mirror.repo, tip, head)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Moves something that we do not dare to read or remove into the quarantine.
    pub(super) fn put_aside(&self, path: &Path, name: &str) -> Result<std::path::PathBuf, GitError> {
        let place = self.quarantine_place(name);
        let parent = place.parent().unwrap_or(&place);
        make_private(parent).at(parent)?;
        fs::rename(path, &place).at(path)?;
        Ok(place)
    }
}

/// Where the tip is noted that a run was concluded with.
pub(super) fn concluded_name(run: &RunRef) -> String {
    format!("refs/aq/concluded/{}/{}", run.task, run.number)
}

/// Where the commit is noted that the task's branch started from.
pub(super) fn base_name(run: &RunRef) -> String {
    format!("refs/aq/base/{}", run.task)
}

/// Where the tip is noted that this task last gave its branch: a branch that stands elsewhere was moved on by another step of its plan.
pub(super) fn held_name(run: &RunRef) -> String {
    format!("refs/aq/held/{}", run.task)
}

/// Where the tip is noted onto which the directory's files are being brought: a note that is left shows that a kill cut this short (git R13).
pub(super) fn moving_name(run: &RunRef) -> String {
    format!("refs/aq/moving/{}", run.task)
}

fn one_line(title: &str) -> String {
    let words: Vec<&str> = title.split(|c: char| c.is_control()).flat_map(str::split_whitespace).collect();
    if words.is_empty() { "work".to_owned() } else { words.join(" ") }
}
