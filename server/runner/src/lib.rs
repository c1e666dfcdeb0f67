//! The runner: executes runs on one machine. It knows the server only through the `RunnerLink` words of aq-core.
//!
//! Not here: decisions (what runs when), storage, the API.
//!
//! Spec: specs/server/runner/README.md

pub mod entry;
pub mod git;
pub mod process;
pub mod redact;
pub mod runtimes;
pub mod sandbox;
pub mod service;
pub mod shim;
pub mod spool;
