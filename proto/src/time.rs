//! Instants and lengths of time between the wire and plain numbers. Reading a clock happens elsewhere.
//!
//! Spec: specs/proto/README.md

use std::time::Duration;

/// Why a time on the wire is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// The nanoseconds lie outside 0 to 999,999,999.
    #[error("nanoseconds must lie between 0 and 999999999")]
    Nanos,
    /// The instant lies outside the years 1 to 9999.
    #[error("the instant must lie in the years 1 to 9999")]
    Range,
    /// The length of time is below zero.
    #[error("the duration must not be negative")]
    Negative,
}

const FIRST_SECOND: i64 = -62_135_596_800;
const LAST_SECOND: i64 = 253_402_300_799;

/// The instant `millis` milliseconds after the Unix epoch, for the wire. Contract R5.
#[must_use]
pub fn timestamp(millis: i64) -> prost_types::Timestamp {
    let nanos = i32::try_from(millis.rem_euclid(1000)).unwrap_or_default().saturating_mul(1_000_000);
    prost_types::Timestamp { seconds: millis.div_euclid(1000), nanos }
}

/// Milliseconds since the Unix epoch of an instant on the wire; parts of a millisecond are cut.
///
/// # Errors
/// [`InvalidTime`] when the instant is not a valid `google.protobuf.Timestamp`.
pub fn millis(time: &prost_types::Timestamp) -> Result<i64, InvalidTime> {
    if !(0..1_000_000_000).contains(&time.nanos) {
        return Err(InvalidTime::Nanos);
    }
    if !(FIRST_SECOND..=LAST_SECOND).contains(&time.seconds) {
        return Err(InvalidTime::Range);
    }
    Ok(time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos / 1_000_000)))
}

/// A length of time for the wire; longer than the wire can say becomes the longest.
#[must_use]
pub fn duration(length: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    prost_types::Duration { seconds, nanos: i32::try_from(length.subsec_nanos()).unwrap_or_default() }
}

/// A length of time from the wire.
///
/// # Errors
/// [`InvalidTime`] when it is negative or not a valid `google.protobuf.Duration`.
pub fn length(duration: &prost_types::Duration) -> Result<Duration, InvalidTime> {
    if duration.seconds < 0 || duration.nanos < 0 {
        return Err(InvalidTime::Negative);
    }
    let nanos = u32::try_from(duration.nanos).ok().filter(|nanos| *nanos < 1_000_000_000).ok_or(InvalidTime::Nanos)?;
    let seconds = u64::try_from(duration.seconds).map_err(|_| InvalidTime::Negative)?;
    Ok(Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Contract R5: every instant we can state survives the wire.
        #[test]
        fn instants_survive_the_wire(value in (FIRST_SECOND * 1000)..(LAST_SECOND * 1000)) {
            prop_assert_eq!(millis(&timestamp(value)), Ok(value));
        }

        /// Contract R5: lengths of time survive the wire.
        #[test]
        fn lengths_survive_the_wire(seconds in 0..u64::from(u32::MAX), nanos in 0..1_000_000_000_u32) {
            let value = Duration::new(seconds, nanos);
            prop_assert_eq!(length(&duration(value)), Ok(value));
        }
    }

    /// Contract R5, invariant I-36: times are validated at the edge.
    #[test]
    fn impossible_times_are_refused() {
        assert_eq!(millis(&prost_types::Timestamp { seconds: 0, nanos: -1 }), Err(InvalidTime::Nanos));
        assert_eq!(millis(&prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }), Err(InvalidTime::Range));
        assert_eq!(length(&prost_types::Duration { seconds: -1, nanos: 0 }), Err(InvalidTime::Negative));
        assert_eq!(length(&prost_types::Duration { seconds: 0, nanos: 1_000_000_000 }), Err(InvalidTime::Nanos));
        assert_eq!(timestamp(-1), prost_types::Timestamp { seconds: -1, nanos: 999_000_000 });
    }
}
