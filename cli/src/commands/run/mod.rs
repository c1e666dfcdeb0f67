//! `aqctl run …`.
//!
//! Spec: specs/cli/commands.md

mod list;
mod show;
mod verb;

pub(crate) use verb::Verb;
pub(super) use verb::run;
