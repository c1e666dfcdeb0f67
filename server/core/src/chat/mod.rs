//! A turn of the chat: what a person said, what the model is asked, which tools run, when it ends. Pure.
//!
//! Speaking to providers lives in the server's `chat_models`; running tools and streaming to callers in its `chat`.
//!
//! Reading order: `message`, `transcript`, `model`, `belt`, `turn`, `prompt`, `summary`.
//!
//! Spec: specs/server/core/chat.md

mod belt;
mod calls;
mod limits;
mod message;
mod model;
mod outcome;
mod prompt;
mod reserve;
mod summary;
mod transcript;
mod turn;

pub use belt::{Belt, Group, LOAD_TOOLS};
pub use limits::Limits;
pub use message::{Block, Message, RawToolUse, Speaker, ToolResult, ToolSpec, ToolUse};
pub use model::{Answer, ChatModel, Delta, ModelCall, ModelError, Purpose, StopReason};
pub use outcome::{Ending, Failure, Outcome, Step};
pub use prompt::{NAMED_TOOLS, RULES, Situation, system_prompt};
pub use summary::{SUMMARY_SYSTEM, SUMMARY_TOKENS, summary_call};
pub use transcript::{Said, TranscriptError, transcript};
pub use turn::{Effect, Event, Progress, Turn, turn};

#[cfg(test)]
mod histories;
#[cfg(test)]
mod tests;
