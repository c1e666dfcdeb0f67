//! What can go wrong with a repository, in sentences for people, and what a failure means for a conclusion.
//!
//! Spec: specs/server/runner/git.md

use std::path::{Path, PathBuf};

use aq_core::runner_link::Conclusion;

/// Why a repository cannot be used at all. Shown when a project is registered and when a run is prepared (git R3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryRefused {
    /// The address is not of a kind we accept.
    #[error("repository address `{address}` is not accepted: {why}")]
    Address {
        /// The address, without credentials.
        address: String,
        /// What is wrong, and what is accepted.
        why: &'static str,
    },
    /// Nothing is there.
    #[error("`{path}` does not exist; create it, or correct the path")]
    Missing {
        /// The path.
        path: String,
    },
    /// Something is there, but no repository.
    #[error(
        "`{path}` is not a git repository; run `git init` and make a first commit there, or use a workspace of kind init with a new path"
    )]
    NotARepository {
        /// The path.
        path: String,
    },
    /// A folder inside a repository.
    #[error("`{path}` is a folder inside the repository `{root}`; use `{root}`")]
    Subfolder {
        /// The path.
        path: String,
        /// The repository around it.
        root: String,
    },
    /// The repository has no commit.
    #[error("`{path}` has no commits yet; make a first commit there")]
    NoCommits {
        /// The path.
        path: String,
    },
    /// A format that our git library cannot read or write.
    #[error("`{path}` uses {format}, which is not supported; use a repository with SHA-1 object names and files as reference storage")]
    Format {
        /// The path or address.
        path: String,
        /// The format, in words.
        format: &'static str,
    },
    /// Files are stored through a program (Git LFS, git-crypt, …), which the server never runs.
    #[error(
        "`{file}` sets the filter `{filter}`: files that pass through a program (as Git LFS does) are not supported; remove the filter or use another repository"
    )]
    Filter {
        /// The attributes file.
        file: String,
        /// The name of the filter.
        filter: String,
    },
    /// The history is cut off.
    #[error("`{path}` is a shallow clone; run `git fetch --unshallow` there")]
    Shallow {
        /// The path.
        path: String,
    },
    /// The owner differs from ours.
    #[error("`{path}` belongs to another user; let the server run as its owner, or add it to git's `safe.directory`")]
    Owner {
        /// The path.
        path: String,
    },
    /// The branch that work lands on does not exist.
    #[error("the repository has no branch `{branch}`; set the project's default branch to one that exists")]
    NoDefaultBranch {
        /// The wanted branch; `(any)` when none could be found.
        branch: String,
    },
}

/// Why a git operation failed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The repository itself cannot be used.
    #[error(transparent)]
    Refused(#[from] RepositoryRefused),
    /// The name of the task's branch cannot be used.
    #[error("branch name `{branch}` is not valid: {why}")]
    BranchName {
        /// The name.
        branch: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The mirror has no such branch or commit.
    #[error(
        "the mirror has no `{what}`; the task was never prepared, its work has been removed, or it was done so long ago that the project's history alone tells of it"
    )]
    Unknown {
        /// The branch or commit.
        what: String,
    },
    /// The state of a repository does not allow what a person asked for.
    #[error("{why}")]
    State {
        /// What is in the way, and what helps.
        why: String,
    },
    /// The git program is not there.
    #[error("the git program `{program}` was not found; install git, or start the server with a PATH that holds it")]
    ProgramMissing {
        /// The configured program.
        program: String,
    },
    /// The git program took too long and was ended with everything it started.
    #[error("git {operation} timed out after {seconds} s (possibly a prompt for credentials)")]
    TimedOut {
        /// `fetch`, `push`, …
        operation: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// The git program failed.
    #[error("git {operation} failed: {message}")]
    Command {
        /// `fetch`, `push`, …
        operation: &'static str,
        /// The end of its error output, without credentials.
        message: String,
    },
    /// The file system failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The git library failed.
    #[error("{doing}: {source}")]
    Library {
        /// What was being done.
        doing: &'static str,
        /// The cause.
        source: git2::Error,
    },
    /// The run's directory holds something that we do not touch.
    #[error("{path} is not safe to read: {why}")]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
    /// The agent left a merge or rebase unfinished, with conflicts.
    #[error("the agent left a {operation} unfinished, with conflicts in {}", files.join(", "))]
    HalfDone {
        /// `merge`, `rebase`, …
        operation: &'static str,
        /// The files in conflict.
        files: Vec<String>,
    },
}

impl GitError {
    /// What this failure means for a conclusion (landing R9): conflicts left by the agent are a merge conflict, the rest is an error that
    /// the same order may overcome.
    #[must_use]
    pub fn conclusion(&self) -> Conclusion {
        match self {
            Self::HalfDone { files, .. } => Conclusion::MergeConflict { files: files.clone() },
            other => Conclusion::Error { message: other.to_string() },
        }
    }
}

/// Names the file with an error of the file system.
pub(super) trait AtPath<T> {
    fn at(self, path: &Path) -> Result<T, GitError>;
}

impl<T> AtPath<T> for std::io::Result<T> {
    fn at(self, path: &Path) -> Result<T, GitError> {
        self.map_err(|source| GitError::Io { path: path.to_owned(), source })
    }
}

/// Names the step with an error of the git library.
pub(super) trait While<T> {
    fn doing(self, doing: &'static str) -> Result<T, GitError>;
}

impl<T> While<T> for Result<T, git2::Error> {
    fn doing(self, doing: &'static str) -> Result<T, GitError> {
        self.map_err(|source| GitError::Library { doing, source })
    }
}
