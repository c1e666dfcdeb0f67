//! The normalised output of a run: the same items whatever program did the work.
//!
//! How a program's own lines become items lives in the runner's runtimes; how items are stored and streamed lives in the server.
//!
//! Spec: specs/server/core/output.md

mod failure;
mod item;
mod limit;
mod question;
mod tokens;

pub use failure::FailureClass;
pub use item::{LineStream, MAX_ITEM_TEXT_BYTES, OutputBody, OutputItem};
pub use limit::{LimitNotice, LimitStatus};
pub use question::{Question, QuestionKind, QuestionOption};
pub use tokens::TokenUsage;
