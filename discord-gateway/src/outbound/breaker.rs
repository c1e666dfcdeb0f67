//! The guard against being shut out: Discord bans whoever is refused 10,000 times in ten minutes (F-227). Pure; time is in milliseconds.

use std::collections::VecDeque;

/// The window, and the length of one of its slots.
const WINDOW: u64 = 600_000;
const SLOT: u64 = 10_000;

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// As it should be.
    Calm,
    /// Worth a line in the log.
    Warned,
    /// Only what matters is sent.
    Critical,
    /// Nothing is sent.
    Halted,
}

/// Counts refusals.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    slots: VecDeque<(u64, u32)>,
}

impl Breaker {
    /// Notes a status; true when the level has risen with it.
    pub(super) fn note(&mut self, status: u16, shared: bool, now: u64) -> bool {
        if !matches!(status, 401 | 403 | 429) || (status == 429 && shared) {
            return false;
        }
        let before = self.level(now);
        let slot = now / SLOT;
        match self.slots.back_mut() {
            Some((last, count)) if *last == slot => *count += 1,
            _ => self.slots.push_back((slot, 1)),
        }
        self.level(now) > before
    }

    /// How far it has come.
    pub(super) fn level(&mut self, now: u64) -> Level {
        while self.slots.front().is_some_and(|(slot, _)| (slot + 1) * SLOT + WINDOW <= now) {
            self.slots.pop_front();
        }
        match self.slots.iter().map(|(_, count)| count).sum::<u32>() {
            0..1000 => Level::Calm,
            1000..5000 => Level::Warned,
            5000..8000 => Level::Critical,
            _ => Level::Halted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-227, D-97: the thresholds, what counts, and that old refusals are forgotten.
    #[test]
    fn refusals_are_counted_in_a_window() {
        let mut breaker = Breaker::default();
        let mut risen = Vec::new();
        for count in 1..=8000u64 {
            if breaker.note(if count % 2 == 0 { 403 } else { 429 }, false, count * 10) {
                risen.push((count, breaker.level(count * 10)));
            }
        }
        assert_eq!(risen, [(1000, Level::Warned), (5000, Level::Critical), (8000, Level::Halted)]);
        for (status, shared) in [(404, false), (429, true), (200, false), (500, false)] {
            assert!(!breaker.note(status, shared, 80_000));
        }
        assert_eq!(breaker.level(80_000), Level::Halted);
        assert_eq!(breaker.level(80_000 + WINDOW + SLOT), Level::Calm);
    }
}
