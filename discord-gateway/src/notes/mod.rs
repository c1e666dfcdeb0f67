//! The notes of a project as a thread: a table of contents in the channel, notes read in the thread, kept fresh.
//!
//! Spec: specs/discord-gateway/notes.md

mod contents;
mod desk;
mod import;
mod refresh;
mod threads;

pub(crate) use desk::{act, open};
pub(crate) use import::{ImportError, import};
pub(crate) use refresh::changed;
pub(crate) use threads::{forget, gone, know};
