//! Directories with files: a person's checkout, and the files of a run's directory compared with a commit of ours.
//!
//! Spec: specs/server/runner/desk.md

use std::path::Path;

use aq_core::git_link::{CheckoutLook, FileLook, FileState};
use git2::{Delta, Diff, DiffOptions, Index, Oid, Repository, RepositoryState, Status, StatusOptions};

use crate::git::error::{GitError, While};

/// Most files that are told of a checkout.
pub(super) const FILES: usize = 1_000;

/// A commit in hexadecimal; empty when there is none.
pub(super) fn hex(commit: Option<Oid>) -> String {
    commit.map(|commit| commit.to_string()).unwrap_or_default()
}

/// A person's checkout as it lies there.
pub(super) fn look_at(repo: &Repository) -> Result<CheckoutLook, GitError> {
    let head = repo.head().ok();
    let commit = head.as_ref().and_then(git2::Reference::target);
    let symbolic = repo.find_reference("HEAD").ok().and_then(|head| head.symbolic_target().ok().flatten().map(str::to_owned));
    let branch = symbolic.as_deref().and_then(|name| name.strip_prefix("refs/heads/")).unwrap_or_default().to_owned();
    let upstream = repo.find_reference(&format!("refs/remotes/origin/{branch}")).ok().and_then(|found| found.target());
    let counts = match (commit, upstream) {
        (Some(commit), Some(upstream)) => Some(repo.graph_ahead_behind(commit, upstream).doing("comparing commits")?),
        _ => None,
    };
    let count = |commits: usize| u32::try_from(commits).unwrap_or(u32::MAX);
    let (files, cut) = changed(repo)?;
    let directory = repo.workdir().unwrap_or_else(|| repo.path()).display().to_string();
    Ok(CheckoutLook {
        directory: if directory.len() > 1 { directory.trim_end_matches('/').to_owned() } else { directory },
        branch,
        head: hex(commit),
        operation: operation(repo).to_owned(),
        files,
        cut,
        ahead: counts.map(|(ahead, _)| count(ahead)),
        behind: counts.map(|(_, behind)| count(behind)),
    })
}

fn changed(repo: &Repository) -> Result<(Vec<FileLook>, bool), GitError> {
    let mut options = StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).include_ignored(false).exclude_submodules(true).no_refresh(true);
    let statuses = repo.statuses(Some(&mut options)).doing("looking at the checkout")?;
    let all = statuses.len();
    let files = statuses
        .iter()
        .take(FILES)
        .map(|entry| {
            let status = entry.status();
            FileLook {
                path: String::from_utf8_lossy(entry.path_bytes()).into_owned(),
                state: state_of(status),
                staged: status.intersects(
                    Status::INDEX_NEW | Status::INDEX_MODIFIED | Status::INDEX_DELETED | Status::INDEX_RENAMED | Status::INDEX_TYPECHANGE,
                ),
            }
        })
        .collect();
    Ok((files, all > FILES))
}

fn state_of(status: Status) -> FileState {
    if status.is_conflicted() {
        FileState::Conflicted
    } else if status.intersects(Status::INDEX_RENAMED | Status::WT_RENAMED) {
        FileState::Renamed
    } else if status.intersects(Status::INDEX_DELETED | Status::WT_DELETED) {
        FileState::Deleted
    } else if status.is_index_new() {
        FileState::Added
    } else if status.is_wt_new() {
        FileState::Untracked
    } else {
        FileState::Modified
    }
}

/// The operation in progress in a checkout; empty: none.
pub(super) fn operation(repo: &Repository) -> &'static str {
    match repo.state() {
        RepositoryState::Clean => "",
        RepositoryState::Merge => "merge",
        RepositoryState::Revert | RepositoryState::RevertSequence => "revert",
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => "cherry-pick",
        RepositoryState::Bisect => "bisection",
        RepositoryState::Rebase | RepositoryState::RebaseInteractive | RepositoryState::RebaseMerge => "rebase",
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => "mailbox",
    }
}

/// Our mirror looking at a run's files, with an index in memory, so that nothing of the run is touched (desk R3).
pub(super) fn bench(mirror: &Path, directory: &Path) -> Result<Repository, GitError> {
    let repo = Repository::open_bare(mirror).doing("opening the mirror")?;
    repo.set_workdir(directory, false).doing("opening the run's directory")?;
    let mut index = Index::new().doing("opening the run's directory")?;
    repo.set_index(&mut index).doing("opening the run's directory")?;
    Ok(repo)
}

/// The files in `directory` against `commit`. The repository must be that of [`bench`].
pub(super) fn against<'a>(repo: &'a Repository, commit: Oid) -> Result<Diff<'a>, GitError> {
    let tree = repo.find_commit(commit).and_then(|commit| commit.tree()).doing("reading the commit")?;
    let mut options = DiffOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).show_untracked_content(true).ignore_submodules(true);
    repo.diff_tree_to_workdir(Some(&tree), Some(&mut options)).doing("comparing the run's files")
}

/// Files in a run's directory that differ from `commit`.
pub(super) fn files_of(mirror: &Path, directory: &Path, commit: Oid) -> Result<(Vec<FileLook>, bool), GitError> {
    let repo = bench(mirror, directory)?;
    let diff = against(&repo, commit)?;
    let files = told(&diff);
    Ok((files.iter().take(FILES).cloned().collect(), files.len() > FILES))
}

/// The files of a diff, by path.
pub(super) fn told(diff: &Diff<'_>) -> Vec<FileLook> {
    let look = |delta: git2::DiffDelta<'_>| {
        let state = match delta.status() {
            Delta::Unmodified | Delta::Ignored => return None,
            Delta::Added => FileState::Added,
            Delta::Untracked => FileState::Untracked,
            Delta::Deleted => FileState::Deleted,
            Delta::Renamed | Delta::Copied => FileState::Renamed,
            Delta::Conflicted => FileState::Conflicted,
            _ => FileState::Modified,
        };
        let path = delta.new_file().path_bytes().or_else(|| delta.old_file().path_bytes())?;
        Some(FileLook { path: String::from_utf8_lossy(path).into_owned(), state, staged: false })
    };
    diff.deltas().filter_map(look).collect()
}
