//! Runtimes against recordings of our own, in the manner of the real programs. Spec: specs/server/runner/runtimes.md

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod acp_talk;
mod acp_turns;
mod bench;
mod claude_launch;
mod claude_outcomes;
mod claude_talk;
mod codex_launch;
mod codex_outcomes;
mod codex_talk;
mod gemini;
mod opencode;
mod plain;
mod start;
