//! `aqctl task …` (F-155 … F-163).
//!
//! Spec: specs/cli/commands.md

mod add;
mod approve;
mod delete;
mod deps;
mod edit;
mod error;
mod explain;
mod list;
mod propose;
mod reject;
mod repair;
mod restart;
mod result;
mod set_status;
mod show;
mod skip;
mod stop;
mod tree;
mod verb;
mod wait;

pub(crate) use verb::Verb;
pub(super) use verb::run;
