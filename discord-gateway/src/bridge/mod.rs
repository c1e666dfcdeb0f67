//! What all parts share: the way to the server, the way to Discord, the configuration, and what is known at the moment.
//!
//! Spec: specs/discord-gateway/README.md

mod cards;
mod guild;
#[cfg(test)]
mod lonely;
mod openings;
mod state;

pub(crate) use guild::GuildError;
pub(crate) use state::Bridge;
