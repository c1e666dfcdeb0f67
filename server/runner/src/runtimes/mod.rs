//! Runtimes: how each kind of program is started and understood. Pure; the service does what is decided here.
//!
//! Not here: processes (shim), numbering, redaction and reporting (service), the prompt's words (core).
//!
//! Spec: specs/server/runner/runtimes.md

mod clip;
mod clock_text;
mod ending;
mod envelope;
mod environment;
mod joined;
mod json;
mod normalizer;
mod port;
mod refusal;
mod registry;
mod rejection;
mod reset_text;
mod sidelines;
mod telling;
mod wait_text;

pub mod acp;
pub mod claude;
pub mod codex;
pub mod command;
pub mod gemini;
pub mod opencode;
pub mod scripted;

pub use clip::{clip, first_line};
pub use ending::{early_outcome, late_outcome};
pub use environment::{allow_listed, identity_variables};
pub use normalizer::{Answered, End, ExitFacts, Frame, Normalizer, StdinWish, Step, Wishes};
pub use port::{LaunchOrder, LaunchPlan, LaunchRefused, Runtime};
pub use registry::runtime;
