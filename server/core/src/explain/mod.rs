//! Saying why a task does not run now, and what will wake it.
//!
//! Spec: specs/server/core/explain.md

mod reason;
#[cfg(test)]
mod tests;

pub use reason::{Facts, WaitReason, Wake, explain, preface};
