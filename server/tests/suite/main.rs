//! Tests of the server through its public parts, in one binary.

mod api;
mod conservation;
mod events;
mod figures;
mod harness;
mod lifecycle;
mod store;
mod tidy;
