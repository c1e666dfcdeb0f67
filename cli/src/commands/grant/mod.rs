//! `aqctl grant …`: tools that were allowed once and for all.
//!
//! Spec: specs/cli/commands.md

mod list;
mod revoke;
mod verb;

pub(crate) use verb::Verb;
pub(super) use verb::run;
