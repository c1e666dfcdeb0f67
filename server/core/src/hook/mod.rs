//! Hooks: what starts them and when, what they look at first, and what is put into their texts. Everything here is a function of its arguments.
//!
//! Carrying steps and actions out, and the ledger of runs, are the server's.
//!
//! Spec: specs/server/core/hook.md

mod action;
mod check;
mod due;
mod gate;
mod matching;
mod model;
mod placeholder;
mod step;
#[cfg(test)]
mod tests;

pub use action::{Action, Severity};
pub use check::{MAX_COOLDOWN_MS, MAX_NAME_CHARS, Problem, Rules, check};
pub use due::{Due, LATE_MS, MAX_AT_ONCE, due, first_due, next_due};
pub use gate::{Waiting, day_start, startable};
pub use matching::{event_value, matches};
pub use model::{Condition, Hook, Missed, Operator, Owner, RunCause, RunState, Trigger};
pub use placeholder::{MAX_FILLED_BYTES, fill, fill_json};
pub use step::{ContextStep, NAMED_QUERIES, Step, short_circuit};
