//! A sum over a rolling window that is kept up to date as things happen, so that nobody ever adds up a table.
//!
//! What is summed (tokens, completions, failures) is the caller's business; budgets live in `budget`.
//!
//! Spec: specs/server/core/window.md

use crate::time::Timestamp;

/// Sums amounts over the last `window` of time, exact to one bucket (window R1).
///
/// An amount added at `t` counts until the whole bucket of `t` lies outside the window: for at least the window and at most one bucket
/// longer. Adding costs O(1); moving on costs O(buckets passed), at most all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollingSum {
    bucket_ms: i64,
    /// A ring: the bucket with number `n` is at `n` modulo the length.
    buckets: Vec<u64>,
    /// Number of the newest bucket; instants before it never move it back.
    newest: i64,
    sum: u64,
}

impl RollingSum {
    /// An empty sum over `window_ms`, cut into `buckets` parts (both at least 1). Memory: 8 bytes per bucket.
    #[must_use]
    pub fn new(window_ms: i64, buckets: u16) -> Self {
        let count = i64::from(buckets.max(1));
        let window_ms = window_ms.max(1);
        let bucket_ms = window_ms / count + i64::from(window_ms % count != 0);
        // One more than the window holds: the newest bucket is still filling while the oldest is still leaving.
        Self { bucket_ms, buckets: vec![0; usize::from(buckets.max(1)) + 1], newest: i64::MIN, sum: 0 }
    }

    /// The usual window of the scheduler: 24 hours in buckets of 5 minutes.
    #[must_use]
    pub fn day() -> Self {
        Self::new(86_400_000, 288)
    }

    fn length(&self) -> i64 {
        i64::try_from(self.buckets.len()).unwrap_or(i64::MAX)
    }

    fn number(&self, at: Timestamp) -> i64 {
        at.as_millis().div_euclid(self.bucket_ms)
    }

    fn slot(&mut self, number: i64) -> Option<&mut u64> {
        let index = usize::try_from(number.rem_euclid(self.length())).ok()?;
        self.buckets.get_mut(index)
    }

    /// The oldest bucket that counts.
    fn oldest(&self) -> i64 {
        self.newest.saturating_sub(self.length() - 1)
    }

    /// Moves the window on to `now`; a clock that goes back changes nothing.
    pub fn advance(&mut self, now: Timestamp) {
        let number = self.number(now);
        if number <= self.newest {
            return;
        }
        let first = self.newest.saturating_add(1).max(number.saturating_sub(self.length() - 1));
        for leaving in first..=number {
            let amount = self.slot(leaving).map_or(0, std::mem::take);
            self.sum = self.sum.saturating_sub(amount);
        }
        self.newest = number;
    }

    /// Adds `amount` at `at`. What lies before the window is left out; what lies after its end moves the window on.
    pub fn add(&mut self, at: Timestamp, amount: u64) {
        self.advance(at);
        let number = self.number(at);
        if number < self.oldest() {
            return;
        }
        if let Some(bucket) = self.slot(number) {
            let room = u64::MAX - *bucket;
            *bucket += amount.min(room);
            self.sum = self.sum.saturating_add(amount.min(room));
        }
    }

    /// The sum at `now`.
    #[must_use]
    pub fn sum(&mut self, now: Timestamp) -> u64 {
        self.advance(now);
        self.sum
    }

    /// The instant from which everything counts, as of the last move: rows older than this need not be loaded again.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        Timestamp::from_millis(self.oldest().saturating_mul(self.bucket_ms))
    }

    /// The sum of what was added at or after `from`, exact to one bucket (the bucket of `from` counts whole). O(buckets).
    #[must_use]
    pub fn sum_from(&self, from: Timestamp) -> u64 {
        let first = self.number(from).max(self.oldest());
        (first..=self.newest).filter_map(|number| self.peek(number)).fold(0, u64::saturating_add)
    }

    fn peek(&self, number: i64) -> Option<u64> {
        let index = usize::try_from(number.rem_euclid(self.length())).ok()?;
        self.buckets.get(index).copied()
    }

    /// The first instant at which the sum is below `limit` when nothing is added; `now` when it is already, `None` for limit 0. O(buckets).
    #[must_use]
    pub fn falls_below(&mut self, limit: u64, now: Timestamp) -> Option<Timestamp> {
        if limit == 0 {
            return None;
        }
        let mut left = self.sum(now);
        if left < limit {
            return Some(now);
        }
        for number in self.oldest()..=self.newest {
            left = left.saturating_sub(self.peek(number).unwrap_or(0));
            if left < limit {
                // The bucket leaves when the window's newest bucket is a whole ring further.
                return Some(Timestamp::from_millis(number.saturating_add(self.length()).saturating_mul(self.bucket_ms)));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// F-046, window R1.
    #[test]
    fn amounts_leave_with_their_bucket() {
        let mut sum = RollingSum::new(100, 10);
        sum.add(at(5), 7);
        sum.add(at(15), 3);
        assert_eq!((sum.sum(at(109)), sum.sum(at(110)), sum.sum(at(120))), (10, 3, 0));
        sum.add(at(10), 99);
        assert_eq!(sum.sum(at(121)), 0);
    }

    /// window R2: the clock may stand still, jump, or go back.
    #[test]
    fn odd_clocks_are_harmless() {
        let mut sum = RollingSum::day();
        sum.add(at(1_700_000_000_000), 5);
        assert_eq!(sum.sum(at(0)), 5);
        assert_eq!(sum.sum(at(i64::MAX)), 0);
        sum.add(at(i64::MIN), 5);
        sum.add(at(i64::MAX), u64::MAX);
        sum.add(at(i64::MAX), u64::MAX);
        assert_eq!(sum.sum(at(i64::MAX)), u64::MAX);
    }

    /// window R3: a budget that is used up knows when it opens again.
    #[test]
    fn the_instant_of_relief_is_known() {
        let mut sum = RollingSum::new(100, 10);
        sum.add(at(5), 60);
        sum.add(at(55), 60);
        let relief = sum.falls_below(100, at(60)).unwrap();
        assert_eq!(relief, at(110));
        assert_eq!((sum.falls_below(100, at(109)), sum.falls_below(100, relief)), (Some(relief), Some(relief)));
        assert_eq!((sum.sum(relief), sum.falls_below(0, relief)), (60, None));
        assert_eq!(sum.sum_from(at(50)), 60);
    }

    proptest! {
        /// window R1: never less than the exact window, never more than the window and one bucket.
        #[test]
        fn the_sum_is_exact_to_one_bucket(mut amounts in prop::collection::vec((0_i64..5_000, 1_u64..100), 0..60), step in 0_i64..600) {
            amounts.sort_by_key(|(time, _)| *time);
            let mut sum = RollingSum::new(1_000, 20);
            for (time, amount) in &amounts {
                sum.add(at(*time), *amount);
            }
            let now = amounts.last().map_or(0, |(time, _)| *time) + step;
            let exact = |from: i64| amounts.iter().filter(|(time, _)| *time > from).map(|(_, amount)| amount).sum::<u64>();
            let got = sum.sum(at(now));
            prop_assert!(got >= exact(now - 1_000) && got <= exact(now - 1_051), "{} {} {}", got, exact(now - 1_000), exact(now - 1_051));
            let since = sum.since();
            prop_assert!(now - since.as_millis() >= 1_000 && sum.sum_from(since) == got);
        }
    }
}
