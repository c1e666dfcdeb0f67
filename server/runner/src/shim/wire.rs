//! The words on the control socket: one JSON object per line, a request answered by one reply, events in between for who watches.
//!
//! Spec: specs/server/runner/shim.md

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Longest line before the key was shown, and after.
pub(super) const MAX_HELLO_BYTES: usize = 1024;
pub(super) const MAX_REQUEST_BYTES: usize = 12 * 1024 * 1024;

/// What the server asks.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Request {
    /// First on a connection that gives orders.
    Hello { key: String, epoch: u64 },
    /// First and last on a connection that only hears of new output; it gives no orders and so needs no epoch.
    Watch { key: String },
    /// Bytes for the agent's standard input.
    Stdin { id: String, data: String },
    /// No more input.
    CloseStdin,
    /// End the run.
    Stop { reason: String, grace_ms: u64 },
    /// Change the silence limit from now on; 0: none.
    Silence { limit_ms: u64 },
    /// How is the run?
    Status,
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The key is not the run's.
    #[error("the control key is wrong")]
    BadKey,
    /// A newer server has taken over.
    #[error("a newer server has taken over this run")]
    OldEpoch,
    /// The agent's standard input is closed, or was never held open.
    #[error("the agent's standard input is closed")]
    Closed,
    /// The agent does not read; too much is waiting already.
    #[error("the agent does not read its input, and too much is waiting already")]
    Full,
    /// The request cannot be read.
    #[error("the request cannot be read")]
    Malformed,
    /// An error that this version does not know.
    #[serde(other)]
    #[error("refused for a reason that this version does not know")]
    Other,
}

/// What became of input that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StdinReceipt {
    /// It was taken, and will reach the agent if it reads.
    Accepted,
    /// Input of the same id was taken before; nothing was written.
    Duplicate,
}

/// What the shim says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub(super) enum Reply {
    /// Done.
    Ok,
    /// Input taken or known.
    Stdin { receipt: StdinReceipt },
    /// Not done.
    Refused { why: Refusal },
    /// How the run is.
    Status { pid: i32, leader_alive: bool, stopping: bool, queued_bytes: usize },
    /// There is more output.
    Data,
}

/// A value as a line.
pub(super) fn line<T: Serialize>(value: &T) -> Vec<u8> {
    // These types hold only strings and numbers, which always have a JSON form.
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Bytes as they travel.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes that travelled; `None` when they are not base64.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
