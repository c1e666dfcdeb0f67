//! Servers that work and are killed, or live on with troubles.
//!
//! Spec: specs/server/torture.md

mod asking;
mod lives;
mod soak;

pub(crate) use lives::{Plan, run};
