//! The gateway's own section of the configuration, `discord`, checked as a whole: who may speak to the bot, and how channels are named.
//!
//! Spec: specs/discord-gateway/README.md

mod document;
mod environment;
mod rights;
mod section;
mod token;

pub(crate) use document::merged;
pub(crate) use environment::{Environment, read_small};
pub(crate) use section::{DiscordSection, Problems, load};
pub(crate) use token::BotToken;
