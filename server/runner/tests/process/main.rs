//! The process side of the runner against real processes: shims, spools, nasty agents. Linux only.
//!
//! Spec: specs/server/runner/shim.md

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod bench;
mod bubble;
mod containment;
mod control;
mod escapes;
mod nasty;
mod output;
mod start;
