//! What the server asks a runner about repositories, and what a person has done in them. Looking changes nothing; acting is done once or
//! not at all. How git does it lives in the runner; who may ask lives in the server.
//!
//! Spec: specs/server/core/git-link.md

use crate::ids::{ProjectId, TaskId};
use crate::runner_link::{BoxFuture, WorkspaceSource};
use crate::time::Timestamp;

/// Which repository is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitPlace {
    /// The project.
    pub project: ProjectId,
    /// Its repository.
    pub source: WorkspaceSource,
    /// The branch that work lands on; empty: detect it.
    pub default_branch: String,
}

/// Why git did not do it: the kind decides what the caller can do, the message is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct GitRefused {
    /// What kind of refusal it is.
    pub kind: GitRefusal,
    /// One sentence with the remedy, without credentials.
    pub message: String,
}

/// Kinds of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitRefusal {
    /// A branch, commit or directory that is not there.
    NotFound,
    /// A name that git does not accept.
    Name,
    /// The repository's state does not allow it: uncommitted changes, an operation in progress, a landing under way.
    State,
    /// The network or the remote took too long.
    TimedOut,
    /// Git, the remote or the disk failed.
    Failed,
}

impl GitRefused {
    /// A refusal of a kind.
    pub fn new(kind: GitRefusal, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// How a file differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// New and known to git.
    Added,
    /// Gone.
    Deleted,
    /// Other contents or mode.
    Modified,
    /// Moved, perhaps with changes.
    Renamed,
    /// New and not known to git.
    Untracked,
    /// In conflict.
    Conflicted,
}

/// One file that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLook {
    /// Path in the repository; the new one of a moved file.
    pub path: String,
    /// How it differs.
    pub state: FileState,
    /// True when the change is staged.
    pub staged: bool,
}

/// A directory with files: a person's checkout, or a task's own directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckoutLook {
    /// Absolute path.
    pub directory: String,
    /// The branch that is checked out; empty when none is.
    pub branch: String,
    /// The commit that is checked out, in hexadecimal; empty when there is none.
    pub head: String,
    /// The operation in progress (`merge`, `rebase`, …); empty: none.
    pub operation: String,
    /// Files that differ from the commit, by path.
    pub files: Vec<FileLook>,
    /// True when there are more files than are listed.
    pub cut: bool,
    /// Commits of the branch that its upstream does not have; `None` without an upstream.
    pub ahead: Option<u32>,
    /// Commits of the upstream that the branch does not have; `None` without an upstream.
    pub behind: Option<u32>,
}

/// How a repository stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryLook {
    /// The branch that work lands on.
    pub default_branch: String,
    /// Its commit, in hexadecimal; empty while there is none.
    pub head: String,
    /// True when landing pushes.
    pub has_remote: bool,
    /// Why the newest state could not be fetched; empty when what is told is fresh.
    pub stale: String,
    /// The person's checkout, for a repository that has one.
    pub checkout: Option<CheckoutLook>,
    /// The task's directory, when a task was asked for and it has one.
    pub task: Option<CheckoutLook>,
}

/// One branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchLook {
    /// The name.
    pub name: String,
    /// The commit, in hexadecimal.
    pub commit: String,
    /// First line of the commit's message.
    pub summary: String,
    /// When the commit was made.
    pub at: Timestamp,
    /// True for the branch that work lands on.
    pub is_default: bool,
    /// True for a branch that we keep for a task; false for one of the source.
    pub is_ours: bool,
    /// Commits that the default branch does not have.
    pub ahead: u32,
    /// Commits of the default branch that it does not have.
    pub behind: u32,
}

/// One commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitLook {
    /// The commit, in hexadecimal.
    pub id: String,
    /// The commits it was made from.
    pub parents: Vec<String>,
    /// Name of the author.
    pub author: String,
    /// Address of the author.
    pub email: String,
    /// When it was committed.
    pub at: Timestamp,
    /// The message.
    pub message: String,
}

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// What a task changed, against the commit that its branch stands on, whatever is checked out anywhere.
    Task {
        /// The task.
        task: TaskId,
        /// Its branch.
        branch: String,
        /// True while an agent works: the files in the task's directory count, committed or not.
        live: bool,
    },
    /// Where `head` left `base`, against `head`. Branches or commits.
    Between {
        /// The base; empty: the default branch.
        base: String,
        /// The head.
        head: String,
    },
}

/// Where changes were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangesFrom {
    /// On the branch.
    Branch,
    /// In the directory where the agent works.
    Directory,
    /// On the default branch: the work has landed.
    Landed,
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Where they were found.
    pub from: ChangesFrom,
    /// The commit compared with, in hexadecimal; empty: nothing at all.
    pub base: String,
    /// The commit compared, in hexadecimal; empty for files that are in no commit.
    pub head: String,
    /// The files, by path.
    pub files: Vec<FileLook>,
    /// A unified diff.
    pub text: String,
    /// True when the diff is longer than was asked for.
    pub cut: bool,
}

/// What landing a branch would come to, thought through in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// The branch's commit, in hexadecimal.
    pub commit: String,
    /// The default branch's commit, in hexadecimal.
    pub target: String,
    /// Files in conflict; empty: it lands cleanly.
    pub conflicts: Vec<String>,
    /// True when the default branch has it all.
    pub contained: bool,
}

/// What a merge came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// The default branch is at this commit, in hexadecimal.
    Done {
        /// The commit.
        commit: String,
        /// True when it was pushed.
        pushed: bool,
    },
    /// There was nothing to merge.
    Nothing,
    /// Files in conflict; nothing was changed.
    Conflict {
        /// The files.
        files: Vec<String>,
    },
}

/// A text file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextLook {
    /// Path below the folder that was asked for.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// The beginning of its text, at most 8 KiB.
    pub head: String,
}

/// Looks at repositories, and acts in them, for people. A network operation is bounded in time; nothing of a repository is ever run.
pub trait GitLink: Send + Sync {
    /// How the repository stands; with a task also its directory. With `fetch` the newest state is fetched first.
    fn status(&self, place: GitPlace, task: Option<TaskId>, fetch: bool) -> BoxFuture<'_, Result<RepositoryLook, GitRefused>>;

    /// All branches by name: the source's, and those that we keep for tasks.
    fn branches(&self, place: GitPlace, fetch: bool) -> BoxFuture<'_, Result<Vec<BranchLook>, GitRefused>>;

    /// Commits behind `branch` (empty: the default branch), newest first, beginning behind `after`; at most `limit` of them. The flag says
    /// that there are more.
    fn log(&self, place: GitPlace, branch: String, after: String, limit: u32)
    -> BoxFuture<'_, Result<(Vec<CommitLook>, bool), GitRefused>>;

    /// What differs, with a diff of at most `longest` bytes.
    fn changes(&self, place: GitPlace, what: Comparison, longest: usize) -> BoxFuture<'_, Result<Changes, GitRefused>>;

    /// The files below `folder` on the default branch whose names end in `ending`, by path; at most `most`. A folder that is not there has none.
    fn texts(&self, place: GitPlace, folder: String, ending: &'static str, most: usize)
    -> BoxFuture<'_, Result<Vec<TextLook>, GitRefused>>;

    /// The beginning of a file on the default branch, at most `most` bytes; `None`: no file has this path.
    fn text(&self, place: GitPlace, path: String, most: usize) -> BoxFuture<'_, Result<Option<String>, GitRefused>>;

    /// What landing `branch` would come to; a remote is asked for what is new first when `fetch` says so, and what is known counts when it does not answer.
    fn forecast(&self, place: GitPlace, branch: String, fetch: bool) -> BoxFuture<'_, Result<Forecast, GitRefused>>;

    /// Makes a branch in the source, at `from` (empty: the default branch). One that is there with the same commit is fine. Gives the commit.
    fn create_branch(&self, place: GitPlace, name: String, from: String) -> BoxFuture<'_, Result<String, GitRefused>>;

    /// Checks a branch out in a person's checkout, when nothing of theirs is in the way.
    fn switch(&self, place: GitPlace, name: String) -> BoxFuture<'_, Result<CheckoutLook, GitRefused>>;

    /// Commits everything in a person's checkout, in the name that its configuration gives. Gives the commit; `None`: nothing had changed.
    fn commit(&self, place: GitPlace, message: String) -> BoxFuture<'_, Result<Option<String>, GitRefused>>;

    /// Merges a branch into the default branch, alone in the project's lane.
    fn merge(&self, place: GitPlace, branch: String) -> BoxFuture<'_, Result<Merged, GitRefused>>;

    /// Pushes a branch: a task's only over what we pushed ourselves, any other only forward. Gives the commit.
    fn push(&self, place: GitPlace, branch: String) -> BoxFuture<'_, Result<String, GitRefused>>;
}
