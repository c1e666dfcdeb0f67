//! Tests of the server through its public parts, in one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api;
mod conservation;
mod events;
mod figures;
mod harness;
mod lifecycle;
mod store;
mod tidy;
