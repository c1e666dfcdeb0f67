//! Progress bars.

/// Width of a bar in characters.
pub const DEFAULT_BAR_WIDTH: usize = 10;

/// A bar such as `████░░░░░░ 40% (4/10)`. Bar and percentage are rounded down, so that only finished work looks finished.
#[must_use]
pub fn progress_bar(completed: usize, total: usize, width: usize) -> String {
    let done = completed.min(total);
    let part = |whole: usize| (done as u128 * whole as u128).checked_div(total as u128).map_or(0, |part| part as usize);
    let filled = part(width);
    format!("{}{} {}% ({completed}/{total})", "█".repeat(filled), "░".repeat(width - filled), part(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-159: the strings are exact.
    #[test]
    fn bars_are_exact() {
        for (completed, total, expected) in [
            (4, 10, "████░░░░░░ 40% (4/10)"),
            (0, 0, "░░░░░░░░░░ 0% (0/0)"),
            (1, 3, "███░░░░░░░ 33% (1/3)"),
            (999, 1000, "█████████░ 99% (999/1000)"),
            (3, 3, "██████████ 100% (3/3)"),
        ] {
            assert_eq!(progress_bar(completed, total, DEFAULT_BAR_WIDTH), expected);
        }
    }
}
