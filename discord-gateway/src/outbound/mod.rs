//! Everything the gateway says to Discord goes through here: in order within a channel, within Discord's limits, once.
//!
//! Spec: specs/discord-gateway/outbound.md

mod breaker;
mod call;
mod limits;
mod post;
mod sender;
#[cfg(test)]
mod tests;

pub(crate) use call::{Broken, Call, CallError, Method, Reply, Transport};
pub(crate) use post::Known;
pub(crate) use sender::Outbound;
