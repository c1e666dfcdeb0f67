//! The binary against a small fake server.
//!
//! Spec: specs/cli/commands.md

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod bridge;
mod calls;
mod chat;
mod conversation;
mod fake;
mod local;
mod streams;
