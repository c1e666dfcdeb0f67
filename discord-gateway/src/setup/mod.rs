//! Setting the gateway up, and checking that it can work: each step is tried for real (F-232, F-233).
//!
//! Spec: specs/discord-gateway/setup.md

mod check;
mod invite;
mod probe;
mod wizard;
mod write;

pub(crate) use check::check;
pub(crate) use wizard::{SetupError, setup};
