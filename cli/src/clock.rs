//! The one place that reads the time; everything else is told.

use jiff::Timestamp;

/// The present instant.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is told by")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
