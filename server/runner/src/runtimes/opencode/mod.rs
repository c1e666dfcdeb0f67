//! OpenCode: natively where it never asks, over the Agent Client Protocol where it does.
//!
//! Spec: specs/server/runner/opencode.md

mod config;
mod launch;
mod lines;
mod outcome;
mod state;

pub use launch::OpenCode;
