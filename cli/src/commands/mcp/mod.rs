//! `aqctl mcp`: the tools of the server for assistants that speak the Model Context Protocol.
//!
//! Spec: specs/cli/commands.md

mod bridge;
mod config;
mod verb;

pub(crate) use verb::Args;
pub(super) use verb::run;
