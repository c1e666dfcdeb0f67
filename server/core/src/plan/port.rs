//! The port for a parser that asks a model (F-126). No such parser lives here; what its answer is worth is decided here.

use super::step::Step;
use crate::runner_link::BoxFuture;

/// A step as a model proposes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedStep {
    /// The title.
    pub title: String,
    /// What is to be done.
    pub description: String,
}

/// Why a model gave no steps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanParserError {
    /// It could not be asked.
    #[error("the model cannot be reached: {0}")]
    Unavailable(String),
    /// It answered with something else.
    #[error("the model gave no steps: {0}")]
    NoSteps(String),
}

/// Something that can read a plan better than rules can.
pub trait PlanParser: Send + Sync {
    /// Proposes at most `max_steps` steps for the plan in `text`.
    fn propose<'a>(&'a self, text: &'a str, max_steps: usize) -> BoxFuture<'a, Result<Vec<ProposedStep>, PlanParserError>>;
}

/// The usable ones of the proposed steps, at most `max_steps`, and the titles of those beyond. A step keeps its place as its hint.
#[must_use]
pub fn adopt(proposed: Vec<ProposedStep>, max_steps: usize) -> (Vec<Step>, Vec<String>) {
    let usable = proposed.into_iter().zip(0..).filter(|(step, _)| !step.title.trim().is_empty() && !step.description.trim().is_empty());
    let mut steps: Vec<_> = usable
        .map(|(step, priority_hint)| {
            let title: String = step.title.trim().chars().map(|char| if char.is_control() { ' ' } else { char }).take(200).collect();
            Step { heading: title.clone(), title, line: None, description: step.description.trim().to_owned(), priority_hint }
        })
        .collect();
    let dropped = steps.split_off(max_steps.min(steps.len())).into_iter().map(|step| step.title).collect();
    (steps, dropped)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-126: capped, empty ones left out, places kept.
    #[test]
    fn proposals_are_capped() {
        let step = |title: &str, description: &str| ProposedStep { title: title.into(), description: description.into() };
        let (steps, dropped) = adopt(vec![step("a", "x"), step(" ", "x"), step("b", ""), step("c\nd", "x"), step("e", "x")], 2);
        let kept: Vec<_> = steps.iter().map(|step| (step.title.as_str(), step.priority_hint)).collect();
        assert_eq!((kept, dropped), (vec![("a", 0), ("c d", 3)], vec!["e".to_owned()]));
    }
}
