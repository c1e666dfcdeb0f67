//! Any endpoint that speaks OpenAI's Chat Completions, streamed.
//!
//! Spec: specs/server/chat-models.md

mod adapter;
mod answer;
mod request;

pub use adapter::{OPENAI_URL, OpenAi};
