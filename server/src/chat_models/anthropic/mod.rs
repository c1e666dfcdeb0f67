//! Anthropic's Messages API, streamed.
//!
//! Spec: specs/server/chat-models.md

mod adapter;
mod answer;
mod request;

pub use adapter::{ANTHROPIC_MODEL, ANTHROPIC_URL, Anthropic};
