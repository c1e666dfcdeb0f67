//! The engine of hooks: starts their runs from events and due times, carries the runs out, and keeps their ledger.
//!
//! What is decided lives in the core, what is written in one transaction in `commands`.
//!
//! Reading order: `ports`, `engine`, `run`, `steps`, `acts`, `asker`.
//!
//! Spec: specs/server/hooks.md

mod acts;
mod asker;
mod engine;
mod parts;
mod ports;
mod run;
mod steps;

pub use asker::Asker;
pub use engine::HookEngine;
pub use parts::Parts;
pub use ports::{Commands, Model, ModelAnswer, ModelAsk, ProgramEnd, ProgramOrder, Programs};
