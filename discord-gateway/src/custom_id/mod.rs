//! What a click means, written into the button itself: stateless, versioned, valid after a restart; anything else is refused.
//!
//! Spec: specs/discord-gateway/actions.md

mod action;
mod code;

pub(crate) use action::{Action, Note, Verb};
pub(crate) use code::{fingerprint, read, write};
