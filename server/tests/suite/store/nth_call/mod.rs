//! Lets the n-th call of the embedded database fail, for every n, while a process works through the writer: calls that write, read, lock and open, memory
//! that is refused, and pages that are rubbish.
//!
//! The library that fails the calls is in `io`. Faults of the machine that need no library are in `faults`.
//!
//! Spec: specs/server/store.md

mod cases;
mod outcome;
mod pages;
mod worker;
