//! `aqctl key …`: API keys of clients.
//!
//! Spec: specs/cli/commands.md

mod create;
mod list;
mod revoke;
mod rotate;
mod secret;
mod show;
mod verb;

pub(crate) use verb::Verb;
pub(super) use verb::run;
