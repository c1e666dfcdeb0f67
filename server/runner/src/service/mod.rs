//! The run service: carries out the server's orders with shims, git and runtimes, and reports what happens.
//!
//! Not here: what a program's lines mean (runtimes), processes (shim), repositories (git), decisions (the server).
//!
//! Spec: specs/server/runner/service.md

mod actor;
mod agent_run;
mod checks;
mod conclude;
mod config;
mod cursor;
mod drive;
mod errand;
mod journal;
mod launching;
mod mail;
mod orders;
mod places;
mod plans;
mod redaction;
mod release;
mod router;
mod shared;
mod stored;

pub use config::RunnerConfig;
pub use errand::{Errand, ErrandEnd};
pub use router::RunnerService;
