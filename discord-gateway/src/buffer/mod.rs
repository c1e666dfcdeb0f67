//! What agents say, as text for a thread: tool calls folded, floods cut in the middle, and a few edits instead of many messages. Pure.
//!
//! Spec: specs/discord-gateway/runs.md

mod fold;
mod pages;

pub(crate) use fold::Fold;
pub(crate) use pages::{Act, MOST, Pages};
