//! Warnings that peers can cause as often as they like: told seldom, so that they push nothing else out of the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Shortest time between two of the same warning.
const BETWEEN: Duration = Duration::from_secs(10);

/// One warning. gRPC R18.
#[derive(Debug, Default)]
pub(super) struct Sparing(Mutex<(Option<Instant>, u64)>);

impl Sparing {
    /// `Some` when it is time to tell, with how many were not told since the last time.
    pub(super) fn tell(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0.is_some_and(|last| now.duration_since(last) < BETWEEN) {
            state.1 = state.1.saturating_add(1);
            return None;
        }
        state.0 = Some(now);
        Some(std::mem::take(&mut state.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// gRPC R18: a warning that comes without end is told every ten seconds, with how many were kept.
    #[tokio::test(start_paused = true)]
    async fn a_flood_of_warnings_is_a_line_every_ten_seconds() {
        let (told, now) = (Sparing::default(), Instant::now());
        assert_eq!(told.tell(now), Some(0));
        for millis in 1..=500 {
            assert_eq!(told.tell(now + Duration::from_millis(millis)), None);
        }
        assert_eq!(told.tell(now + BETWEEN), Some(500));
        assert_eq!(told.tell(now + 3 * BETWEEN), Some(0));
    }
}
