//! What a measurement is made of: turns, medians, percentiles, and the one place of the program that reads the time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How ours and a bare side take turns.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    /// Where databases are put.
    pub(crate) folder: PathBuf,
    /// Seconds of each measurement.
    pub(crate) seconds: f64,
    /// How often.
    pub(crate) rounds: usize,
}

impl Turns {
    /// The length of one measurement.
    pub(crate) fn span(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

/// The present instant.
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The middle one.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value that `share` of all values do not exceed.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a short list")]
    let place = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(place).copied().unwrap_or(0.0)
}

/// Counts per second.
#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
pub(crate) fn rate(count: u64, span: Duration) -> f64 {
    count as f64 / span.as_secs_f64().max(1e-9)
}

/// Nanoseconds since the Unix epoch, which two processes of a machine agree on.
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
pub(crate) fn nanos() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
