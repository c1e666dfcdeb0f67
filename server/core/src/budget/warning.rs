//! Warnings before a budget is used up: once per level, again after usage has dropped (F-055, D-22).

/// Percentages at which somebody is told.
pub const WARNING_LEVELS: [u8; 3] = [75, 90, 95];

/// Which level was told last. Stored with the budget, so that a restart does not repeat a warning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetWarning {
    /// The highest level told and not yet fallen below; 0: none.
    pub told: u8,
}

impl BudgetWarning {
    /// Takes in the usage of the window. Returns the level to tell now: the highest newly crossed one. A level is told again after usage
    /// fell below it.
    pub fn observe(&mut self, used: u64, limit: u64) -> Option<u8> {
        let reached = |level: u8| limit > 0 && u128::from(used) * 100 >= u128::from(limit) * u128::from(level);
        let now = WARNING_LEVELS.into_iter().rfind(|level| reached(*level)).unwrap_or(0);
        let told = std::mem::replace(&mut self.told, now);
        (now > told).then_some(now)
    }
}

/// The sentence of a warning, as the original system writes it.
#[must_use]
pub fn warning_text(project: &str, used: u64, limit: u64) -> String {
    let percent = if limit == 0 { 100.0 } else { used as f64 * 100.0 / limit as f64 };
    format!("**Budget Warning:** Project **{project}** at {percent:.0}% ({} / {} tokens)", grouped(used), grouped(limit))
}

/// A number with commas between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-055, D-22.
    #[test]
    fn each_level_is_told_once_and_again_after_a_drop() {
        let mut warning = BudgetWarning::default();
        let told: Vec<_> = [10, 75, 80, 96, 99, 100, 92, 95, 50, 76].map(|used| warning.observe(used, 100)).into();
        assert_eq!(told, [None, Some(75), None, Some(95), None, None, None, Some(95), None, Some(75)]);
        assert_eq!(warning.observe(5, 0), None);
        assert_eq!(BudgetWarning::default().observe(u64::MAX, u64::MAX), Some(95));
    }

    /// F-055: the text.
    #[test]
    fn the_text_is_exact() {
        assert_eq!(warning_text("app", 1_234_567, 1_500_000), "**Budget Warning:** Project **app** at 82% (1,234,567 / 1,500,000 tokens)");
        assert_eq!(warning_text("app", 760, 999), "**Budget Warning:** Project **app** at 76% (760 / 999 tokens)");
    }
}
