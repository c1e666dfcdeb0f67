//! Charts: figures in, pictures out. What is drawn is decided in plain data first (`plan`, `usage`, `limits`, `board`), then painted and
//! encoded (`letters`, `paint`, `picture`).
//!
//! Spec: specs/discord-gateway/charts.md

mod board;
mod letters;
mod limits;
mod paint;
mod picture;
mod plan;
mod slots;
mod usage;

pub(crate) use board::board;
pub(crate) use limits::{limits, share};
pub(crate) use picture::attached;
pub(crate) use slots::{Over, Slot, slots};
pub(crate) use usage::usage;
