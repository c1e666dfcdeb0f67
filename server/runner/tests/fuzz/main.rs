//! Hostile output against the runner's readers: what programs print, what lies in a spool, what a state file holds.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

#[path = "../../../core/tests/fuzz/mutate.rs"]
mod mutate;
mod programs;
mod properties;
mod spools;
