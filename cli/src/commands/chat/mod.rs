//! `aqctl chat`: say in plain words what you want.
//!
//! Spec: specs/cli/commands.md

mod history;
mod talk;
mod turn;

pub(crate) use talk::{Args, run};
