//! The directory of a run: made from the mirror, or taken up again with everything that lies in it (workspaces R3–R5, F-063..F-069).
//!
//! Spec: specs/server/runner/workspaces.md

use std::fs;
use std::path::PathBuf;

use aq_core::ids::{ProjectId, RunRef};
use aq_core::runner_link::WorkspaceOrder;
use git2::Oid;

use super::address::check_branch;
use super::bench::Bench;
use super::clearing::clear;
use super::collect::{Branch, base_name, concluded_name, held_name, moving_name};
use super::error::{AtPath, GitError, While};
use super::mirror::{Mirror, Ready};
use super::replay::{Replayed, contains, replay};
use super::rescue::Leavings;
use super::rooms::{Rooms, make_private};
use super::seat::Seat;

/// A directory made ready for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Where the run works: absolute.
    pub directory: PathBuf,
    /// The commit of the default branch that the task's branch stands on, in hexadecimal.
    pub base_commit: String,
    /// The tip of the task's branch, in hexadecimal.
    pub tip: String,
    /// The branch that the work will land on.
    pub default_branch: String,
    /// True when the directory of an earlier run was taken up again.
    pub reused: bool,
    /// True when uncommitted work of an earlier run lies in the directory.
    pub dirty: bool,
    /// What a person should know: the mirror could not be refreshed, the branch conflicts with the default branch.
    pub warnings: Vec<String>,
}

struct Making<'a> {
    project: &'a ProjectId,
    run: &'a RunRef,
    order: &'a WorkspaceOrder,
    mirror: &'a Mirror,
    directory: PathBuf,
    default_branch: &'a str,
    /// The tip of the default branch, or the first commit of an empty repository.
    onto: Oid,
}

impl Rooms {
    /// Makes the run's directory ready. An earlier run's directory is kept with its uncommitted work; half-done merges and rebases are undone
    /// after everything is rescued; a clean branch is rebased when that brings no conflict. Repeating it gives the same.
    ///
    /// # Errors
    /// [`GitError::Refused`] when the repository cannot be used; others when git or the disk failed. Nothing of an agent is lost either way.
    pub fn prepare(&self, project: &ProjectId, run: &RunRef, order: &WorkspaceOrder) -> Result<Prepared, GitError> {
        check_branch(&order.branch)?;
        let Ready { mirror, default_branch, tip, stale, .. } = self.ready(project, order)?;
        if order.branch == default_branch {
            return Err(GitError::BranchName { branch: order.branch.clone(), why: "it is the default branch" });
        }
        let onto = tip.map_or_else(|| self.root_commit(&mirror.repo), Ok)?;
        let directory = self.task_directory(project, &run.task);
        self.forget_landing(&mirror, run, onto)?;
        mirror.delete_all((1..=run.number).map(|number| concluded_name(&RunRef { task: run.task.clone(), number })))?;
        let making = Making { project, run, order, mirror: &mirror, directory, default_branch: &default_branch, onto };
        let mut warnings: Vec<String> = stale
            .map(|error| format!("the repository could not be fetched, the work starts from what was known: {error}"))
            .into_iter()
            .collect();
        let there = fs::symlink_metadata(&making.directory);
        if there.as_ref().is_ok_and(|found| !found.is_dir()) {
            self.put_aside(&making.directory, &run.folder())?;
        }
        let (tip, reused, dirty) = if there.is_ok_and(|found| found.is_dir()) {
            self.take_up(&making, &mut warnings)?
        } else {
            (self.make(&making, &mut warnings)?, false, false)
        };
        let base = mirror.repo.merge_base(tip, onto).unwrap_or(onto);
        mirror.set(&base_name(run), base)?;
        mirror.set(&held_name(run), tip)?;
        Ok(Prepared {
            directory: making.directory,
            base_commit: base.to_string(),
            tip: tip.to_string(),
            default_branch,
            reused,
            dirty,
            warnings,
        })
    }

    /// A new directory: built beside its place and moved there whole.
    fn make(&self, making: &Making<'_>, warnings: &mut Vec<String>) -> Result<Oid, GitError> {
        let Making { project, run, order, mirror, onto, .. } = *making;
        let rooms = self.project_rooms(project);
        make_private(&rooms).at(&rooms)?;
        let new = rooms.join(format!(".new-{}", run.task));
        clear(&new)?;
        make_private(&new).at(&new)?;
        let start = mirror.branch(&order.branch).or_else(|| mirror.origin(&order.branch));
        let tip = match start {
            None => onto,
            Some(start) => self.rebased(making, start, warnings)?,
        };
        let bench = Bench::open(&mirror.path, &new, &run.task)?;
        bench.lay_out(tip)?;
        let git = new.join(".git");
        fs::create_dir(&git).at(&git)?;
        self.give_seat(making, tip, |seat| seat.write(self, mirror, &bench, &git))?;
        mirror.set_branch(&run.task, &order.branch, tip)?;
        fs::rename(&new, &making.directory).at(&making.directory)?;
        Ok(tip)
    }

    /// The directory of an earlier run: everything saved first, then a fresh `.git` around the files.
    fn take_up(&self, making: &Making<'_>, warnings: &mut Vec<String>) -> Result<(Oid, bool, bool), GitError> {
        let Making { project, run, order, mirror, .. } = *making;
        let bench = Bench::open(&mirror.path, &making.directory, &run.task)?;
        // Another step of the plan may have moved the branch on since this directory had it: then it is not set back (workspaces R5a).
        let before = mirror.branch(&order.branch);
        // A move of our own that a kill cut short is no other step's: it is finished below.
        let moving = moving_name(run);
        let interrupted = mirror.target(&moving);
        let ours = [mirror.target(&held_name(run)), interrupted];
        let elsewhere = before.is_some() && ours[0].is_some() && !ours.contains(&before);
        let follow = if elsewhere { Branch::Stays } else { Branch::FollowsTheDirectory };
        let saved = self
            .collect(project, run, &order.branch, mirror, follow)
            .and_then(|found| bench.snapshot(found.head, false).map(|files| (found, files)));
        let (found, files) = match saved {
            Ok(saved) => saved,
            Err(error) => {
                // What cannot be saved is not touched either: the whole directory goes aside, and the run starts from the saved branch.
                let place = self.put_aside(&making.directory, &run.folder())?;
                warnings.push(format!("the earlier directory could not be saved ({error}) and was moved to {}", place.display()));
                return Ok((self.make(making, warnings)?, false, false));
            }
        };
        if found.damaged {
            warnings.push("some objects of the earlier run could not be read".to_owned());
        }
        let head_tree = mirror.repo.find_commit(found.head).doing("reading the branch")?.tree_id();
        // A directory whose files were being moved when the server was killed holds torn files that nobody wrote: the move is finished first (git R13).
        let mut dirty = interrupted.is_none() && files != head_tree;
        if dirty {
            self.anchor(mirror, run, &Leavings { head: found.head, files: Some(files), loose: &[], why: "uncommitted work" })?;
        }
        if let Some(left) = &found.unfinished {
            warnings
                .push(format!("a half-done {} of the earlier run was undone; its state is kept under a rescue reference", left.operation));
            bench.move_to(files, found.head, |path| left.tracked.contains(path))?;
            dirty = bench.snapshot(found.head, false)? != head_tree;
        }
        let ahead = match before.filter(|_| elsewhere) {
            Some(ahead) if !contains(&mirror.repo, found.head, ahead)? => Some(ahead),
            _ => None,
        };
        let joined = match ahead {
            Some(ahead) if !dirty && interrupted.is_none() => self.joined(making, &bench, found.head, ahead)?,
            _ => None,
        };
        if ahead.is_some() && joined.is_none() {
            let place = self.put_aside(&making.directory, &run.folder())?;
            warnings.push(format!(
                "other steps of the plan moved the branch on, and what this one left does not fit onto it; it was moved to {}",
                place.display()
            ));
            return Ok((self.make(making, warnings)?, false, false));
        }
        let mut tip = found.head;
        if !dirty {
            let moved = match interrupted.or(joined) {
                Some(moved) => moved,
                None => self.rebased(making, found.head, warnings)?,
            };
            if moved != found.head && (interrupted.or(joined).is_some() || !bench.would_collide(found.head, moved)?) {
                mirror.set(&moving, moved)?;
                bench.move_to(head_tree, moved, |_| true)?;
                tip = moved;
            }
        }
        mirror.set_branch(&run.task, &order.branch, tip)?;
        self.give_seat(making, tip, |seat| seat.replace(self, mirror, &bench, &making.directory))?;
        mirror.delete(&moving)?;
        Ok((tip, true, dirty))
    }

    /// The directory's commits on top of the branch that went on without them; `None` when they conflict, or when a file is in the way.
    fn joined(&self, making: &Making<'_>, bench: &Bench, head: Oid, ahead: Oid) -> Result<Option<Oid>, GitError> {
        let Making { order, mirror, .. } = *making;
        Ok(match replay(&mirror.repo, &self.inner.identity, &order.branch, head, ahead)? {
            Replayed::Clean(new) if !bench.would_collide(head, new)? => Some(new),
            Replayed::Clean(_) | Replayed::Conflict(_) => None,
        })
    }

    /// The branch moved onto the default branch when that brings no conflict, else as it is. The old tip stays reachable.
    fn rebased(&self, making: &Making<'_>, start: Oid, warnings: &mut Vec<String>) -> Result<Oid, GitError> {
        let Making { run, order, mirror, onto, .. } = *making;
        match replay(&mirror.repo, &self.inner.identity, &order.branch, start, onto)? {
            Replayed::Clean(new) => {
                if !contains(&mirror.repo, new, start)? {
                    let loose = [(start, git2::ObjectType::Commit)];
                    self.anchor(mirror, run, &Leavings { head: new, files: None, loose: &loose, why: "the branch before it was rebased" })?;
                }
                Ok(new)
            }
            Replayed::Conflict(files) => {
                warnings.push(format!("the branch conflicts with {} in {}; it was left as it is", making.default_branch, files.join(", ")));
                Ok(start)
            }
        }
    }

    fn give_seat(&self, making: &Making<'_>, tip: Oid, write: impl FnOnce(&Seat<'_>) -> Result<(), GitError>) -> Result<(), GitError> {
        let Making { project, run, order, mirror, default_branch, onto, .. } = *making;
        let base = mirror.repo.merge_base(tip, onto).unwrap_or(onto);
        let identity = &self.inner.identity;
        write(&Seat { project, task: &run.task, branch: &order.branch, tip, default_branch, base, identity })
    }
}
