//! How many calls somebody may make: a bucket for each that refills steadily.
//!
//! What is refused beyond it, and how, is said where calls come in: in `grpc` and in `mcp`.
//!
//! Spec: specs/server/grpc.md

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Buckets kept at most; full ones are forgotten first, which changes nothing for their owners.
const MOST_BUCKETS: usize = 4096;

/// A bucket of calls. Pure: the instant is an argument.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    calls: f64,
    filled: Instant,
}

impl Bucket {
    const fn full(most: f64, now: Instant) -> Self {
        Self { calls: most, filled: now }
    }

    fn level(&self, per_second: f64, most: f64, now: Instant) -> f64 {
        (now.saturating_duration_since(self.filled).as_secs_f64().mul_add(per_second, self.calls)).min(most)
    }

    /// Takes one call out; else tells how long until there is one.
    fn take(&mut self, per_second: f64, most: f64, now: Instant) -> Result<(), Duration> {
        self.calls = self.level(per_second, most, now);
        self.filled = now;
        if self.calls >= 1.0 {
            self.calls -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64(((1.0 - self.calls) / per_second).clamp(0.001, 60.0)))
    }
}

/// The buckets of all callers.
#[derive(Debug)]
pub struct Rate {
    per_second: f64,
    most: f64,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

impl Rate {
    /// A rate for each caller, with bursts of twice as many calls.
    #[must_use]
    pub fn new(calls_per_second: u32) -> Self {
        let per_second = f64::from(calls_per_second.max(1));
        Self { per_second, most: per_second * 2.0, buckets: Mutex::default() }
    }

    /// Counts a call of `owner`.
    ///
    /// # Errors
    /// How long to wait for the next one.
    pub fn take(&self, owner: &str, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_BUCKETS && !buckets.contains_key(owner) {
            buckets.retain(|_, bucket| bucket.level(self.per_second, self.most, now) < self.most);
        }
        buckets.entry(owner.to_owned()).or_insert(Bucket::full(self.most, now)).take(self.per_second, self.most, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// gRPC R8: a burst of twice the rate passes, then calls pass at the rate; principals do not share.
    #[tokio::test(start_paused = true)]
    async fn bursts_pass_and_then_the_rate_holds() {
        let rate = Rate::new(10);
        let begin = Instant::now();
        let passed = (0..100).filter(|_| rate.take("a", begin).is_ok()).count();
        assert_eq!(passed, 20);
        assert_eq!(rate.take("a", begin), Err(Duration::from_millis(100)));
        assert!(rate.take("b", begin).is_ok());
        let later = begin + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| rate.take("a", later).is_ok()).count(), 10);
    }
}
