//! Tests of the server through its public parts, in one binary.

mod harness;
mod lifecycle;
mod store;
mod tidy;
