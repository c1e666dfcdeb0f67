//! `aqctl doctor`: what is well and what is not, a line each (server-control R7).
//!
//! Spec: specs/cli/server-control.md

mod agents;
mod fix;
mod machine;
mod remote;
mod report;

pub(crate) use report::Args;
pub(super) use report::run;
