//! What is told of a budget as it fills: the warning levels, then that it is used up; each once, and again after usage fell.

use super::limits::exhausted;
use super::warning::BudgetWarning;

/// The level that stands for a budget that is used up, beside the warning levels.
const USED_UP: u8 = 100;

/// Something to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A warning level was crossed, in percent.
    Warning(u8),
    /// The budget is used up.
    Exhausted,
}

impl BudgetWarning {
    /// Takes in the usage that counts at present against `limit`; `None`: without limit nothing is told. Returns what to tell now. The highest
    /// newly crossed level is told once, and again after usage fell below it, because the window moved on or the budget was raised (F-055, D-22).
    pub fn alarm(&mut self, used: u64, limit: Option<u64>) -> Option<Alarm> {
        let Some(limit) = limit else {
            self.told = 0;
            return None;
        };
        let before = self.told;
        let mut levels = Self { told: before.min(USED_UP - 1) };
        let level = levels.observe(used, limit);
        if exhausted(used, Some(limit)) {
            self.told = USED_UP;
            return (before < USED_UP).then_some(Alarm::Exhausted);
        }
        self.told = levels.told;
        // Coming down from the limit is no reason to warn.
        level.filter(|level| *level > before).map(Alarm::Warning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-055, D-22: 75, 90, 95 and used up, each once; a raised budget and a window that moves on arm them again.
    #[test]
    fn levels_and_the_end_are_told_once_and_rearmed() {
        let mut state = BudgetWarning::default();
        let told: Vec<_> = [10, 76, 76, 96, 100, 120, 97, 60, 90, 100].map(|used| state.alarm(used, Some(100))).into();
        let (warn, end) = (|level| Some(Alarm::Warning(level)), Some(Alarm::Exhausted));
        assert_eq!(told, [None, warn(75), None, warn(95), end, None, None, None, warn(90), end]);
        assert_eq!((state.alarm(100, Some(125)), state.told), (None, 75));
        assert_eq!((state.alarm(100, None), state.told), (None, 0));
        assert_eq!(state.alarm(0, Some(0)), Some(Alarm::Exhausted));
    }
}
