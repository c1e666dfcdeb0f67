//! The chat: turns with a model, whose tools are calls of the API made as the caller; summaries; plans read by a model.
//!
//! What a turn is lives in the core, the models in `chat_models`, the tools in `tools`.
//!
//! Reading order: `talker`, `drive`, `belt`, `books`, then the tools of the machine: `rooms`, `files`, `search`, `programs`; then `plans`.
//!
//! Spec: specs/server/chat.md

mod belt;
mod books;
mod content;
mod drive;
mod files;
mod parts;
mod plans;
mod programs;
mod rooms;
mod search;
mod talker;

pub use books::{Account, Books, Spent};
pub use parts::{Parts, Settings};
pub use plans::ModelPlans;
pub use programs::{Command, Ended, Programs};
pub use rooms::{Roots, Workspaces};
pub use talker::Talker;
