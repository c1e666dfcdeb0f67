//! `aqctl agent …` (F-165).
//!
//! Spec: specs/cli/commands.md

mod create;
mod delete;
mod edit;
mod list;
mod mcp;
mod pause;
mod profile;
mod resume;
mod show;
mod verb;

pub(crate) use verb::Verb;
pub(super) use verb::run;
