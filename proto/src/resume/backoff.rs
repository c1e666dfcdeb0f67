//! How long to wait before the next attempt. Pure: chance is an argument.
//!
//! Spec: specs/proto/resume.md

use std::time::Duration;

/// Exponential waiting with jitter: attempt n waits between half and all of `first * 2^n`, at most `longest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(200), longest: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// The wait before attempt `attempt` (0: the first repetition). `chance` lies in 0.0 to 1.0; anything else is brought there.
    #[must_use]
    pub fn delay(&self, attempt: u32, chance: f64) -> Duration {
        let chance = if chance.is_finite() { chance.clamp(0.0, 1.0) } else { 1.0 };
        let whole = self.first.saturating_mul(2_u32.saturating_pow(attempt.min(30))).min(self.longest);
        whole.mul_f64(0.5 + chance / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Resume R3: no wait is longer than the longest, none shorter than half of the first.
        #[test]
        fn waits_stay_within_their_bounds(attempt in 0..u32::MAX, chance in -1.0..2.0_f64) {
            let backoff = Backoff::default();
            let delay = backoff.delay(attempt, chance);
            prop_assert!(delay >= backoff.first / 2 && delay <= backoff.longest);
        }
    }

    /// Resume R3: waits double.
    #[test]
    fn waits_double() {
        let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };
        let waits: Vec<u128> = (0..6).map(|attempt| backoff.delay(attempt, 1.0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.delay(0, 0.0).as_millis(), 50);
    }
}
