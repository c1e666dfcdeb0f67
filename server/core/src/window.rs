//! A sum over a rolling window that is kept up to date as things happen, so that nobody ever adds up a table.
//!
//! What is summed (tokens, completions, failures) is the caller's business; budgets live in `budget`.
//!
//! Spec: specs/server/core/window.md

use std::collections::BTreeMap;

use crate::time::Timestamp;

/// Width of a bucket, in milliseconds: what is older than the window leaves at most this late (window R1).
const BUCKET_MS: i64 = 60_000;

/// How far the clock may be set back, in milliseconds, before a sum misses what had left the window (window R2).
const GRACE_MS: i64 = 3_600_000;

/// The sum of what was added within the last `span` milliseconds, exact to one bucket (window R1). Every change can be taken back by its opposite.
///
/// Memory: some 16 bytes for each minute of the window, and of an hour before it, in which something was added.
#[derive(Clone, Debug)]
pub struct RollingSum {
    span_ms: i64,
    buckets: BTreeMap<i64, u64>,
    /// The first bucket of the newest window there was: what lies before it is kept for a clock that is set back.
    first: i64,
    /// The sum of the buckets from `first` on, so that asking costs nothing but what has left the window since the last change.
    total: u64,
}

const fn bucket(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(BUCKET_MS)
}

impl RollingSum {
    /// An empty sum over `span_ms` milliseconds.
    #[must_use]
    pub const fn new(span_ms: i64) -> Self {
        Self { span_ms, buckets: BTreeMap::new(), first: i64::MIN, total: 0 }
    }

    /// The instant from which on amounts have to be added for the sum at `now` to be what it would be had it been kept all the time (window R4).
    #[must_use]
    pub const fn needed_from(now: Timestamp, span_ms: i64) -> Timestamp {
        Timestamp::from_millis(bucket(now.plus_millis(-span_ms)).saturating_mul(BUCKET_MS)).plus_millis(-GRACE_MS)
    }

    /// Adds `amount` at `at`.
    pub fn add(&mut self, at: Timestamp, amount: u64) {
        let oldest = bucket(at.plus_millis(-self.span_ms));
        if oldest > self.first {
            self.total = self.total.saturating_sub(self.between(self.first, oldest));
            self.first = oldest;
            let kept = oldest.saturating_sub(GRACE_MS / BUCKET_MS);
            while let Some(gone) = self.buckets.first_entry().filter(|entry| *entry.key() < kept) {
                gone.remove();
            }
        }
        let (number, first) = (bucket(at), self.first);
        let held = self.buckets.entry(number).or_default();
        let room = amount.min(u64::MAX - *held);
        *held += room;
        if number >= first {
            self.total = self.total.saturating_add(room);
        }
    }

    /// Takes back [`RollingSum::add`].
    pub fn subtract(&mut self, at: Timestamp, amount: u64) {
        let number = bucket(at);
        let Some(held) = self.buckets.get_mut(&number) else { return };
        let gone = amount.min(*held);
        *held -= gone;
        if number >= self.first {
            self.total = self.total.saturating_sub(gone);
        }
    }

    fn between(&self, from: i64, to: i64) -> u64 {
        if from >= to {
            return 0;
        }
        self.buckets.range(from..to).map(|(_, amount)| *amount).fold(0, u64::saturating_add)
    }

    /// The sum of what was added within the window that ends at `now`, the window's first bucket included.
    #[must_use]
    pub fn sum(&self, now: Timestamp) -> u64 {
        self.sum_from(now.plus_millis(-self.span_ms))
    }

    /// The sum of what was added at or after `from`, the bucket of `from` included.
    #[must_use]
    pub fn sum_from(&self, from: Timestamp) -> u64 {
        let from = bucket(from);
        self.total.saturating_sub(self.between(self.first, from)).saturating_add(self.between(from, self.first))
    }

    /// What leaves the window after `now`, and when, earliest first.
    #[must_use]
    pub fn leaving(&self, now: Timestamp) -> Vec<(Timestamp, u64)> {
        let leaves = |number: i64| Timestamp::from_millis((number + 1).saturating_mul(BUCKET_MS)).plus_millis(self.span_ms);
        self.buckets.iter().map(|(number, amount)| (leaves(*number), *amount)).filter(|(at, _)| *at > now).collect()
    }

    /// The first instant from `now` on at which all the sums together are below `limit` when nothing is added; `None` for limit 0 (window R3).
    #[must_use]
    pub fn fall_below(sums: &[&Self], limit: u64, now: Timestamp) -> Option<Timestamp> {
        let mut left: u64 = sums.iter().map(|sum| sum.sum(now)).fold(0, u64::saturating_add);
        if left < limit {
            return Some(now);
        }
        let mut leaving: Vec<(Timestamp, u64)> = sums.iter().flat_map(|sum| sum.leaving(now)).collect();
        leaving.sort_unstable();
        leaving.into_iter().find_map(|(at, amount)| {
            left = left.saturating_sub(amount);
            (left < limit).then_some(at)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPAN: i64 = 600_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// F-046, window R1.
    #[test]
    fn amounts_leave_with_their_bucket() {
        let mut sum = RollingSum::new(SPAN);
        sum.add(at(5_000), 7);
        sum.add(at(65_000), 3);
        assert_eq!((sum.sum(at(SPAN + 59_999)), sum.sum(at(SPAN + 60_000)), sum.sum(at(SPAN + 120_000))), (10, 3, 0));
        sum.add(at(SPAN + 70_000), 1);
        assert_eq!((sum.sum(at(SPAN + 70_000)), sum.sum(at(SPAN + 120_000))), (4, 1));
    }

    /// window R2: a clock that is set back by less than an hour finds what had left the window; one that jumps anywhere harms nothing.
    #[test]
    fn odd_clocks_are_harmless() {
        let mut sum = RollingSum::new(SPAN);
        sum.add(at(0), 5);
        sum.add(at(SPAN + GRACE_MS), 2);
        assert_eq!((sum.sum(at(SPAN + GRACE_MS)), sum.sum(at(SPAN)), sum.sum(at(SPAN + 60_000))), (2, 7, 2));
        sum.add(at(30_000), 1);
        assert_eq!(sum.sum(at(SPAN)), 8);
        sum.add(at(SPAN + GRACE_MS + 60_000), 0);
        assert_eq!(sum.sum(at(SPAN)), 2);
        assert_eq!((sum.sum(at(i64::MAX)), sum.sum(at(i64::MIN))), (0, 2));
        sum.add(at(i64::MIN), 5);
        sum.add(at(i64::MAX), u64::MAX);
        sum.add(at(i64::MAX), u64::MAX);
        assert_eq!(sum.sum(at(i64::MAX)), u64::MAX);
    }

    /// window R3, budget R4: what counts since an instant, and when enough has left the window.
    #[test]
    fn the_instant_of_relief_is_known() {
        let mut sum = RollingSum::new(SPAN);
        sum.add(at(0), 70);
        sum.add(at(120_000), 40);
        assert_eq!((sum.sum_from(at(120_000)), sum.sum(at(600_000))), (40, 110));
        let falls = |limit| RollingSum::fall_below(&[&sum], limit, at(130_000));
        assert_eq!((falls(111), falls(110), falls(40)), (Some(at(130_000)), Some(at(660_000)), Some(at(780_000))));
        assert_eq!((falls(0), sum.sum(at(660_000))), (None, 40));
        // What has just left is not waited for again.
        assert_eq!(RollingSum::fall_below(&[&sum], 40, at(660_000)), Some(at(780_000)));
    }

    /// window R4: the window from its first whole bucket on, and the hour before it.
    #[test]
    fn what_a_sum_needs_begins_an_hour_before_the_window() {
        assert_eq!(RollingSum::needed_from(at(SPAN + 65_000), SPAN), at(60_000 - GRACE_MS));
    }

    proptest! {
        /// window R1, R2, R4: whatever the clock does within an hour, the sum is that of the window's whole buckets; what is added and taken back was never
        /// there; and a sum that is made anew from what is needed is the same.
        #[test]
        fn the_sum_is_that_of_the_windows_buckets(
            steps in prop::collection::vec((-400_000_i64..1_500_000, 1_u64..100, any::<bool>()), 0..60),
            asked in -400_000_i64..1_500_000,
        ) {
            let (mut sum, mut added, mut now, mut newest) = (RollingSum::new(SPAN), Vec::new(), 0, 0);
            for (passed, amount, kept) in &steps {
                now = (now + passed).max(newest - GRACE_MS);
                newest = newest.max(now);
                sum.add(at(now), *amount);
                if *kept {
                    added.push((now, *amount));
                } else {
                    sum.subtract(at(now), *amount);
                }
            }
            let now = (now + asked).max(newest - GRACE_MS);
            let from = |from: i64| {
                let first = from.div_euclid(BUCKET_MS) * BUCKET_MS;
                added.iter().filter(|(time, _)| *time >= first).map(|(_, amount)| amount).sum::<u64>()
            };
            prop_assert_eq!(sum.sum(at(now)), from(now - SPAN));
            prop_assert_eq!(sum.sum_from(at(now - SPAN / 2)), from(now - SPAN / 2));
            let mut anew = RollingSum::new(SPAN);
            let needed = RollingSum::needed_from(at(now), SPAN);
            added.iter().filter(|(time, _)| at(*time) >= needed).for_each(|(time, amount)| anew.add(at(*time), *amount));
            prop_assert_eq!(anew.sum(at(now)), sum.sum(at(now)));
        }
    }
}
