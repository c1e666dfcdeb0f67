//! What was landed, written before the default branch moves: the memory that makes landing repeatable (landing R7).
//!
//! Spec: specs/server/runner/landing.md

use aq_core::ids::{RunRef, TaskId};
use git2::{ObjectType, Oid};

use super::error::GitError;
use super::mirror::Mirror;
use super::replay::contains;
use super::rescue::Leavings;
use super::rooms::Rooms;

/// One landing, meant or done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The branch's tip that was landed.
    pub(super) from: Oid,
    /// The commit that the default branch was moved to.
    pub(super) tip: Oid,
    /// The commit that the default branch was moved from; none when there was no commit.
    pub(super) base: Option<Oid>,
}

fn name(task: &TaskId, part: &str) -> String {
    format!("refs/aq/landed/{task}/{part}")
}

impl Record {
    pub(super) fn read(mirror: &Mirror, task: &TaskId) -> Option<Self> {
        let part = |part| mirror.target(&name(task, part));
        Some(Self { from: part("from")?, tip: part("tip")?, base: part("base") })
    }

    pub(super) fn write(&self, mirror: &Mirror, task: &TaskId) -> Result<(), GitError> {
        // `from` goes first and comes last: a record is only read when it is whole.
        mirror.delete(&name(task, "from"))?;
        match self.base {
            Some(base) => mirror.set(&name(task, "base"), base)?,
            None => mirror.delete(&name(task, "base"))?,
        }
        mirror.set(&name(task, "tip"), self.tip)?;
        mirror.set(&name(task, "from"), self.from)
    }
}

impl Rooms {
    /// A new run has landed nothing yet. The commits of an earlier landing that were rebased on the way stay reachable.
    pub(super) fn forget_landing(&self, mirror: &Mirror, run: &RunRef, onto: Oid) -> Result<(), GitError> {
        let Some(record) = Record::read(mirror, &run.task) else { return Ok(()) };
        if !contains(&mirror.repo, onto, record.from)? {
            let loose = [(record.from, ObjectType::Commit)];
            self.anchor(mirror, run, &Leavings { head: record.tip, files: None, loose: &loose, why: "an earlier landing" })?;
        }
        mirror.delete_all(["from", "tip", "base"].map(|part| name(&run.task, part)))
    }
}
