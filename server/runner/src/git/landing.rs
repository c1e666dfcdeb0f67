//! Landing: a task's branch onto the default branch, planned in memory and finished by one compare-and-set (landing R1–R9, F-077..F-079).
//!
//! Spec: specs/server/runner/landing.md

use aq_core::ids::{ProjectId, RunRef, TaskId};
use aq_core::runner_link::{Conclusion, LandMode, WorkspaceOrder};
use git2::Oid;

use super::address::{Address, check_branch};
use super::attributes;
use super::changes::extent;
use super::checkout::{self, Forwarded};
use super::error::{GitError, While};
use super::facts::open_source;
use super::mirror::{Mirror, Ready};
use super::push::Pushed;
use super::record::Record;
use super::replay::{Replayed, contains, replay};
use super::rescue::Leavings;
use super::rooms::Rooms;

/// Most pushes for one landing, the first one included.
const ATTEMPTS: u32 = 3;

/// A landing that was thought through but not done.
#[derive(Clone, Debug)]
pub struct Landing {
    pub(super) project: ProjectId,
    pub(super) task: TaskId,
    pub(super) order: WorkspaceOrder,
    pub(super) default_branch: String,
    pub(super) target: Option<Oid>,
    pub(super) branch_tip: Oid,
    pub(super) candidate: Oid,
    pub(super) moved: bool,
    attempts: u32,
}

/// What planning found.
#[derive(Clone, Debug)]
pub enum Plan {
    /// There is nothing to finish: nothing changed, landed before, in conflict.
    Concluded(Conclusion),
    /// Verify again if [`Landing::moved_since_verified`], then finish it.
    Ready(Landing),
}

/// What finishing came to.
#[derive(Clone, Debug)]
pub enum Finish {
    /// It is over.
    Concluded(Conclusion),
    /// The default branch moved meanwhile, and the merged files are not those that were verified: verify this one, then finish it.
    Moved(Landing),
}

impl Landing {
    /// The tip of the default branch that this landing builds on, in hexadecimal; `None` while the remote is empty.
    #[must_use]
    pub fn tip(&self) -> Option<String> {
        self.target.map(|tip| tip.to_string())
    }

    /// The commit that the default branch will point to, in hexadecimal.
    #[must_use]
    pub fn candidate_commit(&self) -> String {
        self.candidate.to_string()
    }

    /// True when the files of the candidate differ from those the branch had when it was verified.
    #[must_use]
    pub fn moved_since_verified(&self) -> bool {
        self.moved
    }
}

enum Outcome {
    Done { pushed: bool },
    Raced(String),
    Over(Conclusion),
}

impl Rooms {
    /// Thinks a landing through: fetch, rebase in memory, compare with what was verified (the branch's own files). Changes nothing outside
    /// the mirror, except that a branch in conflict becomes visible in a linked checkout.
    ///
    /// # Errors
    /// When git failed; [`GitError::conclusion`] makes a conclusion of it.
    pub fn plan_landing(&self, project: &ProjectId, task: &TaskId, order: &WorkspaceOrder) -> Result<Plan, GitError> {
        check_branch(&order.branch)?;
        let Ready { mirror, address, default_branch, tip: target, stale } = self.ready(project, order)?;
        if let Some(error) = stale {
            return Err(error);
        }
        let branch = mirror.branch(&order.branch);
        if let Some(record) = Record::read(&mirror, task)
            && branch.is_none_or(|tip| tip == record.from)
            && let Some(target) = target
            && contains(&mirror.repo, target, record.tip)?
        {
            let pushed = pushes(&address)?;
            return self.landed(&mirror, &address, order, record, pushed).map(Plan::Concluded);
        }
        let branch_tip = branch.ok_or_else(|| GitError::Unknown { what: order.branch.clone() })?;
        let verified_tree = tree_of(&mirror, branch_tip)?;
        let candidate = match target {
            None => branch_tip,
            Some(target) => match replay(&mirror.repo, &self.inner.identity, &order.branch, branch_tip, target)? {
                Replayed::Clean(commit) if commit == target => return Ok(Plan::Concluded(Conclusion::NothingToDo)),
                Replayed::Clean(commit) if tree_of(&mirror, commit)? == tree_of(&mirror, target)? => {
                    return Ok(Plan::Concluded(Conclusion::NothingToDo));
                }
                Replayed::Clean(commit) => commit,
                Replayed::Conflict(files) => {
                    self.show(&mirror, &address, order, branch_tip);
                    return Ok(Plan::Concluded(Conclusion::MergeConflict { files }));
                }
            },
        };
        // A filter that landed would lock the project out: no later run could be prepared.
        match target {
            Some(target) => attributes::check_changes(&mirror.repo, target, candidate)?,
            None => attributes::check_tree(&mirror.repo, candidate)?,
        }
        let moved = tree_of(&mirror, candidate)? != verified_tree;
        let (project, task, order) = (project.clone(), task.clone(), order.clone());
        Ok(Plan::Ready(Landing { project, task, order, default_branch, target, branch_tip, candidate, moved, attempts: 0 }))
    }

    /// Moves the default branch to the landing's candidate. When someone else was quicker it plans again, up to three pushes in all; with
    /// `accept_moved` the new candidate is taken unverified, else it comes back as [`Finish::Moved`] when its files are new.
    ///
    /// # Errors
    /// When git failed; nothing is half-done then, and the landing may be planned again.
    pub fn finish_landing(&self, landing: Landing, accept_moved: bool) -> Result<Finish, GitError> {
        let mut landing = landing;
        loop {
            let mirror = self.open_mirror(&landing.project)?;
            let address = Address::of(&landing.order.source)?;
            landing.attempts += 1;
            let record = Record { from: landing.branch_tip, tip: landing.candidate, base: landing.target };
            record.write(&mirror, &landing.task)?;
            let message = match self.move_target(&mirror, &address, &landing)? {
                Outcome::Done { pushed } => {
                    mirror.set_origin(&landing.default_branch, landing.candidate)?;
                    return self.landed(&mirror, &address, &landing.order, record, pushed).map(Finish::Concluded);
                }
                Outcome::Over(conclusion) => {
                    self.show(&mirror, &address, &landing.order, landing.branch_tip);
                    return Ok(Finish::Concluded(conclusion));
                }
                Outcome::Raced(message) => message,
            };
            if landing.attempts >= ATTEMPTS {
                self.show(&mirror, &address, &landing.order, landing.branch_tip);
                return Ok(Finish::Concluded(Conclusion::PushFailed { message }));
            }
            let mut next = match self.plan_landing(&landing.project, &landing.task, &landing.order)? {
                Plan::Concluded(conclusion) => return Ok(Finish::Concluded(conclusion)),
                Plan::Ready(next) => next,
            };
            let verified = tree_of(&mirror, landing.candidate)?;
            next.attempts = landing.attempts;
            next.moved = tree_of(&mirror, next.candidate)? != verified;
            if next.moved && !accept_moved {
                return Ok(Finish::Moved(next));
            }
            landing = next;
        }
    }

    /// The whole landing at once, without verification in between; waits for the project's lane. A failure of git is an `Error` conclusion.
    #[must_use]
    pub fn land(&self, project: &ProjectId, task: &TaskId, order: &WorkspaceOrder, mode: LandMode) -> Conclusion {
        let _lane = self.lane(project);
        let landed = match mode {
            LandMode::KeepBranch => self.keep_branch(project, task, order),
            LandMode::Publish => self.publish(project, task, order),
            LandMode::Merge => self.plan_landing(project, task, order).and_then(|plan| match plan {
                Plan::Concluded(conclusion) => Ok(conclusion),
                Plan::Ready(landing) => self.finish_landing(landing, true).map(|finish| match finish {
                    Finish::Concluded(conclusion) => conclusion,
                    Finish::Moved(_) => Conclusion::Error { message: "the default branch keeps moving".to_owned() },
                }),
            }),
        };
        landed.unwrap_or_else(|error| error.conclusion())
    }

    /// Keeps the work on its branch: in the mirror, and visible in a linked checkout. Nothing is pushed (see [`Rooms::publish_branch`]).
    ///
    /// # Errors
    /// When the mirror has no such branch, or git failed.
    pub fn keep_branch(&self, project: &ProjectId, task: &TaskId, order: &WorkspaceOrder) -> Result<Conclusion, GitError> {
        check_branch(&order.branch)?;
        let mirror = self.open_mirror(project)?;
        let address = Address::of(&order.source)?;
        let tip = mirror.branch(&order.branch).ok_or_else(|| GitError::Unknown { what: order.branch.clone() })?;
        let base = mirror.target(&format!("refs/aq/base/{task}"));
        if base == Some(tip) {
            return Ok(Conclusion::NothingToDo);
        }
        self.show(&mirror, &address, order, tip);
        done(&mirror, base, tip, false)
    }

    /// Keeps the work on its branch and pushes that, for a pull request (F-080). A remote that refuses is a conclusion, not an error.
    ///
    /// # Errors
    /// As [`Rooms::keep_branch`].
    pub fn publish(&self, project: &ProjectId, task: &TaskId, order: &WorkspaceOrder) -> Result<Conclusion, GitError> {
        match self.keep_branch(project, task, order)? {
            Conclusion::Done { commit, files_changed, lines_changed, .. } => match self.publish_branch(project, order) {
                Ok(_) => Ok(Conclusion::Done { commit, files_changed, lines_changed, pushed: true }),
                Err(error @ (GitError::Command { .. } | GitError::TimedOut { .. })) => {
                    Ok(Conclusion::PushFailed { message: error.to_string() })
                }
                Err(error) => Err(error),
            },
            other => Ok(other),
        }
    }

    /// The work was merged elsewhere: the task's directory goes after its work is proven saved, and its branch goes here and at the remote, unless
    /// others changed it there. What it holds stays reachable under `refs/aq/merged/<task>`.
    ///
    /// # Errors
    /// When the mirror cannot be written, or the directory neither removed nor put aside.
    pub fn retire(&self, project: &ProjectId, run: &RunRef, order: &WorkspaceOrder) -> Result<(), GitError> {
        check_branch(&order.branch)?;
        self.remove_task_dir(project, run, &order.branch)?;
        let mirror = self.open_mirror(project)?;
        let address = Address::of(&order.source)?;
        let Some(tip) = mirror.branch(&order.branch) else { return Ok(()) };
        let merged = format!("refs/aq/merged/{}", run.task);
        if let Some(before) = mirror.target(&merged)
            && !contains(&mirror.repo, tip, before)?
        {
            // An earlier merge of the same task, on a branch of its own.
            self.anchor(&mirror, run, &Leavings { head: before, files: None, loose: &[], why: "an earlier merge elsewhere" })?;
        }
        mirror.set(&merged, tip)?;
        if let Err(error) = self.unpublish(&mirror, &address, &order.branch) {
            tracing::warn!(branch = %order.branch, %error, "the merged branch could not be deleted at the remote");
        }
        mirror.delete(&format!("refs/heads/{}", order.branch))
    }

    fn move_target(&self, mirror: &Mirror, address: &Address, landing: &Landing) -> Result<Outcome, GitError> {
        if pushes(address)? {
            return Ok(match self.push_forward(mirror, address, &landing.default_branch, landing.candidate)? {
                Pushed::Done => Outcome::Done { pushed: true },
                Pushed::Raced(message) => Outcome::Raced(message),
                Pushed::Refused(message) => Outcome::Over(Conclusion::PushFailed { message }),
            });
        }
        let (Address::Path(path), Some(old)) = (address, landing.target) else {
            return Err(GitError::Unknown { what: landing.default_branch.clone() });
        };
        Ok(match checkout::forward(&mirror.repo, path, &landing.default_branch, old, landing.candidate)? {
            Forwarded::Done => Outcome::Done { pushed: false },
            Forwarded::Raced => Outcome::Raced("the branch of the checkout keeps moving".to_owned()),
            Forwarded::Dirty(path) => Outcome::Over(Conclusion::TargetDirty { path }),
        })
    }

    /// The work is on the default branch: the task's branch goes, here and where we made it visible.
    fn landed(
        &self,
        mirror: &Mirror,
        address: &Address,
        order: &WorkspaceOrder,
        record: Record,
        pushed: bool,
    ) -> Result<Conclusion, GitError> {
        mirror.delete(&format!("refs/heads/{}", order.branch))?;
        let cleaned = match address {
            _ if pushed => self.unpublish(mirror, address, &order.branch),
            Address::Path(path) => checkout::hide_branch(path, &order.branch, record.from, record.tip),
            Address::Remote(_) => Ok(()),
        };
        if let Err(error) = cleaned {
            tracing::warn!(branch = %order.branch, %error, "the landed branch could not be deleted everywhere");
        }
        done(mirror, record.base, record.tip, pushed)
    }

    /// Lets the user see a branch that waits; failing at it changes no conclusion.
    fn show(&self, mirror: &Mirror, address: &Address, order: &WorkspaceOrder, tip: Oid) {
        let shown = match (pushes(address), address) {
            (Ok(false), Address::Path(path)) => checkout::show_branch(&mirror.repo, path, &order.branch, tip),
            (other, _) => other.map(drop),
        };
        if let Err(error) = shown {
            tracing::warn!(branch = %order.branch, %error, "the branch could not be made visible in the checkout");
        }
    }
}

/// True when landing pushes; false when the branch of a checkout is moved forward.
fn pushes(address: &Address) -> Result<bool, GitError> {
    match address {
        Address::Remote(_) => Ok(true),
        Address::Path(path) => Ok(open_source(path)?.is_bare()),
    }
}

/// The conclusion of work from `base` (nothing: the empty tree) to `tip`.
fn done(mirror: &Mirror, base: Option<Oid>, tip: Oid, pushed: bool) -> Result<Conclusion, GitError> {
    let (files_changed, lines_changed) = extent(&mirror.repo, base, tip)?;
    Ok(Conclusion::Done { commit: tip.to_string(), files_changed, lines_changed, pushed })
}

fn tree_of(mirror: &Mirror, commit: Oid) -> Result<Oid, GitError> {
    mirror.repo.find_commit(commit).map(|commit| commit.tree_id()).doing("reading a commit")
}
