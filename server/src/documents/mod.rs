//! Documents of projects as files below the server's home: notes and prompt templates.
//!
//! Names and texts are decided in the core; who may ask, and what is told about it, in `api`.
//!
//! Spec: specs/server/notes.md

mod error;
mod folder;
mod notes;
mod prompts;

pub use error::DocumentError;
pub use notes::{Note, NoteLine, Notes, Written};
pub use prompts::{Prompt, Prompts};
