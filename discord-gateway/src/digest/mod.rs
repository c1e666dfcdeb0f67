//! What a day was: told once a day, silent when nothing happened; and the hours in which no phone rings.
//!
//! Spec: specs/discord-gateway/events.md

mod day;
mod tell;

pub(crate) use day::is_quiet;
pub(crate) use tell::serve;
