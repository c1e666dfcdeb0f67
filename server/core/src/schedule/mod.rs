//! The scheduler: which agent works on which task next. A function of a snapshot; no model is ever asked (F-040).
//!
//! Building the snapshot and carrying out the decision live in the server's orchestrator; saying why one task waits lives in `explain`.
//!
//! Spec: specs/server/core/schedule.md

mod decide;
mod forecast;
mod prefer;
mod rooms;
mod share;
mod snapshot;
mod spare;
#[cfg(test)]
mod tests;

pub use decide::{Assignment, Decision, ProjectWait, Reason, decide};
pub use forecast::{ExpectedStart, OpenRun, Outlook, Release, Waiting, forecast, quantile};
pub use prefer::{Wish, prefer};
pub use share::{GUARANTEE_TRIES, WAITING_FACTOR, expected_rest};
pub use snapshot::{AccountRoom, Head, IdleAgent, Lane, ProjectState, Snapshot};
pub use spare::spare;
