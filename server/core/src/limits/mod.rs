//! The window governor: may something start on an account now? No model is asked, nothing is guessed that evidence could say.
//!
//! What is known of an account lives in `account`; budgets of our own live in `budget`.
//!
//! Spec: specs/server/core/limits.md

mod gate;
mod policy;
#[cfg(test)]
mod tests;

pub use gate::{Gate, GateReason, Load, gate};
pub use policy::{AccountPolicy, QuietHours, RESUME_SPREAD_MS, resume_at};
