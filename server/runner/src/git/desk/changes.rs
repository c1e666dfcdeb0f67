//! What differs: a task's work against the commit that its branch stands on, or one commit against another (desk R3, F-115, D-46).
//!
//! Spec: specs/server/runner/desk.md

use aq_core::git_link::{Changes, ChangesFrom, Comparison, GitPlace};
use aq_core::ids::TaskId;
use git2::{Diff, DiffFindOptions, Oid};

use super::Desk;
use super::checkouts::{against, bench, hex, told};
use super::looks::resolve;
use crate::git::address::is_real_directory;
use crate::git::changes::print;
use crate::git::error::{GitError, While};
use crate::git::mirror::{Mirror, Ready};
use crate::git::record::Record;
use crate::git::survey::survey;

impl Desk {
    pub(super) fn compare(&self, place: &GitPlace, what: &Comparison, longest: usize) -> Result<Changes, GitError> {
        match what {
            Comparison::Between { base, head } => {
                let Ready { mirror, default_branch, .. } = self.ready(place, false)?;
                let base = resolve(&mirror, if base.is_empty() { &default_branch } else { base })?;
                let head = resolve(&mirror, head)?;
                let base = mirror.repo.merge_base(base, head).unwrap_or(base);
                between(&mirror, ChangesFrom::Branch, Some(base), head, longest)
            }
            Comparison::Task { task, branch, live } => {
                // No network and no refresh: what a task did is in our own mirror and directory.
                let mirror = self.rooms.open_mirror(&place.project).map_err(|_| GitError::Unknown { what: branch.clone() })?;
                if *live && let Some(changes) = self.in_directory(place, &mirror, task, longest)? {
                    return Ok(changes);
                }
                of_task(&mirror, task, branch, longest)
            }
        }
    }

    /// The files that the agent works on; `None` when there are none that can be read safely.
    fn in_directory(&self, place: &GitPlace, mirror: &Mirror, task: &TaskId, longest: usize) -> Result<Option<Changes>, GitError> {
        let directory = self.rooms.task_directory(&place.project, task);
        let Some(base) = mirror.target(&format!("refs/aq/base/{task}")) else { return Ok(None) };
        if !is_real_directory(&directory) || survey(&directory).is_err() {
            return Ok(None);
        }
        let repo = bench(&mirror.path, &directory)?;
        let mut diff = against(&repo, base)?;
        moves(&mut diff)?;
        let (text, cut) = print(&diff, longest)?;
        let files = told(&diff);
        Ok(Some(Changes { from: ChangesFrom::Directory, base: base.to_string(), head: String::new(), files, text, cut }))
    }
}

fn of_task(mirror: &Mirror, task: &TaskId, branch: &str, longest: usize) -> Result<Changes, GitError> {
    if let Some(tip) = mirror.branch(branch) {
        let base = mirror.target(&format!("refs/aq/base/{task}"));
        let base = base.map(|base| mirror.repo.merge_base(base, tip).unwrap_or(base));
        return between(mirror, ChangesFrom::Branch, base, tip, longest);
    }
    match Record::read(mirror, task) {
        Some(record) => between(mirror, ChangesFrom::Landed, record.base, record.tip, longest),
        None => Err(GitError::Unknown { what: branch.to_owned() }),
    }
}

fn between(mirror: &Mirror, from: ChangesFrom, base: Option<Oid>, head: Oid, longest: usize) -> Result<Changes, GitError> {
    let repo = &mirror.repo;
    let tree = |id| repo.find_commit(id).and_then(|commit| commit.tree()).doing("reading a commit");
    let old = base.map(tree).transpose()?;
    let mut diff = repo.diff_tree_to_tree(old.as_ref(), Some(&tree(head)?), None).doing("comparing commits")?;
    moves(&mut diff)?;
    let (text, cut) = print(&diff, longest)?;
    Ok(Changes { from, base: hex(base), head: head.to_string(), files: told(&diff), text, cut })
}

fn moves(diff: &mut Diff<'_>) -> Result<(), GitError> {
    diff.find_similar(Some(DiffFindOptions::new().renames(true))).doing("comparing files")
}
