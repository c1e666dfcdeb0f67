//! The form of outcomes: how much of what was seen they hold, and how they tell what went wrong.

use serde_json::Value;

/// Most characters of a long outcome.
pub(super) const LONG: usize = 50_000;

/// The beginning of a text.
pub(super) fn beginning(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// A value as text for a step's outcome.
pub(super) fn error(why: impl Into<String>) -> Value {
    serde_json::json!({ "error": why.into() })
}
