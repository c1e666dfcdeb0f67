//! Sections `chat_provider`, `chat` and `llm_logging`: the model behind the chat, how far a turn goes, and whether calls are recorded.
//!
//! Keys of `chat_provider`: `provider`, `model`, `base_url`, `api_key`, `cli_login`, `keep_alive`, `context_tokens`, `first_timeout_seconds`,
//! `idle_timeout_seconds`. Keys of `chat`: `max_rounds`, `max_tokens`, `turn_tokens`, `turn_timeout_seconds`, `files`, `shell`, `file_roots`. Keys of
//! `llm_logging`: `enabled`, `retention_days`.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::config::document::seconds;
use crate::config::reader::Reader;
use crate::config::secret::Secret;

/// The model behind the chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatProvider {
    /// Who serves the model.
    pub provider: ChatProviderKind,
    /// The model; empty leaves the choice to the provider's default. Required for `openai`.
    pub model: String,
    /// Where the provider is reached; empty for its public address. Required for `ollama`'s.
    pub base_url: String,
    /// The provider's API key; empty when the chat is not used or the provider needs none.
    pub api_key: Secret,
    /// Whether the login that the Claude CLI keeps may be used when there is no key.
    pub cli_login: bool,
    /// How long Ollama keeps the model loaded.
    pub keep_alive: String,
    /// Tokens of context that Ollama loads the model with.
    pub context_tokens: u64,
    /// Longest wait for the beginning of an answer, 1 to 3600 s.
    #[serde(rename = "first_timeout_seconds", serialize_with = "seconds")]
    pub first: Duration,
    /// Longest wait between two pieces of an answer, 1 to 3600 s.
    #[serde(rename = "idle_timeout_seconds", serialize_with = "seconds")]
    pub idle: Duration,
}

/// Who serves the chat's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatProviderKind {
    /// Anthropic's API.
    Anthropic,
    /// An Ollama server.
    Ollama,
    /// Any endpoint that speaks OpenAI's Chat Completions.
    #[serde(rename = "openai")]
    OpenAi,
}

/// How far a turn of the chat goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chat {
    /// Calls of the model with tools, 1 to 200.
    pub max_rounds: u64,
    /// Most tokens of one answer, 256 to 200 000.
    pub max_tokens: u64,
    /// Tokens of a turn from which no further round begins.
    pub turn_tokens: u64,
    /// Longest turn, 10 to 7200 s.
    #[serde(rename = "turn_timeout_seconds", serialize_with = "seconds")]
    pub longest: Duration,
    /// Whether files of workspaces may be read and searched.
    pub files: bool,
    /// Whether administrators may run programs in workspaces through the chat.
    pub shell: bool,
    /// Folders that may be read besides, by whoever sees every project.
    pub file_roots: Vec<PathBuf>,
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
        let kinds =
            [("anthropic", ChatProviderKind::Anthropic), ("ollama", ChatProviderKind::Ollama), ("openai", ChatProviderKind::OpenAi)];
        let written = reader.has("provider");
        let provider = reader.choice("provider", &kinds, ChatProviderKind::Anthropic);
        let read = Self {
            provider,
            model: reader.text("model", ""),
            base_url: reader.text("base_url", ""),
            api_key: Secret::new(reader.text("api_key", "")),
            cli_login: reader.boolean("cli_login", false),
            keep_alive: reader.text("keep_alive", "1h"),
            context_tokens: reader.count("context_tokens", 2048..=10_000_000, 32_768),
            first: reader.seconds("first_timeout_seconds", 1..=3600, 300),
            idle: reader.seconds("idle_timeout_seconds", 1..=3600, 120),
        };
        read.check(&reader, written);
        reader.finish();
        read
    }

    fn check(&self, reader: &Reader<'_>, written: bool) {
        if self.provider == ChatProviderKind::Ollama && self.base_url.is_empty() {
            reader.error("base_url", "is required for provider `ollama`", Some("for example `http://127.0.0.1:11434`".to_owned()));
        }
        if self.provider == ChatProviderKind::OpenAi && written && self.model.is_empty() {
            reader.error("model", "is required for provider `openai`", None);
        }
        let plain = self.base_url.starts_with("http://");
        if !self.base_url.is_empty() && !plain && !self.base_url.starts_with("https://") {
            reader.error("base_url", "must start with http:// or https://", None);
        }
        let local = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].iter().any(|start| self.base_url.starts_with(start));
        if plain && !local && !self.api_key.is_empty() {
            let remedy = "use https://, or no key".to_owned();
            reader.error("base_url", "would send the key over the network unencrypted", Some(remedy));
        }
    }
}

impl Chat {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let (max_rounds, max_tokens) = (reader.count("max_rounds", 1..=200, 25), reader.count("max_tokens", 256..=200_000, 4096));
        let turn_tokens = reader.count("turn_tokens", 1_000..=100_000_000, 500_000);
        let longest = reader.seconds("turn_timeout_seconds", 10..=7200, 900);
        let (files, shell) = (reader.boolean("files", true), reader.boolean("shell", false));
        let roots = reader.texts("file_roots", &[]);
        let resolved = roots.iter().enumerate().filter_map(|(index, root)| reader.resolve_path(&format!("file_roots[{index}]"), root));
        let file_roots = resolved.collect();
        reader.finish();
        Self { max_rounds, max_tokens, turn_tokens, longest, files, shell, file_roots }
    }
}

impl LlmLogging {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let read = Self { enabled: reader.boolean("enabled", false), retention_days: reader.count("retention_days", 1..=36_525, 30) };
        reader.finish();
        read
    }
}
