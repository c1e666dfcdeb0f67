//! `aqctl hook …`: routine work that starts by itself.
//!
//! Spec: specs/cli/commands.md

mod create;
mod delete;
mod edit;
mod fields;
mod fire;
mod list;
mod run_show;
mod runs;
mod show;
mod switch;
mod times;
mod verb;

pub(crate) use verb::Verb;
pub(super) use verb::run;
