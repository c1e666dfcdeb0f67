//! The server process on this machine: its program, its lock, its log, its health. What is asked over the API lives in `commands`.
//!
//! Spec: specs/cli/server-control.md

pub(crate) mod disk;
pub(crate) mod health;
pub(crate) mod launch;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod program;
