//! `aqctl server …` (F-230, F-231).
//!
//! Spec: specs/cli/server-control.md

mod detached;
mod logs;
mod restart;
mod start;
mod status;
mod stop;
mod verb;

pub(crate) use verb::Verb;
pub(super) use verb::run;
