//! What was landed, written before the default branch moves: the memory that makes landing repeatable (landing R7).
//!
//! Spec: specs/server/runner/landing.md

use aq_core::ids::TaskId;
use git2::Oid;

use super::error::GitError;
use super::mirror::Mirror;
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
    /// A task that begins a new branch has landed nothing yet.
    pub(super) fn forget_landing(&self, mirror: &Mirror, task: &TaskId) -> Result<(), GitError> {
        ["from", "tip", "base"].iter().try_for_each(|part| mirror.delete(&name(task, part)))
    }
}
