//! The raw output of a run on disk: framed records in chunks, written by the shim, followed by the runner.
//!
//! What the lines mean is the runtimes' business; removing secrets is `redact`'s.
//!
//! Spec: specs/server/runner/spool.md

mod chunks;
mod reader;
mod record;
mod watch;
mod writer;

pub use reader::{RawLine, Reader, SpoolError};
pub use record::{MAX_LINE_BYTES, RawKind};
pub use writer::{CHUNK_BYTES, Writer};

#[cfg(test)]
mod tests;
