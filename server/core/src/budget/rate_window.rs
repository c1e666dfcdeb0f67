//! A restarting window of an operator's own: so many tokens per minute, hour or day for one runtime.

use crate::text_enum::text_enum;
use crate::time::Timestamp;

text_enum! {
    /// Length of the window.
    RatePeriod, "rate limit" {
        /// 60 seconds.
        Minute = "per_minute",
        /// 3,600 seconds.
        Hour = "per_hour",
        /// 86,400 seconds.
        Day = "per_day",
    }
}

impl RatePeriod {
    /// Length in milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }
}

/// The window: it starts with the first use, and starts over with the first use after its end (F-056). Not a rolling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitWindow {
    /// Its length.
    pub period: RatePeriod,
    /// Most tokens within it.
    pub max_tokens: u64,
    /// Tokens within it so far.
    pub current_tokens: u64,
    /// When it started.
    pub start: Timestamp,
}

impl RateLimitWindow {
    /// An empty window that starts at `now`.
    #[must_use]
    pub const fn new(period: RatePeriod, max_tokens: u64, now: Timestamp) -> Self {
        Self { period, max_tokens, current_tokens: 0, start: now }
    }

    const fn is_over(&self, now: Timestamp) -> bool {
        now.millis_since(self.start) > self.period.millis()
    }

    /// True when nothing more may be used at `now`.
    #[must_use]
    pub const fn exceeded(&self, now: Timestamp) -> bool {
        !self.is_over(now) && self.current_tokens >= self.max_tokens
    }

    /// Milliseconds until it ends; 0 when it has ended.
    #[must_use]
    pub fn millis_until_reset(&self, now: Timestamp) -> i64 {
        self.period.millis().saturating_sub(now.millis_since(self.start)).max(0)
    }

    /// Adds what was used at `now`.
    pub const fn record(&mut self, tokens: u64, now: Timestamp) {
        if self.is_over(now) {
            self.current_tokens = 0;
            self.start = now;
        }
        self.current_tokens = self.current_tokens.saturating_add(tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-056: minute, hour and day windows exceed and reset.
    #[test]
    fn windows_exceed_and_start_over() {
        for period in RatePeriod::ALL {
            let start = Timestamp::from_millis(1_000);
            let mut window = RateLimitWindow::new(*period, 100, start);
            window.record(99, start);
            assert!(!window.exceeded(start));
            window.record(1, start);
            let end = start.plus_millis(period.millis());
            assert!(window.exceeded(start) && window.exceeded(end) && !window.exceeded(end.plus_millis(1)));
            assert_eq!((window.millis_until_reset(start), window.millis_until_reset(end.plus_millis(9))), (period.millis(), 0));
            window.record(7, end.plus_millis(1));
            assert_eq!((window.current_tokens, window.start), (7, end.plus_millis(1)));
        }
        assert_eq!([RatePeriod::Minute, RatePeriod::Hour, RatePeriod::Day].map(RatePeriod::millis), [60_000, 3_600_000, 86_400_000]);
        assert!(RatePeriod::read("per_week").is_err());
    }
}
