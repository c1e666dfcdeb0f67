//! `aqctl git …` (F-104, F-167).
//!
//! Spec: specs/cli/commands.md

mod branch;
mod branches;
mod checkout;
mod commit;
mod conflicts;
mod diff;
mod files;
mod log;
mod merge;
mod place;
mod pr;
mod push;
mod status;
mod verb;

pub(crate) use verb::Verb;
pub(super) use verb::run;
