//! The port to models: what is asked, and what comes back piece by piece.

use super::message::{Message, RawToolUse, ToolSpec};
use crate::output::TokenUsage;
use crate::runner_link::BoxFuture;

/// What a call is for; names it in records and in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A turn of the chat.
    Chat,
    /// A summary of older turns.
    Summary,
    /// A hook.
    Hook,
    /// Reading a plan.
    Plan,
}

impl Purpose {
    /// The name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Summary => "summary",
            Self::Hook => "hook",
            Self::Plan => "plan",
        }
    }
}

/// A call of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCall {
    /// What it is for.
    pub purpose: Purpose,
    /// The model; empty: the provider's configured one.
    pub model: String,
    /// The system prompt.
    pub system: String,
    /// The conversation; begins and ends with a person.
    pub messages: Vec<Message>,
    /// The tools offered.
    pub tools: Vec<ToolSpec>,
    /// False: the tools are told, because the conversation mentions them, and may not be used.
    pub may_use_tools: bool,
    /// A tool that has to be used; `None`: the model decides.
    pub must_use: Option<String>,
    /// Most tokens of the answer.
    pub max_tokens: u32,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// Something that the person should know, for example that a model has to be loaded first.
    Notice(String),
    /// A piece of the model's thinking.
    Thinking(String),
    /// A piece of its text.
    Text(String),
    /// A tool that is wanted, whole.
    ToolUse(RawToolUse),
    /// Tokens used by the whole call so far; the last one counts.
    Usage(TokenUsage),
    /// Why the answer ends. Nothing but usage comes behind it.
    Stop(StopReason),
}

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The model has said everything.
    Finished,
    /// It waits for tools.
    ToolUse,
    /// The most tokens were reached, or the context is full.
    Length,
    /// The model or its provider refused.
    Refused,
}

/// Why a model gave no answer, or not a whole one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// There is no credential.
    #[error("no model is configured: {0}")]
    NotConfigured(String),
    /// The credential is refused.
    #[error("the provider refuses the credential: {0}")]
    Auth(String),
    /// A limit of the account is reached.
    #[error("the provider's limit is reached{}: {message}", .retry_after_ms.map(|wait| format!(", free again in {} s", wait.div_ceil(1000))).unwrap_or_default())]
    Limited {
        /// When to come back, as far as it is told, in milliseconds.
        retry_after_ms: Option<u64>,
        /// What was said.
        message: String,
    },
    /// Too much to do, or an error of the provider.
    #[error("the provider is overloaded or has failed: {0}")]
    Overloaded(String),
    /// Nobody answers, or too late.
    #[error("the provider cannot be reached: {0}")]
    Unreachable(String),
    /// The request is refused: a wrong model, a conversation that is too long.
    #[error("the provider refuses the request: {0}")]
    Rejected(String),
    /// The answer is none.
    #[error("the provider's answer cannot be read: {0}")]
    Malformed(String),
    /// The answer broke off.
    #[error("the provider's answer broke off: {0}")]
    Cut(String),
}

impl ModelError {
    /// True when the same call may succeed later.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Limited { .. } | Self::Overloaded(_) | Self::Unreachable(_) | Self::Cut(_))
    }
}

/// An answer while it comes.
pub trait Answer: Send {
    /// The next piece; `None` behind the last. After an error nothing comes. May be abandoned at any point.
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Delta, ModelError>>>;
}

/// A model that can be talked to.
pub trait ChatModel: Send + Sync {
    /// Who serves it: `anthropic`, `ollama`, `openai`, `scripted`.
    fn provider(&self) -> &'static str;

    /// The model that is asked when a call names none.
    fn model(&self) -> String;

    /// Asks. The answer is over when its stream is; dropping it ends the call.
    fn ask<'a>(&'a self, call: &'a ModelCall) -> BoxFuture<'a, Result<Box<dyn Answer>, ModelError>>;
}
