//! The notes of a project as a thread: a table of contents in the channel, notes read in the thread, kept fresh.
//!
//! Spec: specs/discord-gateway/notes.md

mod contents;
mod desk;
mod refresh;

pub(crate) use desk::{act, open};
pub(crate) use refresh::changed;
