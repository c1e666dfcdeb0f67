//! How much a set of steps looks like work instead of description (F-125).

/// Words that ask for work.
const ACTIONABLE: &[&str] = &[
    "create",
    "add",
    "implement",
    "update",
    "fix",
    "refactor",
    "migrate",
    "convert",
    "build",
    "write",
    "modify",
    "remove",
    "replace",
    "move",
    "setup",
    "configure",
    "deploy",
    "test",
    "verify",
    "validate",
    "phase",
    "step",
    "foundation",
    "integrate",
];
/// Two words that ask for work at the beginning of a title.
const OPENINGS: &[&str] = &["set up", "clean up", "wire up", "hook up", "plug in", "roll out"];
/// Words that describe.
const INFORMATIONAL: &[&str] = &[
    "support",
    "limits",
    "palette",
    "template",
    "principles",
    "overview",
    "current",
    "proposed",
    "specification",
    "constraints",
    "capabilities",
    "existing",
    "libraries",
    "dependencies",
    "risk",
    "assessment",
    "color",
    "visual",
    "branding",
    "layout",
    "rules",
    "strategy",
    "approach",
    "analysis",
    "comparison",
    "alternatives",
    "rationale",
    "evaluation",
    "findings",
    "known",
    "limitations",
];
/// Words that mark a step when a number follows.
const STEP_WORDS: &[&str] = &["phase", "step", "part", "task", "stage"];

/// Below this a document with many steps is looked at title by title.
pub(super) const POOR: f64 = 0.4;

/// True for one of the words that ask for work; punctuation around it does not matter.
pub(super) fn is_actionable_word(word: &str) -> bool {
    ACTIONABLE.contains(&word.trim_matches(|char: char| !char.is_alphanumeric()))
}

/// True for `Phase 3 …`, `Stage 1: …`.
pub(super) fn marks_a_step(title: &str) -> bool {
    let lower = title.trim_start().to_lowercase();
    STEP_WORDS.iter().any(|word| {
        let number = lower.strip_prefix(word).filter(|rest| rest.starts_with(char::is_whitespace)).map(str::trim_start);
        number.is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()))
    })
}

pub(super) fn has_word(title: &str, words: &[&str]) -> bool {
    title.to_lowercase().split_whitespace().any(|word| words.contains(&word))
}

pub(super) fn informs(title: &str) -> bool {
    has_word(title, INFORMATIONAL)
}

/// True when a title looks like something to do.
#[must_use]
pub fn looks_actionable(title: &str) -> bool {
    let lower = title.trim_start().to_lowercase();
    has_word(title, ACTIONABLE) || marks_a_step(title) || OPENINGS.iter().any(|opening| lower.starts_with(opening))
}

/// From 0.0 (describes) to 1.0 (asks for work); 0.0 for no titles.
#[must_use]
pub fn quality<'a>(titles: impl IntoIterator<Item = &'a str>) -> f64 {
    let (mut sum, mut count) = (0.0_f64, 0.0_f64);
    for title in titles {
        count += 1.0;
        sum += if marks_a_step(title) || has_word(title, ACTIONABLE) {
            1.0
        } else if informs(title) {
            -0.5
        } else {
            0.0
        };
    }
    if count > 0.0 { (sum / count).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-125: the worked example.
    #[test]
    fn the_score_is_as_computed_by_hand() {
        let score = quality(["Add foo", "Color palette", "Misc"]);
        assert!((score - 0.5 / 3.0).abs() < 1e-9, "{score}");
        let seven = [
            "Color Rules",
            "Layout Specification",
            "Risk Overview Notes",
            "Existing Layout",
            "Visual Thing",
            "Proposed Limits",
            "Create the parser",
        ];
        assert!(quality(seven).abs() < 1e-9);
        let kept: Vec<_> = seven.into_iter().filter(|title| looks_actionable(title)).collect();
        assert_eq!(kept, ["Create the parser"]);
        assert!(quality([]).abs() < 1e-9);
    }

    /// plan R9: what counts as asking for work.
    #[test]
    fn openings_and_marks_count() {
        for title in ["Set up the database", "Stage 2: rest", "the test", "Roll out"] {
            assert!(looks_actionable(title), "{title}");
        }
        for title in ["Stage two", "Database", "Staged 2"] {
            assert!(!looks_actionable(title), "{title}");
        }
    }
}
