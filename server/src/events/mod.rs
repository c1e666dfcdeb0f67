//! What subscribers are told: committed events, and the output of runs.
//!
//! Facts travel in one direction only: they are published after their commit, and readers follow them by cursor. Nobody is called back.
//!
//! Spec: specs/server/events.md

mod bus;
mod output_hub;
mod output_log;
mod output_records;
mod wake;
pub mod wire;

pub use bus::{EventBus, EventFeed};
pub use output_hub::{OutputFeed, OutputHub};
pub use output_log::{OutputError, OutputLog};
pub use wake::Wake;
