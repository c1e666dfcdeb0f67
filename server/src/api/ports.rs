//! What the API needs of the rest of the house and does not import: looking at repositories, ending the server, answering assistants.

use std::path::PathBuf;
use std::time::Duration;

use aq_core::principal::Principal;
use aq_core::runner_link::BoxFuture;
use aq_core::workspace::WorkspaceKind;

/// Why a directory or a repository cannot serve, in one sentence with a remedy. Shown to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RepositoryRefused(pub String);

/// Looks at repositories before anything depends on them: through the runner's git, with the user's own credentials.
pub trait RepositoryCheck: Send + Sync {
    /// Checks that `url` (URL or absolute path) can be mirrored: reachable, no filters, SHA-1, no reftable.
    fn repository(&self, url: &str) -> BoxFuture<'_, Result<(), RepositoryRefused>>;

    /// Checks that `path` can serve as a workspace of this kind and gives its canonical form. `link`: an existing checkout; `init`: an empty
    /// or missing directory whose parent exists.
    fn workspace(&self, kind: WorkspaceKind, path: &str) -> BoxFuture<'_, Result<PathBuf, RepositoryRefused>>;
}

/// Ends the server.
pub trait Ending: Send + Sync {
    /// Begins the end: open calls get `grace` to finish; with `stop_runs` the runs are stopped too. Returns at once.
    fn end(&self, reason: &str, grace: Option<Duration>, stop_runs: bool);
}

/// What the server is, as far as it does not change while it runs.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    /// Version of the server, for example `0.1.0`.
    pub version: String,
    /// Since when it runs.
    pub started_at: aq_core::time::Timestamp,
    /// How agents are contained: `landlock` with its level, or `none`.
    pub sandbox: String,
    /// Which database holds the state: `sqlite` or `postgres`.
    pub database: String,
    /// Where it is.
    pub database_url: crate::store::DatabaseUrl,
    /// The data directory.
    pub home: PathBuf,
    /// Where directories of `init` workspaces without a path of their own are made.
    pub clones: PathBuf,
}

/// Answers messages of assistants.
pub trait Assistants: Send + Sync {
    /// The answer to one message in the name of `caller`, empty when there is none. `id` makes repeating the message safe; empty: nothing does.
    ///
    /// # Errors
    /// Why the message cannot be read, one sentence.
    fn exchange(&self, caller: Principal, message: String, id: String) -> BoxFuture<'_, Result<String, String>>;
}
