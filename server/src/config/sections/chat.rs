//! Sections `chat_provider` and `llm_logging`: the model behind the chat, and whether its calls are recorded.
//!
//! Keys of `chat_provider`: `provider`, `model`, `base_url`, `api_key`, `keep_alive`. Keys of `llm_logging`: `enabled`,
//! `retention_days`.

use serde::Serialize;

use crate::config::reader::Reader;
use crate::config::secret::Secret;

/// The model behind the chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatProvider {
    /// Who serves the model.
    pub provider: ChatProviderKind,
    /// The model; empty leaves the choice to the provider's default.
    pub model: String,
    /// Where the provider is reached; empty for its public address. Required for `ollama`'s.
    pub base_url: String,
    /// The provider's API key; empty when the chat is not used or the provider needs none.
    pub api_key: Secret,
    /// How long Ollama keeps the model loaded.
    pub keep_alive: String,
}

/// Who serves the chat's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatProviderKind {
    /// Anthropic's API.
    Anthropic,
    /// An Ollama server.
    Ollama,
}

/// Whether calls of the chat's model are recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LlmLogging {
    /// Whether they are recorded.
    pub enabled: bool,
    /// Days that records are kept.
    pub retention_days: u64,
}

impl ChatProvider {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let provider = reader.choice(
            "provider",
            &[("anthropic", ChatProviderKind::Anthropic), ("ollama", ChatProviderKind::Ollama)],
            ChatProviderKind::Anthropic,
        );
        let read = Self {
            provider,
            model: reader.text("model", ""),
            base_url: reader.text("base_url", ""),
            api_key: Secret::new(reader.text("api_key", "")),
            keep_alive: reader.text("keep_alive", "1h"),
        };
        if read.provider == ChatProviderKind::Ollama && read.base_url.is_empty() {
            reader.error("base_url", "is required for provider `ollama`", Some("for example `http://127.0.0.1:11434`".to_owned()));
        }
        if !read.base_url.is_empty() && !read.base_url.starts_with("http://") && !read.base_url.starts_with("https://") {
            reader.error("base_url", "must start with http:// or https://", None);
        }
        reader.finish();
        read
    }
}

impl LlmLogging {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let read = Self { enabled: reader.boolean("enabled", false), retention_days: reader.count("retention_days", 1..=36_525, 30) };
        reader.finish();
        read
    }
}
