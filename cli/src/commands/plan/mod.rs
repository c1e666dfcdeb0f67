//! `aqctl plan …`: plans of agents and of one's own, and the tasks that they become.
//!
//! Spec: specs/cli/commands.md

mod approve;
mod create;
mod list;
mod preview;
mod reject;
mod show;
mod verb;

pub(crate) use verb::Verb;
pub(super) use verb::run;
