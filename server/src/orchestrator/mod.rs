//! The orchestrator: looks at what is and what should be, starts and stops runs, and follows what runners report.
//!
//! It never asks a model. How a task may move lives in `lifecycle`; how a run is executed lives in the runner.
//!
//! Spec: specs/server/orchestrator.md

mod accounts;
mod approval_loop;
mod approvals;
pub mod budgets;
mod conflict_watch;
mod credentials;
mod deadlines;
mod failures;
mod faults;
mod followed;
mod isolation;
mod items;
mod orders;
mod outlet;
mod outlook;
mod own_key;
mod parts;
mod pass;
mod pending;
mod plans;
mod policy;
mod prompt;
mod recover;
mod reports;
mod review_prompt;
mod reviews;
mod secrets;
mod service;
mod sink;
mod snapshot;
mod starting;
mod stuck;
mod sweep;
mod wall;

pub use accounts::{Loads, least_expected, model_of};
pub use approval_loop::Approvals;
pub use conflict_watch::ConflictWatch;
pub use credentials::Credentials;
pub use outlook::{Lengths, Present, present};
pub use own_key::OwnKeys;
pub use parts::Parts;
pub use policy::{ArchivePolicy, Policy};
pub use recover::Recovered;
pub use secrets::RunSecrets;
pub use service::Orchestrator;
pub use sink::Sink;
pub use snapshot::snapshot;
pub use stuck::tell_stuck;
pub use sweep::{Swept, archive_old};
