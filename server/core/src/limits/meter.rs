//! How many tokens make up a provider's window: learned from what it said is used and what was spent meanwhile.
//!
//! The window itself lives in `account`.

use crate::time::Timestamp;

/// Least growth of the used part from which the size of a window is believed. Providers round to whole percents.
const LEAST_GROWTH: f64 = 0.02;
/// Growth from which a new cycle's own figures replace those of the cycle before.
const SURE_GROWTH: f64 = 0.10;

/// The figures of one window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Meter {
    /// Used part when this cycle of the window was first heard of; `None`: nothing heard yet.
    pub base_used: Option<f64>,
    /// When that was. What was spent on the account from here on is `spent`.
    pub base_at: Timestamp,
    /// Model tokens spent on the account since then, as far as they draw from the window.
    pub spent: u64,
    /// `spent` when the used part was last heard.
    pub heard_spent: u64,
    /// Model tokens that make up the whole window; `None`: not known yet. Kept when a new cycle begins.
    pub capacity: Option<f64>,
}

impl Meter {
    /// A meter at the first evidence.
    #[must_use]
    pub const fn begin(used: Option<f64>, at: Timestamp) -> Self {
        Self { base_used: used, base_at: at, spent: 0, heard_spent: 0, capacity: None }
    }

    /// A new cycle of the window begins, of which nothing was heard yet.
    pub const fn begin_again(&mut self, at: Timestamp) {
        *self = Self { capacity: self.capacity, ..Self::begin(None, at) };
    }

    /// Takes in that `used` was heard at `at`; `same_cycle`: the window has not been reset since the last evidence.
    pub fn observe(&mut self, used: Option<f64>, same_cycle: bool, at: Timestamp) {
        let Some(used) = used.filter(|used| used.is_finite()) else {
            if !same_cycle {
                self.begin_again(at);
            }
            return;
        };
        let Some(base) = self.base_used.filter(|base| same_cycle && used >= *base) else {
            *self = Self { capacity: self.capacity, ..Self::begin(Some(used), at) };
            return;
        };
        self.heard_spent = self.spent;
        let grown = used - base;
        if grown >= LEAST_GROWTH && self.spent > 0 {
            let measured = self.spent as f64 / grown;
            // What the person spends beside us makes the window look smaller; so does rounding. A little evidence moves the figure a little.
            let weight = (grown / SURE_GROWTH).min(1.0);
            self.capacity = Some(self.capacity.map_or(measured, |known| known + (measured - known) * weight));
        }
    }

    /// The used part now, when `used` was heard last: what was spent since is added where the size is known.
    #[must_use]
    pub fn estimate(&self, used: f64) -> f64 {
        match self.capacity {
            Some(capacity) if capacity >= 1.0 => used + self.spent.saturating_sub(self.heard_spent) as f64 / capacity,
            _ => used,
        }
    }

    /// `part` of the window in tokens; `None` while its size is not known.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the product is not negative and the cast saturates")]
    pub fn tokens_of(&self, part: f64) -> Option<u64> {
        self.capacity.map(|capacity| (part.max(0.0) * capacity) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// limits R3: the size is learned from the growth of the used part, kept over resets, and used between two messages.
    #[test]
    fn the_size_of_a_window_is_learned() {
        let mut meter = Meter::begin(Some(0.10), at(0));
        meter.spent = 10_000;
        meter.observe(Some(0.11), true, at(1));
        assert_eq!(meter.capacity, None, "one percent may be rounding");
        meter.spent = 100_000;
        meter.observe(Some(0.20), true, at(2));
        assert!((meter.capacity.unwrap() - 1_000_000.0).abs() < 1.0);
        meter.spent += 50_000;
        assert!((meter.estimate(0.20) - 0.25).abs() < 1e-9);
        assert_eq!(meter.tokens_of(0.5), Some(500_000));
        meter.observe(Some(0.0), false, at(3));
        assert_eq!((meter.spent, meter.base_used), (0, Some(0.0)));
        assert!(meter.capacity.is_some());
        meter.observe(None, false, at(4));
        assert_eq!((meter.base_used, meter.base_at, meter.capacity.is_some()), (None, at(4), true));
    }

    /// limits R3: a part that grows although nothing was spent here says nothing of the size; one that falls below the first, or that is of another cycle, begins anew.
    #[test]
    fn only_what_was_spent_here_tells_the_size() {
        let mut meter = Meter::begin(Some(0.1), at(0));
        meter.observe(Some(0.5), true, at(1));
        assert_eq!((meter.capacity, meter.base_used), (None, Some(0.1)));
        for (used, same_cycle) in [(0.05, true), (0.6, false)] {
            meter.spent = 1_000;
            meter.observe(Some(used), same_cycle, at(2));
            assert_eq!((meter.capacity, meter.base_used, meter.spent), (None, Some(used), 0));
        }
    }

    /// limits R3: a little evidence moves the size a little, much of it replaces what was known; less than a token is no size.
    #[test]
    fn the_size_moves_with_the_evidence() {
        let learned = |grown: f64| {
            let mut meter = Meter { capacity: Some(1_000_000.0), ..Meter::begin(Some(0.0), at(0)) };
            meter.spent = 10_000;
            meter.observe(Some(grown), true, at(1));
            meter.capacity.unwrap()
        };
        assert!(
            (learned(0.05) - 600_000.0).abs() < 1.0 && (learned(0.2) - 50_000.0).abs() < 1.0 && (learned(0.01) - 1_000_000.0).abs() < 1.0
        );
        let tiny = Meter { capacity: Some(0.5), spent: 10, ..Meter::begin(Some(0.2), at(0)) };
        assert!((tiny.estimate(0.2) - 0.2).abs() < 1e-9);
    }
}
