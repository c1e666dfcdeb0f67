//! How a turn ends, and what was done in it.

use super::model::ModelError;
use crate::output::TokenUsage;

/// A tool that was wanted and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The tool.
    pub tool: String,
    /// True when it refused, failed, or was not run.
    pub failed: bool,
}

/// Why a turn ended with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The model has said everything.
    Answered,
    /// The answer is as long as answers may be; the rest is missing.
    TooLong,
    /// The model or its provider refused.
    Refused,
    /// The rounds of a turn were used up.
    Rounds,
    /// The tokens of a turn were used up.
    Tokens,
    /// The model asked for the same again and again, or for nothing that works.
    Loop,
}

/// What came of a turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The text for the person; never empty.
    pub text: String,
    /// Why the turn ended.
    pub ending: Ending,
    /// Calls of the model.
    pub rounds: u32,
    /// Tokens of all calls.
    pub tokens: TokenUsage,
    /// The tools, in order.
    pub steps: Vec<Step>,
}

/// Why a turn ended without a text. What its tools did stays done.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Why.
    pub error: ModelError,
    /// Tokens of all calls.
    pub tokens: TokenUsage,
    /// The tools that had run, in order.
    pub steps: Vec<Step>,
}

/// What was done, as a sentence; what says it when the model says nothing (D-82).
pub(super) fn told(steps: &[Step]) -> String {
    let names = |failed: bool| {
        let names: Vec<&str> = steps.iter().filter(|step| step.failed == failed).map(|step| step.tool.as_str()).collect();
        names.join(", ")
    };
    match (names(false), names(true)) {
        (done, failed) if done.is_empty() && failed.is_empty() => "The model gave no answer, and nothing was done.".to_owned(),
        (done, failed) if failed.is_empty() => format!("The model gave no answer. Done: {done}."),
        (done, failed) if done.is_empty() => format!("The model gave no answer. Nothing was done; these failed: {failed}."),
        (done, failed) => format!("The model gave no answer. Done: {done}. These failed: {failed}."),
    }
}

/// Adds tokens up.
pub(super) fn add(sum: &mut TokenUsage, more: TokenUsage) {
    sum.input = sum.input.saturating_add(more.input);
    sum.output = sum.output.saturating_add(more.output);
    sum.cache_read = sum.cache_read.saturating_add(more.cache_read);
    sum.cache_write = sum.cache_write.saturating_add(more.cache_write);
}
