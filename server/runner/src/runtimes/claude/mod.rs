//! Claude Code over its JSON protocol.
//!
//! Spec: specs/server/runner/claude.md

mod answers;
mod blocks;
mod frames;
mod launch;
mod limits;
mod messages;
mod normalize;
mod outcome;
mod questions;
mod reset_text;
mod results;
mod state;
mod usage;

pub use launch::Claude;
