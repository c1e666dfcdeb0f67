//! What all texts share: their size, and titles on one line.

/// Longest tree or list, in characters; what does not fit is counted in the text.
pub const TEXT_BUDGET: usize = 1_800;

/// A title on one line, without control characters.
pub(super) fn one_line(title: &str) -> String {
    title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
