//! Ollama's own API, streamed as lines.
//!
//! Spec: specs/server/chat-models.md

mod adapter;
mod answer;
mod request;

pub use adapter::{OLLAMA_MODEL, OLLAMA_URL, Ollama};
pub use request::OllamaOptions;
