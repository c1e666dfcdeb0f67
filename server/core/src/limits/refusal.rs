//! What a refusal means: a window that is used up, or a short throttle; and when the tasks that it stopped come back.
//!
//! Reading a refusal from a program's output lives in the runner.

use crate::time::Timestamp;

/// Tasks that wait for the same reset come back within this time after it, in milliseconds.
pub const RESUME_SPREAD_MS: i64 = 30_000;
/// The name of a window that the provider did not name.
const UNNAMED: &str = "unknown";
/// Model families that providers limit by themselves.
const FAMILIES: [&str; 4] = ["opus", "sonnet", "haiku", "fable"];

/// The model family that a window's name speaks of, for example `opus` for `seven_day_opus`; `None`: the window is about every model.
#[must_use]
pub fn family_of(window: &str) -> Option<&'static str> {
    let last = window.rsplit('_').next().unwrap_or_default();
    FAMILIES.into_iter().find(|family| last.eq_ignore_ascii_case(family))
}

/// True for a refusal that names neither a window nor a reset: too many requests at the moment, as keys are answered (limits R2).
#[must_use]
pub fn is_throttle(window: &str, resets_at: Option<Timestamp>) -> bool {
    resets_at.is_none() && (window.is_empty() || window == UNNAMED)
}

/// What a run's refusal means for the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A short wait; the account stays open.
    Throttle {
        /// When to try again.
        until: Timestamp,
    },
    /// The account is closed.
    Window {
        /// Until then.
        until: Timestamp,
    },
}

/// Judges the refusal of `window` at `now` (limits R2, F-073). `known` is the instant until which the account is closed as far as the evidence
/// tells, `before` how many times in a row the task was throttled before, `first_ms` and `most_ms` the shortest and the longest wait.
#[must_use]
pub fn refusal(
    window: &str,
    resets_at: Option<Timestamp>,
    known: Option<Timestamp>,
    before: u32,
    (first_ms, most_ms): (i64, i64),
    now: Timestamp,
) -> Refusal {
    let ahead = |at: &Timestamp| *at > now;
    if let Some(until) = resets_at.filter(ahead).into_iter().chain(known.filter(ahead)).max() {
        return Refusal::Window { until };
    }
    // A reset instant in the past is stale evidence; the short wait keeps a broken clock from spinning.
    let doubled = first_ms.max(1).saturating_mul(1_i64.checked_shl(before.min(30)).unwrap_or(i64::MAX));
    let until = now.plus_millis(doubled.min(most_ms.max(first_ms)));
    if is_throttle(window, resets_at) { Refusal::Throttle { until } } else { Refusal::Window { until } }
}

/// When a task that was paused for a limit comes back: the first (`place` 0) at the reset, as the probe; the others spread by `jitter`
/// (0.0 to 1.0, clamped) over the time after it (limits R7).
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "jitter is at most 1.0")]
pub fn resume_at(reset: Timestamp, place: usize, jitter: f64) -> Timestamp {
    if place == 0 {
        return reset;
    }
    let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
    reset.plus_millis(1_000 + (jitter * RESUME_SPREAD_MS as f64) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-073, limits R2: 60, 120, 240 s, then 300; the account stays open. A reset that is known is waited for instead.
    #[test]
    fn throttles_double_and_windows_wait_for_their_reset() {
        let at = Timestamp::from_millis;
        let judge = |window, resets_at, known, before| refusal(window, resets_at, known, before, (60_000, 300_000), at(1_000));
        let waits: Vec<_> = (0..5).map(|before| judge("unknown", None, None, before)).collect();
        let expected = [60_000, 120_000, 240_000, 300_000, 300_000].map(|wait| Refusal::Throttle { until: at(1_000 + wait) });
        assert_eq!(waits, expected);
        assert_eq!(judge("five_hour", Some(at(9_000)), None, 3), Refusal::Window { until: at(9_000) });
        assert_eq!(judge("unknown", None, Some(at(7_000)), 0), Refusal::Window { until: at(7_000) });
        for past in [500, 1_000] {
            assert_eq!(judge("five_hour", Some(at(past)), None, 0), Refusal::Window { until: at(61_000) });
        }
        assert_eq!((resume_at(at(500), 0, 0.5), resume_at(at(500), 3, 1.0)), (at(500), at(1_500 + RESUME_SPREAD_MS)));
        let families = ["seven_day_opus", "seven_day_sonnet", "five_hour", "seven_day", "seven_day_overage_included"].map(family_of);
        assert_eq!(families, [Some("opus"), Some("sonnet"), None, None, None]);
    }
}
