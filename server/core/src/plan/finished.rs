//! Whether a task that left a plan behind did the work of the plan itself (D-60).

/// A task that changed as many files worked.
const FILES: usize = 3;
/// A task that added and removed as many lines worked.
const LINES: u64 = 50;

/// True when a task that changed so much is taken to have done what it planned, so that its plan tells of work instead of asking for it.
#[must_use]
pub const fn is_finished_work(files: usize, lines: u64) -> bool {
    files >= FILES || lines >= LINES
}

#[cfg(test)]
mod tests {
    use super::*;

    /// plan R15, D-60: three files or fifty lines are work; less may be what a task that only planned left behind.
    #[test]
    fn much_that_changed_is_work() {
        for (files, lines, work) in [(0, 0, false), (2, 49, false), (3, 0, true), (3, 3, true), (1, 50, true), (2, 51, true)] {
            assert_eq!(is_finished_work(files, lines), work, "{files} files, {lines} lines");
        }
    }
}
