//! What follows a failed run: another try at a later instant, or a block with its reason.
//!
//! Limits of a provider are not failures and never come here; they pause the task without using a try.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::blocked::BlockedReason;
use crate::output::FailureClass;
use crate::time::Timestamp;

/// The same failure this often in a row blocks the task (task R7).
pub const SAME_FAILURE_LIMIT: u32 = 3;
/// A fault of the surroundings (lost run, workspace, overload) uses no try, but blocks when it comes up this often in a row.
const SURROUNDINGS_LIMIT: u32 = 10;

/// True when a failure of this class uses one of the task's tries (task R6).
#[must_use]
pub const fn counts_as_retry(class: FailureClass) -> bool {
    let surroundings = matches!(class, FailureClass::Lost | FailureClass::Workspace | FailureClass::Overloaded);
    !surroundings && !is_agents_fault(class) && final_fault(class).is_none()
}

/// True for failures of the agent rather than of the task: no task can work with it until that is mended (task R6, models R10).
#[must_use]
pub const fn is_agents_fault(class: FailureClass) -> bool {
    matches!(class, FailureClass::Auth | FailureClass::Billing | FailureClass::Spawn)
}

/// Classes that another try cannot cure; the block passes when a person changes the agent, or names the limit to raise.
const fn final_fault(class: FailureClass) -> Option<BlockedReason> {
    match class {
        FailureClass::InvalidRequest => Some(BlockedReason::Config),
        FailureClass::Timeout => Some(BlockedReason::Timeout),
        _ => None,
    }
}

/// How the wait before another try grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Wait before the first repetition, in milliseconds.
    pub base_ms: u64,
    /// Longest wait, in milliseconds.
    pub max_ms: u64,
}

impl Default for Backoff {
    /// 5 s, 10 s, 20 s, … up to 15 min.
    fn default() -> Self {
        Self { base_ms: 5_000, max_ms: 900_000 }
    }
}

impl Backoff {
    /// The wait before repetition `number` (from 1), in milliseconds: doubled each time, capped, then drawn from its upper half
    /// by `jitter` (0.0 to 1.0, clamped), so that tasks that failed together do not start together.
    #[must_use]
    pub fn delay_ms(self, number: u32, jitter: f64) -> u64 {
        let doublings = number.saturating_sub(1).min(40);
        let full = self.base_ms.saturating_mul(1_u64 << doublings).min(self.max_ms);
        let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
        let half = full / 2;
        half + ((full - half) as f64 * jitter) as u64
    }
}

/// What a failure looks like with its changing parts (numbers, spacing, case) taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureFingerprint(String);

impl FailureFingerprint {
    /// The fingerprint of a failure: 16 hexadecimal digits. Only the first 500 characters of the message count.
    #[must_use]
    pub fn of(class: FailureClass, message: &str) -> Self {
        let mut normal = String::from(class.as_str());
        let mut last = ' ';
        for c in message.chars().take(500).flat_map(char::to_lowercase) {
            let c = if c.is_numeric() {
                '#'
            } else if c.is_whitespace() {
                ' '
            } else {
                c
            };
            if !(c == last && matches!(c, '#' | ' ')) {
                normal.push(c);
            }
            last = c;
        }
        Self(HEXLOWER.encode(&Sha256::digest(normal.trim_end().as_bytes())[..8]))
    }

    /// The fingerprint as text, for the store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What happens to the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryDecision {
    /// Another try at `at`. The instant is stored before anything else happens, so a restart neither forgets nor hastens it.
    RetryAt {
        /// When.
        at: Timestamp,
        /// The task's new count of failed tries.
        retry_count: u32,
    },
    /// BLOCKED.
    Block {
        /// Why.
        reason: BlockedReason,
        /// The task's new count of failed tries.
        retry_count: u32,
    },
}

/// Decides after a failed run (task R6, R7). `same_in_a_row` counts this failure and the ones directly before it that have the
/// same [`FailureFingerprint`]. With `max_retries` 3 the task runs three times in all.
#[must_use]
pub fn after_failure(
    class: FailureClass,
    retry_count: u32,
    max_retries: u32,
    same_in_a_row: u32,
    backoff: Backoff,
    now: Timestamp,
    jitter: f64,
) -> RetryDecision {
    if let Some(reason) = final_fault(class) {
        return RetryDecision::Block { reason, retry_count };
    }
    let (count, repetition) = if counts_as_retry(class) {
        let count = retry_count.saturating_add(1);
        if count >= max_retries {
            return RetryDecision::Block { reason: BlockedReason::RetriesExhausted, retry_count: count.min(max_retries) };
        }
        if same_in_a_row >= SAME_FAILURE_LIMIT {
            return RetryDecision::Block { reason: BlockedReason::SameFailure, retry_count: count };
        }
        (count, count)
    } else if is_agents_fault(class) && same_in_a_row >= SAME_FAILURE_LIMIT {
        return RetryDecision::Block { reason: BlockedReason::Config, retry_count };
    } else {
        if same_in_a_row >= SURROUNDINGS_LIMIT {
            return RetryDecision::Block { reason: BlockedReason::SameFailure, retry_count };
        }
        (retry_count, same_in_a_row.max(1))
    };
    let wait = i64::try_from(backoff.delay_ms(repetition, jitter)).unwrap_or(i64::MAX);
    RetryDecision::RetryAt { at: now.plus_millis(wait), retry_count: count }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn decide(class: FailureClass, count: u32, max: u32, same: u32) -> RetryDecision {
        after_failure(class, count, max, same, Backoff::default(), NOW, 1.0)
    }

    /// task R6: with max 3 the task runs three times.
    #[test]
    fn retries_are_counted_to_the_maximum() {
        assert_eq!(decide(FailureClass::Agent, 0, 3, 1), RetryDecision::RetryAt { at: NOW.plus_millis(5_000), retry_count: 1 });
        assert_eq!(decide(FailureClass::Agent, 1, 3, 1), RetryDecision::RetryAt { at: NOW.plus_millis(10_000), retry_count: 2 });
        assert_eq!(decide(FailureClass::Agent, 2, 3, 1), RetryDecision::Block { reason: BlockedReason::RetriesExhausted, retry_count: 3 });
        assert_eq!(decide(FailureClass::Agent, 0, 0, 1), RetryDecision::Block { reason: BlockedReason::RetriesExhausted, retry_count: 0 });
    }

    /// task R7.
    #[test]
    fn the_same_failure_three_times_blocks() {
        assert_eq!(
            decide(FailureClass::Verification, 2, 9, 3),
            RetryDecision::Block { reason: BlockedReason::SameFailure, retry_count: 3 }
        );
        assert!(matches!(decide(FailureClass::Lost, 2, 3, 9), RetryDecision::RetryAt { retry_count: 2, .. }));
        assert!(matches!(decide(FailureClass::Lost, 2, 3, 10), RetryDecision::Block { reason: BlockedReason::SameFailure, .. }));
    }

    /// task R6: what a repetition cannot cure is not repeated.
    #[test]
    fn faults_of_the_configuration_block_at_once() {
        assert_eq!(decide(FailureClass::InvalidRequest, 1, 3, 1), RetryDecision::Block { reason: BlockedReason::Config, retry_count: 1 });
        assert_eq!(decide(FailureClass::Timeout, 0, 3, 1), RetryDecision::Block { reason: BlockedReason::Timeout, retry_count: 0 });
    }

    /// task R6: what is wrong with an agent uses no try, and three in a row block, because it may be the task after all.
    #[test]
    fn faults_of_agents_use_no_try() {
        for class in [FailureClass::Auth, FailureClass::Billing, FailureClass::Spawn] {
            assert_eq!(decide(class, 2, 3, 2), RetryDecision::RetryAt { at: NOW.plus_millis(10_000), retry_count: 2 });
            assert_eq!(decide(class, 2, 3, 3), RetryDecision::Block { reason: BlockedReason::Config, retry_count: 2 });
        }
    }

    /// task R7: numbers, spacing and case do not make a failure a new one.
    #[test]
    fn fingerprints_ignore_what_changes() {
        let one = FailureFingerprint::of(FailureClass::Agent, "Error at line 12:  pid 4711");
        assert_eq!(one, FailureFingerprint::of(FailureClass::Agent, "error at LINE 9: pid 5\n"));
        assert_ne!(one, FailureFingerprint::of(FailureClass::Agent, "other"));
        assert_ne!(one, FailureFingerprint::of(FailureClass::Verification, "Error at line 12:  pid 4711"));
        assert_eq!(one.as_str().len(), 16);
        for (this, other) in [("a b", "ab"), ("boot", "bot"), ("port 80", "port")] {
            assert_ne!(FailureFingerprint::of(FailureClass::Agent, this), FailureFingerprint::of(FailureClass::Agent, other), "{this}");
        }
    }

    proptest! {
        /// task R6: the wait never exceeds the cap, never falls below half of the full wait, and a count never passes the maximum.
        #[test]
        fn waits_and_counts_stay_in_bounds(count in 0_u32..50, max in 0_u32..50, same in 0_u32..20, jitter in -1.0_f64..2.0, number in 1_u32..200) {
            let backoff = Backoff::default();
            let wait = backoff.delay_ms(number, jitter);
            prop_assert!(wait <= backoff.max_ms && wait >= backoff.base_ms / 2);
            for class in FailureClass::ALL {
                let new = match after_failure(class, count.min(max), max, same, backoff, NOW, jitter) {
                    RetryDecision::RetryAt { at, retry_count } => { prop_assert!(at > NOW); retry_count }
                    RetryDecision::Block { retry_count, .. } => retry_count,
                };
                prop_assert!(new <= max);
            }
        }
    }
}
