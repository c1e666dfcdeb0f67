//! What is asked of a forge, and how it can fail: told apart by what helps.

use std::time::Duration;

use aq_core::runner_link::BoxFuture;
use aq_core::time::Timestamp;

use super::name::RepositoryName;

/// How a pull request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullState {
    /// It waits.
    Open,
    /// Its work is on the base branch.
    Merged,
    /// It was closed without merging.
    Closed,
}

/// What reviewers say of a pull request, the newest word of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Review {
    /// Nobody has decided.
    #[default]
    None,
    /// Somebody approved, and nobody wants changes.
    Approved,
    /// Somebody wants changes.
    ChangesRequested,
}

impl Review {
    /// The text that is stored and told.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Approved => "approved",
            Self::ChangesRequested => "changes_requested",
        }
    }
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: u64,
    /// Its page for people.
    pub url: String,
    /// How it stands.
    pub state: PullState,
    /// The commit it was merged as, in hexadecimal; empty unless merged.
    pub merged_as: String,
}

/// A pull request that should be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedPull {
    /// The repository.
    pub repository: RepositoryName,
    /// The pushed branch.
    pub branch: String,
    /// The branch it should be merged into; empty: the repository's default branch.
    pub base: String,
    /// One line.
    pub title: String,
    /// The text.
    pub body: String,
}

/// What asking for the state of a pull request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Nothing has changed since the answer with this tag.
    Unchanged,
    /// This is how it stands.
    Is {
        /// The pull request.
        pull: PullRequest,
        /// What reviewers say.
        review: Review,
        /// Names this answer, for the next time; empty: none.
        etag: String,
    },
}

/// How long a forge wants to be left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// For so long.
    For(Duration),
    /// Until an instant.
    Until(Timestamp),
}

/// Why a forge did not do it. Messages are for people and hold no credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// There are no credentials, or they are not accepted.
    #[error("the forge does not accept our login: {0}; set github.token, GITHUB_TOKEN or GH_TOKEN, or run `gh auth login`")]
    NoLogin(String),
    /// The credentials do not reach it.
    #[error("the forge refuses: {0}; give the token access to pull requests of this repository")]
    Denied(String),
    /// The repository or pull request is not there, or is hidden from us.
    #[error("the forge does not know it: {0}; check the project's repo_url and what the token reaches")]
    NotFound(String),
    /// The request was understood and refused.
    #[error("the forge refused the pull request: {0}")]
    Refused(String),
    /// Too many calls.
    #[error("the forge wants to be left alone: {message}")]
    Limited {
        /// For how long.
        wait: Wait,
        /// What it said.
        message: String,
    },
    /// It cannot be reached, or has trouble of its own.
    #[error("the forge cannot be reached: {0}")]
    Unavailable(String),
    /// It answered with something that is no answer.
    #[error("the forge's answer makes no sense: {0}")]
    Nonsense(String),
}

impl ForgeError {
    /// True when trying again may help without anybody doing anything.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Limited { .. } | Self::Unavailable(_) | Self::Nonsense(_))
    }
}

/// A forge.
pub trait Forge: Send + Sync {
    /// The repository behind a project's address, if this forge serves it.
    fn serves(&self, url: &str) -> Option<RepositoryName>;

    /// The open pull request of a branch: found, or made when there is none. Asking again finds the same (D-45).
    fn open(&self, wanted: WantedPull) -> BoxFuture<'_, Result<PullRequest, ForgeError>>;

    /// How a pull request stands. With the tag of an earlier answer, no change costs nothing.
    fn poll(&self, repository: RepositoryName, number: u64, etag: String) -> BoxFuture<'_, Result<Polled, ForgeError>>;
}
