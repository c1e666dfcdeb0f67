//! Forges: where a pull request stands for a person's approval. The port, and GitHub behind it.
//!
//! When a pull request is wanted and what its fate means for a task lives in `orchestrator`; pushing branches in the runner.
//!
//! Spec: specs/server/forges.md

mod answers;
mod github;
mod http;
mod login;
mod name;
mod port;

pub use github::{GitHub, GitHubOptions};
pub use login::Login;
pub use name::{RepositoryName, repository_of};
pub use port::{Forge, ForgeError, Polled, PullRequest, PullState, Review, Wait, WantedPull};
