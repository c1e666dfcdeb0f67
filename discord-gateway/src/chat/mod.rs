//! Talking in plain words: what was said before, the sign that it is being thought about, the answer.
//!
//! Spec: specs/discord-gateway/chat.md

mod buffers;
mod history;
mod indicator;
mod turn;

pub(crate) use buffers::{Buffers, Cached};
pub(crate) use history::noting;
pub(crate) use turn::{cancel, turn};
