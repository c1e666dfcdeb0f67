//! Takes secrets out of text before it leaves the spool: known values, and what is shaped like a credential.
//!
//! Which values are secret is told by who starts a run; keeping them from the agent is the sandbox's.
//!
//! Spec: specs/server/runner/redact.md

mod encoded;
mod redactor;
mod shapes;
mod stream;

pub use redactor::{MIN_SECRET_BYTES, REDACTED, RedactError, Redactor};
pub use stream::StreamRedactor;

/// How much of a stream is held back at least, in bytes: every shape begins to match within it.
const HELD_BYTES: usize = 128;

#[cfg(test)]
mod tests;
