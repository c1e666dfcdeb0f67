//! The looks of a hook: each gives an outcome, and what goes wrong is an outcome with `error`.
//!
//! Spec: specs/server/hooks.md

mod address;
mod diff;
mod file;
mod http;
mod look;
mod outcome;
mod place;
mod query;
mod shell;

pub(super) use look::look;
