//! `aqctl prompt …`: prompt templates of a project.
//!
//! Spec: specs/cli/commands.md

mod delete;
mod list;
mod render;
mod show;
mod verb;
mod write;

pub(crate) use verb::Verb;
pub(super) use verb::run;
