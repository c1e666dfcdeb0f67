//! What the owner of an account wants beside the provider's limits, and when paused tasks come back.

use crate::time::Timestamp;

/// Tasks that wait for the same reset come back within this time after it, in milliseconds.
pub const RESUME_SPREAD_MS: i64 = 30_000;

/// Hours of the day in which nothing starts, in minutes since midnight of the owner's zone; may pass midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// First quiet minute, 0 to 1439.
    pub from: u16,
    /// First minute that is no longer quiet, 0 to 1439. The same as `from`: never quiet.
    pub to: u16,
}

impl QuietHours {
    /// Minutes until the quiet is over at `minute` of the day; `None` when it is not quiet.
    #[must_use]
    pub const fn minutes_left(self, minute: u16) -> Option<u16> {
        let inside = if self.from <= self.to { minute >= self.from && minute < self.to } else { minute >= self.from || minute < self.to };
        if !inside {
            return None;
        }
        Some(if minute < self.to { self.to - minute } else { 1_440_u16.saturating_sub(minute) + self.to })
    }
}

/// What the owner wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountPolicy {
    /// Used part of a window, 0.0 to 1.0, from which nothing starts; `None`: up to the provider's limit.
    pub stop_at: Option<f64>,
    /// When nothing starts.
    pub quiet: Vec<QuietHours>,
}

/// When a task that was paused for a limit comes back: the first (`place` 0) at the reset, as the probe; the others spread by `jitter`
/// (0.0 to 1.0, clamped) over the time after it (limits R5).
#[must_use]
pub fn resume_at(reset: Timestamp, place: usize, jitter: f64) -> Timestamp {
    if place == 0 {
        return reset;
    }
    let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
    reset.plus_millis(1_000 + (jitter * RESUME_SPREAD_MS as f64) as i64)
}
