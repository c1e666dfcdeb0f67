//! The Agent Queue server.
//!
//! Spec: specs/server/README.md

pub mod store;
