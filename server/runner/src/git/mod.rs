//! Git: mirrors, work directories, rescue, commits and landing. The only place that imports `git2`.
//!
//! Not here: running agents and test commands, leases of workspaces, pull requests of hosts.
//!
//! Spec: specs/server/runner/git.md

mod address;
mod adopt;
mod attributes;
mod author;
mod bench;
mod changes;
mod checkout;
mod clearing;
mod collect;
mod credentials;
mod desk;
mod error;
mod facts;
mod gitdir;
mod landing;
mod lanes;
mod locks;
mod mirror;
mod notes;
mod objects;
mod orphans;
mod plans;
mod prepare;
mod program;
mod push;
mod put_back;
mod record;
mod references;
mod remembered;
mod remove;
mod replay;
mod rescue;
mod rooms;
mod seat;
mod survey;
mod tidy;

pub use author::{Clock, Identity};
pub use changes::{ChangedFile, FileChange};
pub use collect::LeftOver;
pub use desk::Desk;
pub use error::{GitError, RepositoryRefused};
pub use facts::RepositoryFacts;
pub use landing::{Finish, Landing, Plan};
pub use lanes::Lane;
pub use plans::WrittenPlan;
pub use prepare::Prepared;
pub use program::GitProgram;
pub use remove::Removed;
pub use rescue::Rescue;
pub use rooms::Rooms;
