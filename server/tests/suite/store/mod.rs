//! The store from outside: one set of tests for both databases, the writer, and what happens when the machine fails.
//!
//! Spec: specs/server/store.md

mod audit;
pub(crate) mod backend;
mod faults;
mod hook_kill;
mod hooks;
#[cfg(target_os = "linux")]
mod io;
mod keys;
mod kill;
mod leases;
mod lists;
mod migrate;
#[cfg(target_os = "linux")]
mod migrate_kill;
mod model;
#[cfg(target_os = "linux")]
mod nth_call;
#[cfg(target_os = "linux")]
mod power_cut;
mod readers;
mod ready;
mod samples;
mod tables;
mod trees;
mod usage;
mod writer;
