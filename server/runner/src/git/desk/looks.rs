//! Reads of the mirror: how a repository stands, its branches, its history, and what landing a branch would come to.
//!
//! Spec: specs/server/runner/desk.md

use aq_core::git_link::{BranchLook, CheckoutLook, CommitLook, Forecast, GitPlace, RepositoryLook};
use aq_core::ids::TaskId;
use aq_core::time::Timestamp;
use git2::{Commit, Oid, Repository, Sort};

use super::Desk;
use super::checkouts::{files_of, hex, look_at, operation};
use crate::git::address::{Address, is_real_directory};
use crate::git::error::{GitError, While};
use crate::git::facts::open_source;
use crate::git::gitdir::GitDir;
use crate::git::mirror::{Mirror, Ready};
use crate::git::replay::{Replayed, contains, replay};
use crate::git::survey::survey;

/// Most branches that are told.
const BRANCHES: usize = 2_000;
/// Longest message of a commit that is told, in bytes.
const MESSAGE: usize = 16 * 1024;
/// Commits that are counted at most when branches are compared.
const COUNTED: usize = 10_000;

impl Desk {
    pub(super) fn look(&self, place: &GitPlace, task: Option<&TaskId>, fetch: bool) -> Result<RepositoryLook, GitError> {
        let ready = self.ready(place, fetch)?;
        let checkout = match &ready.address {
            Address::Path(path) => Some(open_source(path)?).filter(|repo| !repo.is_bare()),
            Address::Remote(_) => None,
        };
        let has_remote = checkout.is_none();
        let checkout = checkout.as_ref().map(look_at).transpose()?;
        let task = task.map(|task| self.directory_of(place, &ready.mirror, task)).transpose()?.flatten();
        let Ready { default_branch, tip, stale, .. } = ready;
        Ok(RepositoryLook {
            default_branch,
            head: hex(tip),
            has_remote,
            stale: stale.map(|error| error.to_string()).unwrap_or_default(),
            checkout,
            task,
        })
    }

    /// A task's own directory as it lies there; `None` when it has none.
    fn directory_of(&self, place: &GitPlace, mirror: &Mirror, task: &TaskId) -> Result<Option<CheckoutLook>, GitError> {
        let directory = self.rooms.task_directory(&place.project, task);
        if !is_real_directory(&directory) {
            return Ok(None);
        }
        survey(&directory)?;
        let git = GitDir::open(&directory)?;
        let unfinished = git.as_ref().and_then(GitDir::unfinished).map(|left| left.operation.to_owned()).unwrap_or_default();
        let branch = git.as_ref().and_then(GitDir::branch).unwrap_or_default();
        let base = mirror.target(&format!("refs/aq/base/{task}"));
        // Commits that only the run's own directory has are not in the mirror yet: then the files are compared with the base.
        let work = git.as_ref().and_then(GitDir::work).filter(|id| mirror.repo.find_commit(*id).is_ok()).or(base);
        let (files, cut) = match work {
            Some(commit) => files_of(&mirror.path, &directory, commit)?,
            None => (Vec::new(), false),
        };
        let head = hex(git.as_ref().and_then(GitDir::work).or(base));
        let directory = directory.display().to_string();
        Ok(Some(CheckoutLook { directory, branch, head, operation: unfinished, files, cut, ahead: None, behind: None }))
    }

    pub(super) fn all_branches(&self, place: &GitPlace, fetch: bool) -> Result<Vec<BranchLook>, GitError> {
        let Ready { mirror, default_branch, tip, .. } = self.ready(place, fetch)?;
        let mut found = Vec::new();
        for (prefix, is_ours) in [("refs/remotes/origin/", false), ("refs/heads/", true)] {
            for (name, target) in mirror.listed(prefix)? {
                let Some(target) = target else { continue };
                let Some(name) = name.strip_prefix(prefix).filter(|name| *name != "HEAD") else { continue };
                if found.len() < BRANCHES {
                    found.push(branch(&mirror.repo, name, target, is_ours, &default_branch, tip)?);
                }
            }
        }
        found.sort_by(|one, two| (&one.name, one.is_ours).cmp(&(&two.name, two.is_ours)));
        Ok(found)
    }

    pub(super) fn commits(&self, place: &GitPlace, branch: &str, after: &str, limit: u32) -> Result<(Vec<CommitLook>, bool), GitError> {
        let Ready { mirror, default_branch, .. } = self.ready(place, false)?;
        let name = if branch.is_empty() { default_branch.as_str() } else { branch };
        let tip = resolve(&mirror, name)?;
        let repo = &mirror.repo;
        let mut walk = repo.revwalk().doing("reading the history")?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME).doing("reading the history")?;
        walk.push(tip).doing("reading the history")?;
        let mut ids = walk.map(|id| id.doing("reading the history"));
        if !after.is_empty() {
            let after = Oid::from_str(after).map_err(|_| GitError::Unknown { what: after.to_owned() })?;
            let seen = ids.by_ref().find(|id| id.as_ref().map_or(true, |id| *id == after)).transpose()?;
            if seen != Some(after) {
                return Err(GitError::Unknown { what: after.to_string() });
            }
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut told = Vec::new();
        for id in ids {
            let commit = repo.find_commit(id?).doing("reading a commit")?;
            if told.len() == limit {
                return Ok((told, true));
            }
            told.push(told_commit(&commit));
        }
        Ok((told, false))
    }

    pub(super) fn think_through(&self, place: &GitPlace, branch: &str, fetch: bool) -> Result<Forecast, GitError> {
        let Ready { mirror, tip: target, .. } = self.ready(place, fetch)?;
        let commit = resolve(&mirror, branch)?;
        let Some(target) = target else {
            return Ok(Forecast { commit: commit.to_string(), target: String::new(), conflicts: Vec::new(), contained: false });
        };
        let contained = contains(&mirror.repo, target, commit)?;
        let conflicts = match replay(&mirror.repo, &self.rooms.inner.identity, branch, commit, target)? {
            Replayed::Clean(_) => Vec::new(),
            Replayed::Conflict(files) => files,
        };
        Ok(Forecast { commit: commit.to_string(), target: target.to_string(), conflicts, contained })
    }
}

/// A commit in hexadecimal, a branch of ours, or a branch of the source.
pub(super) fn resolve(mirror: &Mirror, name: &str) -> Result<Oid, GitError> {
    let commit = (name.len() == 40).then(|| Oid::from_str(name).ok()).flatten().filter(|id| mirror.repo.find_commit(*id).is_ok());
    let plain = name.strip_prefix("origin/").unwrap_or(name);
    commit.or_else(|| mirror.branch(name)).or_else(|| mirror.origin(plain)).ok_or_else(|| GitError::Unknown { what: name.to_owned() })
}

fn branch(
    repo: &Repository,
    name: &str,
    commit: Oid,
    is_ours: bool,
    default_branch: &str,
    tip: Option<Oid>,
) -> Result<BranchLook, GitError> {
    let found = repo.find_commit(commit).doing("reading a commit")?;
    let (ahead, behind) = match tip {
        Some(tip) if tip != commit => repo.graph_ahead_behind(commit, tip).doing("comparing commits")?,
        _ => (0, 0),
    };
    let count = |commits: usize| u32::try_from(commits.min(COUNTED)).unwrap_or(u32::MAX);
    Ok(BranchLook {
        name: name.to_owned(),
        commit: commit.to_string(),
        summary: String::from_utf8_lossy(found.summary_bytes().unwrap_or_default()).into_owned(),
        at: instant(&found),
        is_default: !is_ours && name == default_branch,
        is_ours,
        ahead: count(ahead),
        behind: count(behind),
    })
}

fn instant(commit: &Commit<'_>) -> Timestamp {
    Timestamp::from_millis(commit.time().seconds().saturating_mul(1000))
}

fn told_commit(commit: &Commit<'_>) -> CommitLook {
    let author = commit.author();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..MESSAGE.min(bytes.len())).unwrap_or_default()).into_owned();
    CommitLook {
        id: commit.id().to_string(),
        parents: commit.parent_ids().map(|id| id.to_string()).collect(),
        author: text(author.name_bytes()),
        email: text(author.email_bytes()),
        at: instant(commit),
        message: text(commit.message_bytes()),
    }
}

/// The operation in progress in a person's checkout; empty: none.
pub(super) fn in_progress(repo: &Repository) -> String {
    operation(repo).to_owned()
}
