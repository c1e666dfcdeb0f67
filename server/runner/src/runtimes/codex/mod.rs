//! The Codex CLI over its app-server protocol.
//!
//! Spec: specs/server/runner/codex.md

mod answers;
mod choices;
mod errors;
mod forms;
mod frames;
mod items;
mod launch;
mod limits;
mod mcp;
mod messages;
mod normalize;
mod outcome;
mod policy;
mod questions;
mod replies;
mod reset_text;
mod state;
mod turns;
mod usage;

pub use launch::Codex;
