//! Streams that survive broken connections: they call again behind the last number received, so that the consumer sees everything once
//! and in order.
//!
//! `engine` does the calling and waiting; `output` and `events` know what the numbers of their streams mean; `backoff` how long to wait.
//!
//! Spec: specs/proto/resume.md

mod backoff;
mod engine;
mod events;
mod output;

pub use backoff::Backoff;
pub use engine::{Accepted, Cursor, Interruption, OnInterruption, ResumeError, ResumeOptions, Resumed, is_fatal, resume};
pub use events::{EventCursor, watch_events};
pub use output::{OutputCursor, stream_run_output};

#[cfg(test)]
mod tests;
