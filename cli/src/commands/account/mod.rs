//! `aqctl account …`.
//!
//! Spec: specs/cli/commands.md

mod create;
mod delete;
mod edit;
mod list;
mod login;
mod show;
mod verb;
mod windows;

pub(crate) use verb::Verb;
pub(super) use verb::run;
