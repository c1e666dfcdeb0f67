//! Discord itself: what comes from it, and how calls travel to it. The only folder that names its library.
//!
//! Spec: specs/discord-gateway/README.md

#[cfg(test)]
mod fuzz;
mod http;
mod inbound;
mod incoming;
#[cfg(test)]
mod properties;
mod token;

pub(crate) use http::Http;
pub(crate) use inbound::{GatewayError, listen};
pub(crate) use incoming::{Incoming, Interaction, Kind, Written};
pub(crate) use token::is_token;
