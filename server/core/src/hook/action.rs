//! What a hook does.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How urgent a notice is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    #[default]
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody must look.
    Error,
}

impl Severity {
    /// The stored and shown name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One act of a hook. Texts may hold placeholders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Action {
    /// Creates a task in the hook's project.
    CreateTask {
        /// The title; what is too long is cut.
        title: String,
        /// The whole instruction; empty: the title.
        description: String,
        /// Lower runs first.
        priority: i32,
        /// Finished work waits for approval.
        requires_approval: bool,
    },
    /// Tells people something, as an event.
    Notice {
        /// What.
        text: String,
        /// How urgent it is.
        severity: Severity,
    },
    /// Makes a call of the API.
    Command {
        /// The call, for example `StopTask`.
        name: String,
        /// Its request; placeholders are filled into its texts.
        arguments: Value,
    },
    /// Asks a model, which may use the tools that the hook's owner may use.
    AskModel {
        /// What is asked.
        prompt: String,
        /// The provider; empty: the configured one.
        provider: String,
        /// The model; empty: the configured one.
        model: String,
        /// Longest wait for the whole answer, in milliseconds.
        timeout_ms: u64,
    },
}

impl Action {
    /// The stored and shown name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CreateTask { .. } => "create_task",
            Self::Notice { .. } => "notice",
            Self::Command { .. } => "command",
            Self::AskModel { .. } => "ask_model",
        }
    }
}
