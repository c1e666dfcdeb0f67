//! `aqctl workspace …` (F-166).
//!
//! Spec: specs/cli/commands.md

mod add;
mod list;
mod release;
mod remove;
mod verb;

pub(crate) use verb::Verb;
pub(super) use verb::run;
