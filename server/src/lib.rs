//! The Agent Queue server.
//!
//! Spec: specs/server/README.md

pub mod clock;
pub mod events;
pub mod store;
