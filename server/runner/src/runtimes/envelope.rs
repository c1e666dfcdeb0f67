//! A line of a program that speaks JSON objects, one a line: a message, or what becomes of a line that is none (runtimes R3).
//!
//! Spec: specs/server/runner/runtimes.md

use aq_core::output::OutputBody;
use serde_json::Value;

use super::command::plain;
use super::sidelines::Sidelines;
use crate::spool::{RawKind, RawLine};

/// What a raw line is.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::runtimes) enum Envelope {
    /// A message of the protocol: a JSON object.
    Message(Value),
    /// Anything else, as the item that it becomes.
    Other(OutputBody),
    /// Nothing.
    Blank,
}

/// Takes a line apart. Standard error is remembered in `sidelines`.
pub(in crate::runtimes) fn open(line: &RawLine, sidelines: &mut Sidelines) -> Envelope {
    match line.kind {
        RawKind::Gap => return Envelope::Other(plain(line)),
        RawKind::Stderr => {
            sidelines.remember(&line.text());
            return Envelope::Other(plain(line));
        }
        RawKind::Stdout => {}
    }
    if line.bytes.iter().all(u8::is_ascii_whitespace) {
        return Envelope::Blank;
    }
    match serde_json::from_slice::<Value>(&line.bytes) {
        Ok(message) if message.is_object() => Envelope::Message(message),
        // A message whose end is missing is of no use to anybody as text.
        _ if line.truncated && line.bytes.starts_with(b"{") => {
            let bytes = line.bytes.len() as u64 + line.dropped;
            Envelope::Other(OutputBody::Gap { bytes, reason: "a message of the agent was too long".to_owned() })
        }
        _ => Envelope::Other(plain(line)),
    }
}
