//! Claude Code over its JSON protocol.
//!
//! Spec: specs/server/runner/claude.md

mod answers;
mod blocks;
mod frames;
mod launch;
mod limits;
mod mcp;
mod messages;
mod normalize;
mod outcome;
mod questions;
mod results;
mod state;
mod usage;

pub use launch::Claude;
