//! `aqctl audit …`: who changed what, and whether the record of it is whole.
//!
//! Spec: specs/cli/commands.md

mod list;
mod verb;
mod verify;

pub(crate) use verb::Verb;
pub(super) use verb::run;
pub(super) use verify::verdict;
