//! Section `pause_retry`: how long to wait when a limit says no without saying until when.
//!
//! Keys: `rate_limit_backoff_seconds`, `rate_limit_max_backoff_seconds`, `rate_limit_max_retries`,
//! `token_exhaustion_retry_seconds`.

use std::time::Duration;

use serde::Serialize;

use crate::config::document::seconds;
use crate::config::reader::Reader;

/// A day, the longest of these waits, in seconds.
const DAY_SECONDS: u64 = 24 * 3600;

/// Waits after a limit without a reset instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PauseRetry {
    /// First wait after a rate limit, 1 s to a day.
    #[serde(rename = "rate_limit_backoff_seconds", serialize_with = "seconds")]
    pub rate_limit_backoff: Duration,
    /// Longest wait after a rate limit, 1 s to a day.
    #[serde(rename = "rate_limit_max_backoff_seconds", serialize_with = "seconds")]
    pub rate_limit_max_backoff: Duration,
    /// How many rate limits in a row are waited out inside one run before it is paused.
    pub rate_limit_max_retries: u64,
    /// Wait after the tokens of a plan are used up, 1 s to a day.
    #[serde(rename = "token_exhaustion_retry_seconds", serialize_with = "seconds")]
    pub token_exhaustion_retry: Duration,
}

impl PauseRetry {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let read = Self {
            rate_limit_backoff: reader.seconds("rate_limit_backoff_seconds", 1..=DAY_SECONDS, 60),
            rate_limit_max_backoff: reader.seconds("rate_limit_max_backoff_seconds", 1..=DAY_SECONDS, 300),
            rate_limit_max_retries: reader.count("rate_limit_max_retries", 0..=1000, 3),
            token_exhaustion_retry: reader.seconds("token_exhaustion_retry_seconds", 1..=DAY_SECONDS, 300),
        };
        if read.rate_limit_max_backoff < read.rate_limit_backoff {
            reader.error("rate_limit_max_backoff_seconds", "is less than rate_limit_backoff_seconds", None);
        }
        reader.finish();
        read
    }
}
