//! `aqctl service …`: the server as a systemd user service.
//!
//! Spec: specs/cli/server-control.md

mod install;
mod status;
mod systemd;
mod uninstall;
mod unit;
mod verb;

pub(crate) use verb::Verb;
pub(super) use verb::run;
