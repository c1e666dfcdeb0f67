//! Landing in the user's own checkout: its branch is only moved forward, and its files only when none of the user's work is in the way
//! (landing R5, D-38).
//!
//! Spec: specs/server/runner/landing.md

use std::path::Path;

use git2::build::CheckoutBuilder;
use git2::{ErrorCode, Oid, Repository, RepositoryState, StatusOptions};

use super::error::{GitError, While};
use super::facts::open_source;
use super::locks::patiently;
use super::objects;
use super::replay::contains;

/// What became of the user's branch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Forwarded {
    Done,
    /// The branch moved meanwhile.
    Raced,
    /// It is checked out with uncommitted changes; the path of that checkout.
    Dirty(String),
}

/// Moves `branch` of the checkout at `path` from `old` to `new`.
pub(super) fn forward(mirror: &Repository, path: &Path, branch: &str, old: Oid, new: Oid) -> Result<Forwarded, GitError> {
    let user = open_source(path)?;
    let name = format!("refs/heads/{branch}");
    objects::send(mirror, &user, new, Some(old))?;
    let mut transaction = user.transaction().doing("locking the branch")?;
    match transaction.lock_ref(&name) {
        Err(error) if error.code() == ErrorCode::Locked => return Ok(Forwarded::Raced),
        other => other.doing("locking the branch")?,
    }
    if user.find_reference(&name).ok().and_then(|found| found.target()) != Some(old) {
        return Ok(Forwarded::Raced);
    }
    for tree in holders(&user, &name)? {
        if !update_files(&tree, old, new)? {
            let shown = tree.workdir().unwrap_or(path).display().to_string();
            return Ok(Forwarded::Dirty(if shown.len() > 1 { shown.trim_end_matches('/').to_owned() } else { shown }));
        }
    }
    transaction.set_target(&name, new, None, "agent queue: fast-forward").doing("moving the branch")?;
    transaction.commit().doing("moving the branch")?;
    Ok(Forwarded::Done)
}

/// Makes the task's branch visible in the user's repository, when landing has to wait for a person. A branch of that name that holds
/// commits of the user is left alone.
pub(super) fn show_branch(mirror: &Repository, path: &Path, branch: &str, tip: Oid) -> Result<(), GitError> {
    let user = open_source(path)?;
    let name = format!("refs/heads/{branch}");
    let there = user.find_reference(&name).ok().and_then(|found| found.target());
    if there == Some(tip) {
        return Ok(());
    }
    objects::send(mirror, &user, tip, None)?;
    let ours = there.is_none_or(|there| mirror.find_commit(there).is_ok());
    if ours && holders(&user, &name)?.is_empty() {
        let show = || user.reference(&name, tip, true, "agent queue: the task's branch").map(drop);
        patiently(show).doing("making the branch visible")?;
    }
    Ok(())
}

/// Deletes the branch that [`show_branch`] made, once its work has landed in `landed`.
pub(super) fn hide_branch(path: &Path, branch: &str, from: Oid, landed: Oid) -> Result<(), GitError> {
    let user = open_source(path)?;
    let name = format!("refs/heads/{branch}");
    let Some(tip) = user.find_reference(&name).ok().and_then(|found| found.target()) else { return Ok(()) };
    let done = tip == from || contains(&user, landed, tip)?;
    if done && holders(&user, &name)?.is_empty() {
        // A branch that has moved since is the user's.
        let hide = || match user.find_reference(&name) {
            Ok(mut found) if found.target() == Some(tip) => found.delete(),
            _ => Ok(()),
        };
        patiently(hide).doing("deleting the landed branch")?;
    }
    Ok(())
}

/// The working trees of the repository that have the branch checked out.
pub(super) fn holders(user: &Repository, name: &str) -> Result<Vec<Repository>, GitError> {
    let mut found = Vec::new();
    let holds = |tree: &Repository| {
        let head = tree.find_reference("HEAD").ok();
        !tree.is_bare() && head.is_some_and(|head| head.symbolic_target().ok().flatten() == Some(name))
    };
    let main = Repository::open(user.commondir()).doing("opening the checkout")?;
    if holds(&main) {
        found.push(main);
    }
    for tree in user.worktrees().doing("listing the checkout's working trees")?.iter().flatten().flatten() {
        let tree = user.find_worktree(tree).doing("opening a working tree")?;
        // A working tree whose directory is gone cannot be disturbed.
        if let Ok(tree) = Repository::open(tree.path())
            && holds(&tree)
        {
            found.push(tree);
        }
    }
    Ok(found)
}

/// Brings the files of a working tree from `old` to `new`; false when the user's work is in the way, and then nothing was touched.
fn update_files(tree: &Repository, old: Oid, new: Oid) -> Result<bool, GitError> {
    let locked = tree.path().join("index.lock").exists();
    if locked || tree.state() != RepositoryState::Clean {
        return Ok(false);
    }
    let target = tree.find_commit(new).doing("reading the commit")?;
    if is_dirty(tree)? {
        // Files that are already those of the new commit: an earlier attempt ended between the files and the branch.
        let mut index = tree.index().doing("reading the index")?;
        let staged = index.write_tree().doing("reading the index")?;
        return Ok(staged == target.tree_id() && !files_differ_from_index(tree)? && old != new);
    }
    let mut options = CheckoutBuilder::new();
    options.safe().overwrite_ignored(false);
    match tree.checkout_tree(target.as_object(), Some(&mut options)) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.code(), ErrorCode::Conflict | ErrorCode::Locked) => Ok(false),
        Err(error) => Err(error).doing("updating the files of the checkout"),
    }
}

/// True when tracked files have changes.
pub(super) fn is_dirty(tree: &Repository) -> Result<bool, GitError> {
    let mut options = StatusOptions::new();
    options.include_untracked(false).include_ignored(false).exclude_submodules(true);
    Ok(!tree.statuses(Some(&mut options)).doing("looking at the checkout")?.is_empty())
}

fn files_differ_from_index(tree: &Repository) -> Result<bool, GitError> {
    let diff = tree.diff_index_to_workdir(None, None).doing("looking at the checkout")?;
    Ok(diff.deltas().len() > 0)
}
