//! The Gemini CLI: natively where it never asks, over the Agent Client Protocol where it does.
//!
//! Spec: specs/server/runner/gemini.md

mod launch;
mod lines;
mod outcome;
mod settings;
mod state;

pub use launch::Gemini;
