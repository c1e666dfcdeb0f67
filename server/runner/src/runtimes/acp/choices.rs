//! The choices that come with a request for permission. They are told apart by their kind, never by their id (acp R6).
//!
//! Spec: specs/server/runner/acp.md

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::runtimes::json::{list, text};

/// One choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    /// The id to answer with.
    pub(super) id: String,
    /// `allow_once`, `allow_always`, `reject_once`, `reject_always`, or a word unknown to us.
    pub(super) kind: String,
    /// What people read.
    pub(super) name: String,
}

/// Reads the choices of a request.
pub(super) fn read(params: &Value) -> Vec<Choice> {
    let choice = |option: &Value| Choice {
        id: text(option, "/optionId").to_owned(),
        kind: text(option, "/kind").to_owned(),
        name: text(option, "/name").to_owned(),
    };
    list(params, "/options").iter().map(choice).collect()
}

/// The first choice of the best kind that is offered.
fn best<'a>(choices: &'a [Choice], kinds: [&str; 2]) -> Option<&'a Choice> {
    kinds.iter().find_map(|kind| choices.iter().find(|choice| choice.kind == *kind))
}

/// The choice that allows, once where that is offered.
pub(super) fn allowing(choices: &[Choice]) -> Option<&Choice> {
    best(choices, ["allow_once", "allow_always"])
}

/// The choice that refuses, once where that is offered.
pub(super) fn refusing(choices: &[Choice]) -> Option<&Choice> {
    best(choices, ["reject_once", "reject_always"])
}

/// The choice that a person named by its label, its kind or its number.
pub(super) fn named<'a>(choices: &'a [Choice], said: &str) -> Option<&'a Choice> {
    let said = said.trim();
    let labelled = choices.iter().find(|choice| choice.name.eq_ignore_ascii_case(said) || choice.kind.eq_ignore_ascii_case(said));
    labelled.or_else(|| choices.get(said.parse::<usize>().ok()?.checked_sub(1)?))
}

/// True for a choice that allows.
pub(super) fn allows(choice: &Choice) -> bool {
    choice.kind.starts_with("allow")
}
