//! The scripted agent: a real child process that follows a script and spends no tokens.
//!
//! Spec: specs/server/runner/scripted.md

mod actor;
mod agent;
mod files;
mod launch;
mod normalize;
mod progress;
mod script;
mod wire;

pub use agent::agent_main;
pub use launch::{SUBCOMMAND, Scripted};
