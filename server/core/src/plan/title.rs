//! Titles of headings and list items: marks of steps are taken away, and titles that inform instead of asking for work are known.

/// Words before a number that mark a step.
const MARKERS: [&str; 4] = ["step", "phase", "part", "task"];
/// What may stand behind the number of a step.
const AFTER_NUMBER: [char; 6] = [':', '.', ')', '-', '—', '–'];

/// Titles of sections that inform (F-121).
const NON_ACTIONABLE: &[&str] = &[
    "overview",
    "summary",
    "background",
    "context",
    "introduction",
    "conclusion",
    "notes",
    "references",
    "appendix",
    "prerequisites",
    "requirements",
    "assumptions",
    "risks",
    "open questions",
    "future work",
    "out of scope",
    "glossary",
    "table of contents",
    "motivation",
    "goals",
    "non-goals",
    "success criteria",
    "files modified",
    "files to modify",
    "file changes",
    "testing strategy",
    "testing notes",
    "rollback plan",
    "implementation order",
    "dependency graph",
    "design decisions",
    "key decisions",
    "additional observations",
    "identified gaps",
    "verdict",
    "executive summary",
    "problem statement",
    "data flow",
    "file change summary",
    "user workflow examples",
    "current state",
    "current inconsistencies",
    "proposed standard patterns",
    "design principles",
    "color palette",
    "embed structure template",
    "inline field layout rules",
    "visual design specification",
    "libraries and dependencies",
    "risk assessment",
    "risk assessment & mitigations",
    "no additional dependencies required",
    "optional enhancements",
    "total character guard",
    "what embeds support",
    "hard limits",
    "markdown support",
    "expected outcome",
    "estimated effort",
    "technical details",
    "api reference",
    "data model",
    "schema",
    "configuration",
    "constraints",
    "capabilities",
    "architecture",
    "proposed architecture",
    "color scheme",
    "style guide",
    "branding",
    "dependencies",
    "existing implementation",
    "current implementation",
    "design specification",
    "visual design",
    "migration notes",
    "backward compatibility",
    "security considerations",
    "performance considerations",
    "error handling strategy",
    "project structure",
    "file organization",
    "directory structure",
    "environment setup",
    "infrastructure",
    "deployment",
    "summary of recommendations",
    "summary of changes",
    "strategy",
    "approach",
    "methodology",
    "rationale",
    "comparison",
    "alternatives",
    "trade-offs",
    "tradeoffs",
    "evaluation",
    "analysis",
    "findings",
    "observations",
    "recommendations",
    "best practices",
    "patterns",
    "changelog",
    "version history",
    "release notes",
    "known issues",
    "limitations",
    "caveats",
    "faq",
    "troubleshooting",
    "debugging",
];

/// The number behind a marker word: `Step 3`, `phase12`; returns what follows the digits.
fn after_marker(text: &str) -> Option<(&str, bool)> {
    let marker = MARKERS.iter().find(|marker| text.get(..marker.len()).is_some_and(|head| head.eq_ignore_ascii_case(marker)))?;
    let rest = text.get(marker.len()..)?;
    let number = rest.trim_start();
    let spaced = number.len() < rest.len();
    let behind = number.trim_start_matches(|char: char| char.is_ascii_digit());
    (behind.len() < number.len()).then_some((behind, spaced))
}

fn drop_separator(text: &str) -> Option<&str> {
    text.strip_prefix(AFTER_NUMBER).map(str::trim_start)
}

/// The title without the marks of a step and of emphasis (F-118).
#[must_use]
pub fn clean_title(title: &str) -> String {
    let mut text = title.trim();
    if let Some(rest) = after_marker(text).and_then(|(behind, _)| drop_separator(behind.trim_start())) {
        text = rest;
    }
    if let Some((behind, true)) = after_marker(text)
        && behind.starts_with(char::is_whitespace)
    {
        text = behind.trim_start();
    }
    let behind = text.trim_start_matches(|char: char| char.is_ascii_digit());
    if behind.len() < text.len()
        && let Some(rest) = drop_separator(behind)
    {
        text = rest;
    }
    // What cannot be seen is no title.
    without_emphasis(text).trim_matches(|char: char| char.is_whitespace() || char.is_control()).to_owned()
}

/// `*x*` and `**x**` become `x`; a lone star stays.
fn without_emphasis(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('*') {
        let (head, tail) = rest.split_at(at);
        let stars = tail.bytes().take_while(|byte| *byte == b'*').count();
        let inner = tail.get(stars..).unwrap_or_default();
        let marks = stars.min(2);
        let closing = inner.find('*').filter(|close| {
            *close > 0 && inner.get(*close..).is_some_and(|tail| tail.bytes().take_while(|byte| *byte == b'*').count() >= marks)
        });
        out.push_str(head);
        match closing {
            Some(close) if stars <= 2 => {
                out.push_str(inner.get(..close).unwrap_or_default());
                rest = inner.get(close + marks..).unwrap_or_default();
            }
            _ => {
                out.push_str(tail.get(..stars).unwrap_or_default());
                rest = inner;
            }
        }
    }
    out.push_str(rest);
    out
}

/// True for a title that informs instead of asking for work: one of the list, or a compound that begins with one and asks for nothing
/// (F-121, D-51). `title` is the heading as written; a compound that is marked as a step (`Phase 2: …`) is one.
#[must_use]
pub fn is_non_actionable(title: &str) -> bool {
    let cleaned = clean_title(title).to_lowercase();
    let listed = |text: &str| NON_ACTIONABLE.contains(&text.trim());
    if listed(cleaned.trim_end_matches(':')) {
        return true;
    }
    if after_marker(title.trim()).is_some() || cleaned.split_whitespace().any(super::quality::is_actionable_word) {
        return false;
    }
    let part = cleaned.split([':', '(', ',', '/', '&', '—', '–']).next().unwrap_or_default();
    let part = part.split(" and ").next().unwrap_or_default();
    let word = cleaned.split(|char: char| char.is_whitespace() || ":,/&(".contains(char)).next().unwrap_or_default();
    listed(part) || listed(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-118: the nine examples, and what they imply.
    #[test]
    fn titles_are_cleaned() {
        for (title, cleaned) in [
            ("Step 1: Add X", "Add X"),
            ("Phase 2 - Build **Y**", "Build Y"),
            ("Task Foo", "Task Foo"),
            ("Task 3 Do it", "Do it"),
            ("Task3 Do it", "Task3 Do it"),
            ("Task: Foo", "Task: Foo"),
            ("- Foo", "- Foo"),
            ("5. Implementation Plan", "Implementation Plan"),
            ("Phase 1.1: Foo", "Foo"),
            ("Step 1: 2. Nested", "Nested"),
            ("Part 3 — Dash", "Dash"),
            ("Stage 1: Q", "Stage 1: Q"),
            ("pHaSe12) x", "x"),
            ("Task 3D printer", "Task 3D printer"),
            ("**bold** and *thin* 2 * 3", "bold and thin 2 * 3"),
            ("7 wonders", "7 wonders"),
            ("Step 1:", ""),
            ("*", "*"),
            ("**a* b", "**a* b"),
            ("***x***", "***x***"),
        ] {
            assert_eq!(clean_title(title), cleaned, "{title}");
        }
    }

    /// F-121: every listed title, in any case and with a mark before it.
    #[test]
    fn informing_titles_are_known() {
        for title in NON_ACTIONABLE {
            assert!(is_non_actionable(title), "{title}");
            assert!(is_non_actionable(&format!("3. {}", title.to_uppercase())), "{title}");
        }
    }

    /// D-51: compounds inform too, unless they ask for work or are marked as steps.
    #[test]
    fn compound_titles_inform() {
        for title in [
            "Background & Architecture Analysis",
            "Summary (short)",
            "Risks and mitigations",
            "Notes: odds and ends",
            "Open questions, answered",
            "Overview of things",
        ] {
            assert!(is_non_actionable(title), "{title}");
        }
        for title in [
            "Add the overview page",
            "Configuration: add the key",
            "Phase 1: Configuration loader",
            "Notebook service",
            "Dependencies update",
            "",
        ] {
            assert!(!is_non_actionable(title), "{title}");
        }
    }
}
