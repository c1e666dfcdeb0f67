//! Bounds texts before they become items (runtimes R6).
//!
//! Spec: specs/server/runner/runtimes.md

use aq_core::output::MAX_ITEM_TEXT_BYTES;

/// What a cut text ends with.
pub(crate) const MARK: &str = " […]";

/// `text`, cut at a character boundary so that it is at most `max` bytes (but never less than the mark needs).
#[must_use]
pub(crate) fn clip_to(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let mut end = max.saturating_sub(MARK.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or_default();
    format!("{head}{MARK}")
}

/// `text`, cut to what one item may carry.
#[must_use]
pub fn clip(text: &str) -> String {
    clip_to(text, MAX_ITEM_TEXT_BYTES)
}

/// The first line of `text` that is not blank, cut to `max` bytes.
#[must_use]
pub fn first_line(text: &str, max: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    clip_to(line, max)
}

#[cfg(test)]
mod tests {
    use super::{clip_to, first_line};

    /// Runtimes R6: never longer than allowed, never half a character, marked.
    #[test]
    fn cuts_at_character_boundaries() {
        assert_eq!(clip_to("short", 20), "short");
        for max in 8..24 {
            let cut = clip_to("äöüäöüäöüäöüäöüäöü", max);
            assert!(cut.len() <= max && cut.ends_with(" […]"), "{max}: {cut}");
        }
    }

    /// The first line skips blank ones.
    #[test]
    fn first_line_skips_blank() {
        assert_eq!(first_line("\n  \n  a b\nc", 80), "a b");
        assert_eq!(first_line("", 80), "");
    }
}
