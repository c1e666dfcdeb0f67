//! What comes from Discord, given to those who handle it: in order within a channel, never more at once than is good.
//!
//! Spec: specs/discord-gateway/routing.md

mod receive;
mod serve;

pub(crate) use serve::serve;
