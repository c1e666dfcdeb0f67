//! The `command` runtime: any program; plain lines in the output, the exit code is the result.
//!
//! Spec: specs/server/runner/runtimes.md

mod launch;
mod lines;

pub use launch::Command;
pub(crate) use lines::{plain, rest};
