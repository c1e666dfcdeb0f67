//! `aqctl note …`: short documents of a project.
//!
//! Spec: specs/cli/commands.md

mod append;
mod compare;
mod delete;
mod list;
mod show;
mod verb;
mod write;

pub(crate) use verb::Verb;
pub(super) use verb::run;
