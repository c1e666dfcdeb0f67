//! Where plans are looked for: patterns of paths, and what gives a plan away that lies elsewhere (F-116).

use super::document::Document;

/// The place that agents are told: no runtime guards it, and git does not see it.
pub const TOLD_PATH: &str = ".aq/plan.md";

/// Where plans are looked for when nothing else is configured; the first hit counts.
pub const PATTERNS: [&str; 6] = [TOLD_PATH, ".claude/plan.md", "plan.md", "docs/plans/*.md", "plans/*.md", "docs/plan.md"];

/// How much of a file is looked at for what gives a plan away, in bytes.
const LOOKED_AT: usize = 8192;

/// A path relative to the work directory, perhaps with `*` and `?`, neither of which stands for a `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Vec<char>,
}

/// Reads a pattern.
#[must_use]
pub fn pattern(text: &str) -> Pattern {
    Pattern { text: text.trim_start_matches("./").chars().collect() }
}

impl Pattern {
    /// True when `path` (with `/` between its parts) is meant.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        let (mut at, mut next) = (0, 0);
        // The last star, and how far it reaches by now: nothing is tried twice, however many stars there are.
        let mut star: Option<(usize, usize)> = None;
        while let Some(char) = path.get(at) {
            match self.text.get(next) {
                Some('*') => {
                    star = Some((next, at));
                    next += 1;
                }
                Some('?') if *char != '/' => (at, next) = (at + 1, next + 1),
                Some(wanted) if wanted == char => (at, next) = (at + 1, next + 1),
                _ => match star {
                    Some((place, reach)) if path.get(reach).is_some_and(|char| *char != '/') => {
                        star = Some((place, reach + 1));
                        (at, next) = (reach + 1, place + 1);
                    }
                    _ => return false,
                },
            }
        }
        self.text.iter().skip(next).all(|rest| *rest == '*')
    }
}

/// True when the beginning of a file announces steps: a heading `Phase 1`, or one that names an implementation plan.
#[must_use]
pub fn announces_a_plan(text: &str) -> bool {
    let end = (0..=LOOKED_AT.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let document = Document::read(text.get(..end).unwrap_or_default());
    document.headings().iter().filter(|heading| heading.level <= 3).any(|heading| {
        let title = heading.title.to_lowercase();
        let numbered = ["phase", "step", "part", "stage"].iter().any(|word| {
            let behind = title.split_once(word).map(|(before, behind)| (before.chars().all(|char| !char.is_alphanumeric()), behind));
            behind.is_some_and(|(first, behind)| {
                first && behind.starts_with(char::is_whitespace) && behind.trim_start().starts_with(|char: char| char.is_ascii_digit())
            })
        });
        let named = ["implementation plan", "implementation steps", "implementation phases", "action items"];
        numbered || named.iter().any(|name| title.contains(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-116: plain paths and globs; a star stays within its folder.
    #[test]
    fn patterns_match_paths() {
        for (wanted, path, matches) in [
            ("plan.md", "plan.md", true),
            ("./plan.md", "plan.md", true),
            ("plan.md", "docs/plan.md", false),
            ("docs/plans/*.md", "docs/plans/a.md", true),
            ("docs/plans/*.md", "docs/plans/a/b.md", false),
            ("docs/plans/*.md", "docs/plans/.md", true),
            ("plans/*/a.md", "plans/one/a.md", true),
            ("p?an.md", "plan.md", true),
            ("p?an.md", "p/an.md", false),
            ("*a*b*.md", "xaybz.md", true),
            ("*", "", true),
        ] {
            assert_eq!(pattern(wanted).matches(path), matches, "{wanted} {path}");
        }
        let stars = "*a".repeat(200);
        assert!(!pattern(&format!("{stars}b")).matches(&"a".repeat(4000)));
    }

    /// F-116: what gives a plan away.
    #[test]
    fn plans_give_themselves_away() {
        for plan in ["# Phase 1: x", "### **step 2**", "## The Implementation Plan", "# Action items!"] {
            assert!(announces_a_plan(plan), "{plan}");
        }
        for other in [
            "#### Phase 1",
            "# Phase one",
            "```\n# Phase 1\n```",
            "Phase 1",
            "# Three-phase 3",
            &format!("{}\n# Phase 1", "x".repeat(9000)),
        ] {
            assert!(!announces_a_plan(other), "{other}");
        }
    }
}
