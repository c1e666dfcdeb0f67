//! The window governor: may something start on an account now? No model is asked, nothing is guessed that evidence could say.
//!
//! What is known of an account lives in `account`; budgets of our own live in `budget`.
//!
//! Spec: specs/server/core/limits.md

mod filler;
mod gate;
mod hours;
mod meter;
mod policy;
mod refusal;
mod span;
#[cfg(test)]
mod tests;

pub use filler::{even_part, filler_may_run};
pub use gate::{Closed, Gate, GateReason, Load, Room, gate, room, sentence};
pub use hours::{DayHours, HoursError};
pub use meter::Meter;
pub use policy::{AccountPolicy, PolicyError, read_zone};
pub use refusal::{RESUME_SPREAD_MS, Refusal, family_of, is_throttle, refusal, resume_at};
pub use span::span_of;
