//! Many steps become at most three phases, so that a plan does not fall apart into splinters (F-124).

use std::fmt::Write as _;

use super::step::{PHASE_MARKER, Step};

/// Steps that a plan may have before they are put together.
const MOST_STEPS: usize = 4;
/// Phases that steps are put together into.
pub const MOST_PHASES: usize = 3;

/// Puts steps together when there are more than four.
pub(super) fn consolidate(steps: Vec<Step>) -> Vec<Step> {
    if steps.len() <= MOST_STEPS {
        return steps;
    }
    let phases = steps.chunks(steps.len().div_ceil(MOST_PHASES)).map(phase);
    phases.zip(0..).map(|(step, hint)| Step { priority_hint: hint, ..step }).collect()
}

fn phase(steps: &[Step]) -> Step {
    let (Some(first), true) = (steps.first(), steps.len() > 1) else { return steps.first().cloned().unwrap_or_default() };
    let related = steps.len() - 1;
    let noun = if related == 1 { "step" } else { "steps" };
    let mut text = format!("{PHASE_MARKER}\n");
    for (index, step) in steps.iter().enumerate() {
        line(&mut text, format_args!("{}. {}", index + 1, step.title));
    }
    text.push_str("\n---\n");
    for step in steps {
        line(&mut text, format_args!("\n### {}\n\n{}", step.title, step.description));
    }
    Step {
        title: format!("{} (and {related} related {noun})", first.title),
        heading: first.heading.clone(),
        line: first.line,
        description: text.trim_end().to_owned(),
        priority_hint: 0,
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _infallible = writeln!(text, "{arguments}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(count: usize) -> Vec<String> {
        let step =
            |number| Step { title: format!("S{number}"), description: format!("body {number}"), priority_hint: 9, ..Step::default() };
        consolidate((1..=count).map(step).collect()).into_iter().map(|step| step.title).collect()
    }

    /// F-124: the table.
    #[test]
    fn counts_give_the_listed_phases() {
        assert_eq!(titles(4), ["S1", "S2", "S3", "S4"]);
        assert_eq!(titles(5), ["S1 (and 1 related step)", "S3 (and 1 related step)", "S5"]);
        assert_eq!(titles(6), ["S1 (and 1 related step)", "S3 (and 1 related step)", "S5 (and 1 related step)"]);
        assert_eq!(titles(7), ["S1 (and 2 related steps)", "S4 (and 2 related steps)", "S7"]);
        assert_eq!(titles(10), ["S1 (and 3 related steps)", "S5 (and 3 related steps)", "S9 (and 1 related step)"]);
    }

    /// F-124: the description of a phase lists its steps and quotes each; hints count the phases.
    #[test]
    fn a_phase_quotes_its_steps() {
        let step = |number: i32| Step { title: format!("S{number}"), description: format!("body {number}"), ..Step::default() };
        let phases = consolidate((1..=5).map(step).collect());
        assert_eq!(phases[0].description, "**Steps in this phase:**\n1. S1\n2. S2\n\n---\n\n### S1\n\nbody 1\n\n### S2\n\nbody 2");
        assert_eq!(phases.iter().map(|phase| phase.priority_hint).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(phases[2].description, "body 5");
    }
}
