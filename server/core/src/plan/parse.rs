//! From a document to steps: the first strategy that finds any (F-119, F-120, F-122, F-123).

use super::consolidate::consolidate;
use super::document::{Document, Heading, list_item, within_limit};
use super::port::{ProposedStep, adopt};
use super::quality::{POOR, looks_actionable, quality};
use super::step::{Parsed, Step, Strategy};
use super::title::{clean_title, is_non_actionable};

/// Shortest text below a heading that makes it a step, in characters.
pub const MIN_BODY_CHARS: usize = 20;
/// Longest title of a list item, in characters; longer ones are cut and marked.
const MAX_ITEM_TITLE: usize = 120;
/// Longest title of any step, in characters.
const MAX_TITLE: usize = 200;
/// Steps that a document of poor quality may have before its titles are looked at.
const MANY_STEPS: usize = 5;

/// Headings under which steps stand as a level of their own.
const CONTAINERS: &[&str] = &[
    "implementation plan",
    "implementation steps",
    "implementation phases",
    "action items",
    "tasks",
    "work plan",
    "execution plan",
    "implementation order",
    "development phases",
    "coding tasks",
    "implementation",
    "plan of action",
    "action plan",
    "development plan",
    "work items",
    "deliverables",
];

/// Reads steps with one strategy; what it drops is added to the warnings.
type Reading = fn(&Document<'_>, &mut Vec<String>) -> Vec<Step>;

/// Reads a document. The same text gives the same steps.
#[must_use]
pub fn parse(text: &str, max_steps: usize) -> Parsed {
    let document = Document::read(text);
    let strategies: [(Strategy, Reading); 4] = [
        (Strategy::ImplementationSection, implementation_section),
        (Strategy::Headings, headings),
        (Strategy::NumberedList, numbered_list),
        (Strategy::WholeDocument, whole_document),
    ];
    let mut found = (Strategy::Nothing, Vec::new(), Vec::new());
    for (strategy, find) in strategies {
        let mut left_out = Vec::new();
        let steps = find(&document, &mut left_out);
        if !steps.is_empty() {
            found = (strategy, steps, left_out);
            break;
        }
    }
    let (strategy, mut steps, left_out) = found;
    let dropped = steps.split_off(max_steps.min(steps.len())).into_iter().map(|step| step.title).collect();
    Parsed { strategy, steps, dropped, left_out, truncated: within_limit(text).1 }
}

/// How a plan reads: as a model proposed, where something of its proposal is usable, else by the rules (F-126).
#[must_use]
pub fn reading(text: &str, proposed: &[ProposedStep], max_steps: usize) -> Parsed {
    let (steps, dropped) = adopt(proposed.to_vec(), max_steps);
    if steps.is_empty() {
        return parse(text, max_steps);
    }
    Parsed { strategy: Strategy::Model, steps, dropped, left_out: Vec::new(), truncated: within_limit(text).1 }
}

fn numbered(steps: Vec<Step>) -> Vec<Step> {
    steps.into_iter().zip(0..).map(|(step, priority_hint)| Step { priority_hint, ..step }).collect()
}

/// The step under a heading, unless it has no title, informs, or says too little.
fn step(document: &Document<'_>, heading: &Heading<'_>, end: usize, left_out: &mut Vec<String>) -> Option<Step> {
    let title = clean_title(heading.title);
    if title.is_empty() {
        return None;
    }
    let body = document.text(heading.line + 1, end);
    if is_non_actionable(heading.title) || body.chars().count() < MIN_BODY_CHARS {
        left_out.push(title);
        return None;
    }
    Some(Step {
        title: cut(&title, MAX_TITLE),
        heading: heading.title.to_owned(),
        line: Some(heading.line),
        description: body,
        priority_hint: 0,
    })
}

fn implementation_section(document: &Document<'_>, left_out: &mut Vec<String>) -> Vec<Step> {
    let is_container =
        |heading: &&Heading<'_>| heading.level == 2 && CONTAINERS.contains(&clean_title(heading.title).to_lowercase().as_str());
    let Some(container) = document.headings().iter().find(is_container) else { return Vec::new() };
    let end = document.section_end(container);
    let inside = document.headings().iter().filter(|heading| heading.level == 3 && (container.line..end).contains(&heading.line));
    let steps = inside.filter_map(|heading| step(document, heading, document.section_end(heading).min(end), left_out)).collect();
    consolidate(numbered(steps))
}

fn headings(document: &Document<'_>, left_out: &mut Vec<String>) -> Vec<Step> {
    let of_level = |level| document.headings().iter().filter(move |heading| heading.level == level);
    let wanted = |heading: &Heading<'_>| !clean_title(heading.title).is_empty() && !is_non_actionable(heading.title);
    let level = if of_level(2).any(wanted) { 2 } else { 3 };
    let found: Vec<_> = of_level(level).filter_map(|heading| step(document, heading, document.section_end(heading), left_out)).collect();
    if found.len() > MANY_STEPS && quality(found.iter().map(|step| step.heading.as_str())) < POOR {
        let (kept, rest): (Vec<_>, Vec<_>) = found.iter().cloned().partition(|step| looks_actionable(&step.heading));
        if !kept.is_empty() {
            left_out.extend(rest.into_iter().map(|step| step.title));
            return numbered(kept);
        }
    }
    numbered(found)
}

fn numbered_list(document: &Document<'_>, _: &mut Vec<String>) -> Vec<Step> {
    let items: Vec<_> = document.open_lines().filter_map(|(line, text)| list_item(text).map(|text| (line, text))).collect();
    let starts = items.iter().map(|(line, _)| *line).chain(document.headings().iter().map(|heading| heading.line));
    let mut starts: Vec<_> = starts.collect();
    starts.sort_unstable();
    let steps = items.iter().filter_map(|(line, text)| {
        let title = clean_title(text);
        let next = starts.get(starts.partition_point(|start| start <= line)).copied().unwrap_or(document.end());
        let more = document.text(line + 1, next);
        let description = if more.is_empty() { title.clone() } else { format!("{title}\n\n{more}") };
        (!title.is_empty()).then(|| Step {
            title: cut(&title, MAX_ITEM_TITLE),
            heading: (*text).to_owned(),
            line: Some(*line),
            description,
            priority_hint: 0,
        })
    });
    consolidate(numbered(steps.collect()))
}

fn whole_document(document: &Document<'_>, _: &mut Vec<String>) -> Vec<Step> {
    let first = document.headings().iter().find(|heading| heading.level == 1);
    let title = first.map(|heading| clean_title(heading.title)).filter(|title| !title.is_empty());
    let body = match first {
        Some(heading) => format!("{}\n\n{}", document.text(0, heading.line), document.text(heading.line + 1, document.end())),
        None => document.text(0, document.end()),
    };
    let body = body.trim();
    if body.is_empty() {
        return Vec::new();
    }
    let title = title.unwrap_or_else(|| "Implementation Plan".to_owned());
    vec![Step { title: cut(&title, MAX_TITLE), heading: title, line: Some(0), description: body.to_owned(), priority_hint: 0 }]
}

/// A title of at most `most` characters, marked when it was cut, on one line.
fn cut(title: &str, most: usize) -> String {
    let line: String = title.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    if line.chars().count() <= most {
        return line;
    }
    let head: String = line.chars().take(most.saturating_sub(3)).collect();
    format!("{head}...")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "This is long enough to be a step.";

    fn titles(text: &str) -> Vec<String> {
        parse(text, 20).steps.into_iter().map(|step| step.title).collect()
    }

    /// F-120: the example of the original.
    #[test]
    fn the_example_gives_its_steps() {
        let text = format!(
            "# T\n\ntext\n\n## Overview\n\n{BODY}\n\n## Phase 1: Add the API endpoint\n\n{BODY}\n\n### Sub A\n\na\n\n### Sub B\n\nb\n\n## 2. Write tests\n\nshort\n\n## Update docs\n\n{BODY}\n"
        );
        let parsed = parse(&text, 20);
        let found: Vec<_> = parsed.steps.iter().map(|step| (step.title.as_str(), step.priority_hint)).collect();
        assert_eq!(found, [("Add the API endpoint", 0), ("Update docs", 1)]);
        assert!(parsed.steps[0].description.contains("### Sub B"));
        assert_eq!((parsed.strategy, parsed.left_out), (Strategy::Headings, vec!["Overview".to_owned(), "Write tests".to_owned()]));
    }

    /// F-119: the section that announces steps wins over other headings; deeper headings belong to their step.
    #[test]
    fn an_implementation_section_holds_the_steps() {
        let text = format!(
            "## Context\n{BODY}\n## 4. Implementation Steps\nintro\n### Step 1: Add it\n{BODY}\n#### Detail\nx\n### Risks\n{BODY}\n### Tiny\nno\n### Use it\n{BODY}\n## Later\n### Not this\n{BODY}\n"
        );
        let parsed = parse(&text, 20);
        assert_eq!(parsed.strategy, Strategy::ImplementationSection);
        assert_eq!(parsed.steps.iter().map(|step| step.title.as_str()).collect::<Vec<_>>(), ["Add it", "Use it"]);
        assert!(parsed.steps[0].description.contains("#### Detail"));
        let five: String = (1..=5).map(|number| format!("### Do {number}\n{BODY}\n")).collect();
        assert_eq!(titles(&format!("## Tasks\n{five}")).len(), 3);
        assert_eq!(titles(&format!("## Tasks\n{BODY}\n## Add it\n{BODY}\n")), ["Tasks", "Add it"]);
    }

    /// F-120: third-level headings count where no second-level one asks for work; they end at the next section.
    #[test]
    fn third_level_headings_are_the_second_choice() {
        let text = format!("## Overview\n### Add a\n{BODY}\n## Notes\nsecret\n### Add b\n{BODY}\n");
        let parsed = parse(&text, 20);
        assert_eq!(parsed.steps.len(), 2);
        assert!(!parsed.steps[0].description.contains("secret"));
    }

    /// F-125: poor documents keep what asks for work.
    #[test]
    fn poor_documents_are_filtered() {
        let names = [
            "Color Rules",
            "Layout Specification",
            "Risk Overview Notes",
            "Existing Layout",
            "Visual Thing",
            "Proposed Limits",
            "Create the parser",
        ];
        let text: String = names.iter().map(|name| format!("## {name}\n{BODY}\n")).collect();
        assert_eq!(titles(&text), ["Create the parser"]);
        let nothing: String = names.iter().take(6).map(|name| format!("## {name}\n{BODY}\n")).collect();
        assert_eq!(titles(&nothing).len(), 6, "what would leave nothing filters nothing");
        let few: String = names.iter().skip(2).map(|name| format!("## {name}\n{BODY}\n")).collect();
        assert_eq!(titles(&few).len(), 5, "few steps are kept as they are");
        let fair: String = (0..10).map(|at| format!("## {} {at}\n{BODY}\n", if at < 4 { "Add" } else { "Thing" })).collect();
        assert_eq!(titles(&fair).len(), 10, "a score of 0.4 is not poor");
    }

    /// plan R6: a section says enough with 20 characters below its heading.
    #[test]
    fn short_sections_are_left_out() {
        let parsed = parse(&format!("## Add a\n{}\n## Add b\n{}\n", "ü".repeat(20), "ü".repeat(19)), 20);
        assert_eq!((parsed.steps.len(), parsed.left_out), (1, vec!["Add b".to_owned()]));
    }

    /// F-122: items at the margin, with what follows them; long titles are cut.
    #[test]
    fn numbered_lists_are_steps() {
        let long = "x".repeat(130);
        let text = format!("Do this:\n\n1. Add **a**\n   more\n   - 2. no\n2) {long}\n\n```\n3. no\n```\n10. Step 1: last\n");
        let parsed = parse(&text, 20);
        assert_eq!(parsed.strategy, Strategy::NumberedList);
        let [a, b, c] = parsed.steps.as_slice() else { panic!("{parsed:?}") };
        assert_eq!((a.title.as_str(), a.description.as_str()), ("Add a", "Add a\n\nmore\n   - 2. no"));
        assert_eq!((b.title.chars().count(), b.title.ends_with("xxx...")), (120, true));
        assert!(b.description.starts_with(&long));
        assert_eq!((c.title.as_str(), c.priority_hint), ("last", 2));
        assert_eq!(titles("1. a\n2. b\n3. c\n4. d\n5. e\n").len(), 3);
    }

    /// F-123.
    #[test]
    fn a_document_without_parts_is_one_step() {
        let parsed = parse("intro\n# 1. Do it\n\nJust do it.\n", 20);
        assert_eq!((parsed.steps[0].title.as_str(), parsed.steps[0].description.as_str()), ("Do it", "intro\n\nJust do it."));
        assert_eq!(titles("Just do it."), ["Implementation Plan"]);
        assert_eq!(titles("# \u{1f}\n\nJust do it."), ["Implementation Plan"], "a title that cannot be seen is none");
        for nothing in ["", " \n\t\n", "# Only a title", "# \n"] {
            assert_eq!(parse(nothing, 20).strategy, Strategy::Nothing, "{nothing:?}");
        }
    }

    /// F-127, D-55: what is beyond the limit is named.
    #[test]
    fn steps_beyond_the_limit_are_named() {
        let text: String = (1..=6).map(|number| format!("## Add {number}\n{BODY}\n")).collect();
        let parsed = parse(&text, 4);
        assert_eq!((parsed.steps.len(), parsed.dropped), (4, vec!["Add 5".to_owned(), "Add 6".to_owned()]));
        assert_eq!(parse(&text, 0).dropped.len(), 6);
    }
}
