//! What a project used lately: tokens, completions and failures within the rolling window, and what a run usually costs.

use std::collections::BTreeMap;

use aq_core::run::RunResult;
use aq_core::time::Timestamp;

/// Width of a bucket of the rolling sums, in milliseconds: what is older than the window leaves at most this late.
const BUCKET_MS: i64 = 60_000;

/// The beginning of the window's first bucket: what is read at a start is what memory would hold.
pub(super) const fn window_start(now: Timestamp, span_ms: i64) -> Timestamp {
    Timestamp::from_millis((now.as_millis() - span_ms).div_euclid(BUCKET_MS) * BUCKET_MS)
}

/// A sum over the last `span` milliseconds. Every change can be taken back by its opposite.
#[derive(Clone, Debug)]
pub struct RollingSum {
    span_ms: i64,
    buckets: BTreeMap<i64, u64>,
    /// The sum of all buckets, so that asking costs nothing but what has left the window since the last change.
    total: u64,
}

impl RollingSum {
    const fn new(span_ms: i64) -> Self {
        Self { span_ms, buckets: BTreeMap::new(), total: 0 }
    }

    /// Adds `amount` at `at`.
    pub fn add(&mut self, at: Timestamp, amount: u64) {
        let oldest = (at.as_millis() - self.span_ms).div_euclid(BUCKET_MS);
        while let Some(first) = self.buckets.first_entry().filter(|first| *first.key() < oldest) {
            self.total = self.total.saturating_sub(first.remove());
        }
        let bucket = self.buckets.entry(at.as_millis().div_euclid(BUCKET_MS)).or_default();
        *bucket = bucket.saturating_add(amount);
        self.total = self.total.saturating_add(amount);
    }

    /// Takes back [`RollingSum::add`].
    pub fn subtract(&mut self, at: Timestamp, amount: u64) {
        if let Some(bucket) = self.buckets.get_mut(&at.as_millis().div_euclid(BUCKET_MS)) {
            let gone = amount.min(*bucket);
            *bucket -= gone;
            self.total = self.total.saturating_sub(gone);
        }
    }

    /// The sum of what was added within the window that ends at `now`, the window's first bucket included.
    #[must_use]
    pub fn sum(&self, now: Timestamp) -> u64 {
        self.sum_from(now.plus_millis(-self.span_ms))
    }

    /// The sum of what was added at or after `from`, the bucket of `from` included.
    #[must_use]
    pub fn sum_from(&self, from: Timestamp) -> u64 {
        let left: u64 = self.buckets.range(..from.as_millis().div_euclid(BUCKET_MS)).map(|(_, amount)| *amount).sum();
        self.total.saturating_sub(left)
    }

    /// What leaves the window after `now`, and when, earliest first.
    #[must_use]
    pub fn leaving(&self, now: Timestamp) -> Vec<(Timestamp, u64)> {
        let buckets = self.buckets.iter();
        let all = buckets.map(|(bucket, amount)| (Timestamp::from_millis((bucket + 1) * BUCKET_MS + self.span_ms), *amount));
        all.filter(|(at, _)| *at > now).collect()
    }

    /// The first instant from `now` on at which all the sums together are below `limit` when nothing is added; `None` for limit 0.
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
    use super::*;

    /// budget R4: what counts since an instant, and when enough has left the window.
    #[test]
    fn sums_from_an_instant_and_the_instant_of_relief() {
        let at = Timestamp::from_millis;
        let mut sum = RollingSum::new(600_000);
        sum.add(at(0), 70);
        sum.add(at(120_000), 40);
        assert_eq!((sum.sum_from(at(120_000)), sum.sum(at(600_000))), (40, 110));
        let falls = |limit| RollingSum::fall_below(&[&sum], limit, at(130_000));
        assert_eq!((falls(111), falls(110), falls(40)), (Some(at(130_000)), Some(at(660_000)), Some(at(780_000))));
        assert_eq!((falls(0), sum.sum(at(660_000))), (None, 40));
    }
}

/// Weight of the newest run in the running mean of costs.
const NEWEST: f64 = 0.25;

/// Default of the rolling window: 24 hours.
pub const DEFAULT_SPAN_MS: i64 = 24 * 3_600_000;

/// A project's usage within the rolling window.
#[derive(Clone, Debug)]
pub struct Usage {
    /// Model tokens spent.
    pub tokens: RollingSum,
    /// Tasks completed.
    pub completed: RollingSum,
    /// Runs failed.
    pub failed: RollingSum,
    /// Running mean of a run's cost in tokens; 0 when nothing is known.
    pub mean_cost: f64,
}

impl Usage {
    /// An empty window of `span_ms` milliseconds.
    #[must_use]
    pub fn new(span_ms: i64) -> Self {
        Self { tokens: RollingSum::new(span_ms), completed: RollingSum::new(span_ms), failed: RollingSum::new(span_ms), mean_cost: 0.0 }
    }

    /// The sum that a run with this result counts in, if any.
    pub(super) fn ended(&mut self, result: RunResult) -> Option<&mut RollingSum> {
        match result {
            RunResult::Done | RunResult::Kept | RunResult::NoOp | RunResult::NeedsReview => Some(&mut self.completed),
            RunResult::Failed => Some(&mut self.failed),
            RunResult::InReview | RunResult::Limited | RunResult::Asked | RunResult::Stopped | RunResult::NotLanded => None,
        }
    }

    /// A run ended that cost `tokens`.
    pub fn run_cost(&mut self, tokens: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a mean of token counts needs no more than 52 bits")]
        let cost = tokens as f64;
        self.mean_cost = if self.mean_cost == 0.0 { cost } else { self.mean_cost.mul_add(1.0 - NEWEST, cost * NEWEST) };
    }

    /// What the next run is expected to cost, in tokens.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the mean of unsigned counts is never negative")]
    pub fn expected(&self) -> u64 {
        self.mean_cost as u64
    }

    /// Tokens spent in the window that ends at `now`.
    #[must_use]
    pub fn tokens_at(&self, now: Timestamp) -> u64 {
        self.tokens.sum(now)
    }
}
