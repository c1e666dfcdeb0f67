//! The parts that every kind of question is made of: labels, options, names.
//!
//! Spec: specs/server/runner/codex.md

use aq_core::output::QuestionOption;

/// Labels of the choices that every permission offers.
pub(super) const ALLOW: &str = "Allow";
pub(super) const ALLOW_ALWAYS: &str = "Allow for the whole session";
pub(super) const DENY: &str = "Deny";
pub(super) const STOP: &str = "Deny and stop the turn";

/// A choice as it is shown.
pub(super) fn option(label: &str, description: &str) -> QuestionOption {
    let description = if label == description { "" } else { description };
    QuestionOption { label: label.to_owned(), description: description.to_owned() }
}

/// The name of the question at a place of a request.
pub(super) fn part(name: &str, at: usize, several: bool) -> String {
    if several { format!("{name}.{}", at + 1) } else { name.to_owned() }
}
