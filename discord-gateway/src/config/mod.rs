//! The gateway's own section of the configuration, `discord`, checked as a whole: who may speak to the bot, and how channels are named.
//!
//! Spec: specs/discord-gateway/README.md

mod document;
mod environment;
mod section;

pub(crate) use environment::Environment;
pub(crate) use section::{DiscordSection, Problems, load};
