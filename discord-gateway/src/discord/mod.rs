//! What we ask of Discord. The only folder that names its library.
//!
//! Spec: specs/discord-gateway/README.md

mod client;
mod token;

pub(crate) use client::client;
pub(crate) use token::is_token;
