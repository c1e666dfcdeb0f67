//! Discord itself: what comes from it, and how calls travel to it. The only folder that names its library.
//!
//! Spec: specs/discord-gateway/README.md

mod http;
mod inbound;
mod token;

pub(crate) use http::Http;
pub(crate) use inbound::{GatewayError, Incoming, Interaction, Kind, Written, listen};
pub(crate) use token::is_token;
