//! The one place of this crate that reads the time.
//!
//! Spec: specs/server/runner/process.md

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use aq_core::time::Timestamp;

/// The wall-clock time, for records that people and other machines read. Never used to measure a limit.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// The monotonic time, which limits and grace periods are measured with: it never jumps.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn monotonic() -> Instant {
    Instant::now()
}
