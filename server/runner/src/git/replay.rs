//! Rebasing and merging in memory, in our repository: no working tree, no hooks, no half-done state (landing R3).
//!
//! Spec: specs/server/runner/landing.md

use git2::{Commit, Index, MergeOptions, Oid, Repository, Sort};

use super::author::Identity;
use super::error::{GitError, While};

/// What became of a branch that was moved onto another commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Replayed {
    /// The new tip.
    Clean(Oid),
    /// The files in conflict.
    Conflict(Vec<String>),
}

/// The branch `tip` moved onto `onto`: as it is when it already contains `onto`; commit by commit; else as one merge commit. The result
/// depends on the arguments alone, so repeating it after a crash gives the same commit.
pub(super) fn replay(repo: &Repository, identity: &Identity, branch: &str, tip: Oid, onto: Oid) -> Result<Replayed, GitError> {
    if contains(repo, tip, onto)? {
        return Ok(Replayed::Clean(tip));
    }
    if contains(repo, onto, tip)? {
        return Ok(Replayed::Clean(onto));
    }
    if let Some(commits) = linear(repo, tip, onto)?
        && let Some(new) = pick_all(repo, identity, &commits, onto)?
    {
        return Ok(Replayed::Clean(new));
    }
    merge(repo, identity, branch, tip, onto)
}

/// True when `ancestor` is `tip` or lies behind it.
pub(super) fn contains(repo: &Repository, tip: Oid, ancestor: Oid) -> Result<bool, GitError> {
    Ok(tip == ancestor || repo.graph_descendant_of(tip, ancestor).doing("comparing commits")?)
}

/// The commits of the branch from old to new; `None` when it has merges or no common history.
fn linear(repo: &Repository, tip: Oid, onto: Oid) -> Result<Option<Vec<Oid>>, GitError> {
    if repo.merge_base(tip, onto).is_err() {
        return Ok(None);
    }
    let mut walk = repo.revwalk().doing("listing commits")?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE).doing("listing commits")?;
    walk.push(tip).doing("listing commits")?;
    walk.hide(onto).doing("listing commits")?;
    let mut commits = Vec::new();
    for id in walk {
        let id = id.doing("listing commits")?;
        if repo.find_commit(id).doing("reading a commit")?.parent_count() != 1 {
            return Ok(None);
        }
        commits.push(id);
    }
    Ok(Some(commits))
}

fn options() -> MergeOptions {
    let mut options = MergeOptions::new();
    options.find_renames(true);
    options
}

fn pick_all(repo: &Repository, identity: &Identity, commits: &[Oid], onto: Oid) -> Result<Option<Oid>, GitError> {
    let mut base = repo.find_commit(onto).doing("reading a commit")?;
    for id in commits {
        let commit = repo.find_commit(*id).doing("reading a commit")?;
        let mut index = repo.cherrypick_commit(&commit, &base, 0, Some(&options())).doing("rebasing")?;
        if index.has_conflicts() {
            return Ok(None);
        }
        let tree = index.write_tree_to(repo).doing("rebasing")?;
        if tree == base.tree_id() {
            continue;
        }
        let tree = repo.find_tree(tree).doing("rebasing")?;
        let committer = identity.at_time(commit.committer().when())?;
        let new = repo.commit(None, &commit.author(), &committer, &message(&commit), &tree, &[&base]).doing("rebasing")?;
        base = repo.find_commit(new).doing("rebasing")?;
    }
    Ok(Some(base.id()))
}

/// `tip` and `onto` as one merge commit.
pub(super) fn merge(repo: &Repository, identity: &Identity, branch: &str, tip: Oid, onto: Oid) -> Result<Replayed, GitError> {
    let ours = repo.find_commit(onto).doing("reading a commit")?;
    let theirs = repo.find_commit(tip).doing("reading a commit")?;
    let mut index = repo.merge_commits(&ours, &theirs, Some(&options())).doing("merging")?;
    if index.has_conflicts() {
        return Ok(Replayed::Conflict(conflicts(&index)));
    }
    let tree = index.write_tree_to(repo).and_then(|id| repo.find_tree(id)).doing("merging")?;
    if tree.id() == ours.tree_id() {
        return Ok(Replayed::Clean(onto));
    }
    let author = identity.at_time(theirs.committer().when())?;
    let text = format!("Merge branch '{branch}'\n");
    repo.commit(None, &author, &author, &text, &tree, &[&ours, &theirs]).map(Replayed::Clean).doing("merging")
}

fn message(commit: &Commit<'_>) -> String {
    String::from_utf8_lossy(commit.message_raw_bytes()).into_owned()
}

/// The paths in conflict, sorted, each once.
pub(super) fn conflicts(index: &Index) -> Vec<String> {
    let mut files: Vec<String> = index
        .conflicts()
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|conflict| conflict.our.or(conflict.their).or(conflict.ancestor))
        .map(|entry| String::from_utf8_lossy(&entry.path).into_owned())
        .collect();
    files.sort();
    files.dedup();
    files
}
