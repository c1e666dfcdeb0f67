//! The composition root: the only place that names every concrete part, puts them together, and takes them apart again.
//!
//! Spec: specs/server/README.md

mod adapters;
mod assistants;
mod chat;
mod compose;
mod copies;
mod degraded;
mod error;
mod forge;
mod hooks;
mod maintenance;
mod metrics;
mod policy;
mod restoring;
mod retention;
mod seed;
mod sessions;
mod standby;
mod started;
mod traces;
mod walls;

pub use compose::serve;
pub use degraded::Condition;
pub use error::AppError;
pub use restoring::{RestoreError, Restored, restore};
pub use retention::Keeper;
pub(crate) use started::database;
pub use started::{Started, start};
pub(crate) use walls::Walls;
