//! Repositories.

use aq_core::git_link::{BranchLook, Changes, ChangesFrom, CheckoutLook, CommitLook, FileLook, FileState, Forecast};
use aq_core::ids::TaskId;
use aq_proto::v1 as pb;
use pb::check_conflicts_response::BranchForecast;

use super::words::timestamp;

fn file(look: &FileLook) -> pb::ChangedFile {
    let change = match look.state {
        FileState::Added => pb::FileChange::Added,
        FileState::Deleted => pb::FileChange::Deleted,
        FileState::Modified => pb::FileChange::Modified,
        FileState::Renamed => pb::FileChange::Renamed,
        FileState::Untracked => pb::FileChange::Untracked,
        FileState::Conflicted => pb::FileChange::Conflicted,
    };
    pb::ChangedFile { path: look.path.clone(), change: change.into(), staged: look.staged }
}

/// A directory with files.
pub(in crate::api) fn checkout(look: &CheckoutLook) -> pb::Checkout {
    pb::Checkout {
        directory: look.directory.clone(),
        branch: look.branch.clone(),
        head: look.head.clone(),
        operation: look.operation.clone(),
        files: look.files.iter().map(file).collect(),
        files_cut: look.cut,
        ahead: look.ahead,
        behind: look.behind,
    }
}

/// A branch. One of ours is named `<task>/<slug>`.
pub(in crate::api) fn branch(look: &BranchLook) -> pb::Branch {
    let task = look.name.split('/').next().filter(|part| look.is_ours && TaskId::parse(part).is_ok());
    pb::Branch {
        name: look.name.clone(),
        commit: look.commit.clone(),
        summary: look.summary.clone(),
        commit_time: Some(timestamp(look.at)),
        is_default: look.is_default,
        task_id: task.unwrap_or_default().to_owned(),
        ahead: look.ahead,
        behind: look.behind,
    }
}

/// A commit.
pub(in crate::api) fn commit(look: &CommitLook) -> pb::Commit {
    pb::Commit {
        id: look.id.clone(),
        parent_ids: look.parents.clone(),
        author_name: look.author.clone(),
        author_email: look.email.clone(),
        commit_time: Some(timestamp(look.at)),
        message: look.message.clone(),
    }
}

/// What differs.
pub(in crate::api) fn changes(changes: Changes) -> pb::GetDiffResponse {
    let source = match changes.from {
        ChangesFrom::Branch => pb::DiffSource::Branch,
        ChangesFrom::Directory => pb::DiffSource::Directory,
        ChangesFrom::Landed => pb::DiffSource::Landed,
    };
    pb::GetDiffResponse {
        source: source.into(),
        base: changes.base,
        head: changes.head,
        files: changes.files.iter().map(file).collect(),
        text: changes.text,
        text_cut: changes.cut,
    }
}

/// What landing `branch` would come to.
pub(in crate::api) fn forecast(branch: String, task: Option<&TaskId>, forecast: Forecast) -> BranchForecast {
    BranchForecast {
        branch,
        task_id: task.map(ToString::to_string).unwrap_or_default(),
        commit: forecast.commit,
        target: forecast.target,
        conflicts: forecast.conflicts,
        contained: forecast.contained,
    }
}
