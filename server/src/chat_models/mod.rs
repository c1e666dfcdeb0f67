//! Models that the chat talks to: the adapters of the port in `aq_core::chat`, each for one provider's wire, and what every call passes through.
//!
//! What a turn is lives in the core; which tools run and who may use them in `chat`.
//!
//! Reading order: `http`, `frames`, `streamed`, then the adapters, then `patient` and `recorded`.
//!
//! Spec: specs/server/chat-models.md

mod anthropic;
mod frames;
mod http;
mod login;
mod ollama;
mod openai;
mod patient;
mod recorded;
mod scripted;
mod streamed;

pub use anthropic::{ANTHROPIC_MODEL, ANTHROPIC_URL, Anthropic};
pub use http::Patience;
pub use login::{Credential, Login};
pub use ollama::{OLLAMA_MODEL, OLLAMA_URL, Ollama, OllamaOptions};
pub use openai::{OPENAI_URL, OpenAi};
pub use patient::Patient;
pub use recorded::{FOLDER as RECORDS_FOLDER, Recorded, Recorder, remove_old};
pub use scripted::Scripted;
