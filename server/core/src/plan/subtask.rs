//! How the steps of a plan read as tasks: fields, inheritance, descriptions, the announcement (F-128, F-129, F-131).

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::document::{Document, list_item};
use super::step::{PHASE_MARKER, Parsed, Step, Strategy};
use super::title::clean_title;

/// Longest text before the first step that is told with every step, in characters.
const MAX_PREAMBLE: usize = 8000;
/// Most points of a step's outline.
const MAX_OUTLINE: usize = 10;

/// What steps take from their parent and from the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubtaskRules {
    /// Priority of the first step.
    pub base_priority: i32,
    /// Each step waits for the one before; otherwise all wait for the parent only.
    pub chain: bool,
    /// Steps need the approval that the parent needs.
    pub inherit_approval: bool,
    /// The parent needs approval.
    pub parent_needs_approval: bool,
}

/// A step as a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtask {
    /// The title.
    pub title: String,
    /// The whole instruction.
    pub description: String,
    /// Lower runs first.
    pub priority: i32,
    /// Its work waits for a person.
    pub requires_approval: bool,
    /// Index of the step that it waits for; `None`: it waits for the parent.
    pub after: Option<usize>,
}

/// The tasks that the steps of a plan become. `text` is the plan, `parent` the title of the task that it came out of.
#[must_use]
pub fn subtasks(text: &str, parsed: &Parsed, parent: &str, rules: SubtaskRules) -> Vec<Subtask> {
    let before = preamble(text, parsed);
    let last = parsed.steps.len().saturating_sub(1);
    let step = |(index, step): (usize, &Step)| Subtask {
        title: step.title.clone(),
        description: describe(step, &before, parent),
        priority: rules.base_priority.saturating_add(step.priority_hint),
        requires_approval: rules.parent_needs_approval && rules.inherit_approval && (!rules.chain || index == last),
        after: if rules.chain { index.checked_sub(1) } else { None },
    };
    parsed.steps.iter().enumerate().map(step).collect()
}

/// What the plan says before its first step, without the document's title.
#[must_use]
pub fn preamble(text: &str, parsed: &Parsed) -> String {
    let Some(first) = parsed.steps.first().filter(|_| parsed.strategy != Strategy::WholeDocument) else { return String::new() };
    let document = Document::read(text);
    // A step that a model proposed has no place of its own: the heading of its name, where there is one.
    let wanted = clean_title(&first.heading);
    let named = || document.headings().iter().find(|heading| clean_title(heading.title) == wanted).map(|heading| heading.line);
    let Some(end) = first.line.or_else(named) else { return String::new() };
    let title = document.headings().iter().find(|heading| heading.level == 1 && heading.line < end);
    let text = match title {
        Some(title) => format!("{}\n\n{}", document.text(0, title.line), document.text(title.line + 1, end)),
        None => document.text(0, end),
    };
    let text = text.trim();
    match text.char_indices().nth(MAX_PREAMBLE) {
        Some((cut, _)) => format!("{}\n… (shortened)", text.get(..cut).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}

fn describe(step: &Step, before: &str, parent: &str) -> String {
    let mut parts = vec![format!("**{}**", step.title)];
    if !before.is_empty() {
        parts.push(format!("## Background Context\n{before}"));
    }
    parts.push(format!("This task is part of the implementation plan from: **{parent}**"));
    let outline = outline(&step.description);
    if !outline.is_empty() && !step.description.contains(PHASE_MARKER) {
        let points: Vec<_> = outline.iter().map(|point| format!("- {point}")).collect();
        parts.push(format!("## High-Level Steps\n{}", points.join("\n")));
    }
    parts.push(format!("## Task Details\n{}", step.description));
    parts.join("\n\n")
}

/// The points of a step: its third-level headings, else its numbered items, when there are at least two.
fn outline(text: &str) -> Vec<String> {
    let document = Document::read(text);
    let headings: Vec<_> =
        document.headings().iter().filter(|heading| heading.level == 3).map(|heading| clean_title(heading.title)).collect();
    let mut points = headings;
    if points.len() < 2 {
        points = document.open_lines().filter_map(|(_, line)| list_item(line)).map(clean_title).collect();
    }
    points.retain(|point| !point.is_empty());
    points.truncate(MAX_OUTLINE);
    if points.len() < 2 { Vec::new() } else { points }
}

/// Names the content of a plan: the same words give the same name, however lines end (F-117, D-52).
#[must_use]
pub fn content_hash(text: &str) -> String {
    let mut hash = Sha256::new();
    for line in text.trim().lines() {
        hash.update(line.trim_end());
        hash.update("\n");
    }
    HEXLOWER.encode(&hash.finalize())
}

/// A task that a plan became, as it is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its priority.
    pub priority: i32,
    /// The icon of its kind; empty: none.
    pub icon: String,
}

/// The announcement of a plan's tasks, in lines (F-131).
#[must_use]
pub fn announcement(parent: &str, project: &str, workspace: &str, chained: bool, tasks: &[Announced]) -> String {
    let mut lines = vec![format!("📋 **Plan Generated — {} Task(s) Created**", tasks.len())];
    lines.push(format!("Parent: {parent}"));
    lines.push(format!("Project: {project}"));
    if !workspace.is_empty() {
        lines.push(format!("Workspace: {workspace}"));
    }
    if chained && tasks.len() > 1 {
        let chain: Vec<_> = tasks.iter().map(|task| task.id.as_str()).collect();
        lines.push(format!("Chain: {}", chain.join(" → ")));
    }
    for (index, task) in tasks.iter().enumerate() {
        let icon = if task.icon.is_empty() { String::new() } else { format!("{} ", task.icon) };
        lines.push(format!("**{}.** {icon}`{}` — {} (priority: {})", index + 1, task.id, task.title, task.priority));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::parse::{parse, reading};
    use super::super::port::ProposedStep;
    use super::*;

    const PLAN: &str = "# Login\n\nWhy we do it.\n\n## Phase 1: Add the form\n\nBuild it in the page.\n\n### Fields\n\nx\n\n### Button\n\ny\n\n## Phase 2: Test it\n\n1. one\n2. two\n\nand then some more\n";

    fn rules(chain: bool, parent_needs_approval: bool) -> SubtaskRules {
        SubtaskRules { base_priority: 50, chain, inherit_approval: true, parent_needs_approval }
    }

    /// F-128: fields and texts.
    #[test]
    fn steps_read_as_tasks() {
        let parsed = parse(PLAN, 20);
        let tasks = subtasks(PLAN, &parsed, "Do the login", rules(true, false));
        assert_eq!(tasks.iter().map(|task| (task.priority, task.after)).collect::<Vec<_>>(), [(50, None), (51, Some(0))]);
        assert_eq!(
            tasks[0].description,
            "**Add the form**\n\n## Background Context\nWhy we do it.\n\nThis task is part of the implementation plan from: **Do the login**\n\n## High-Level Steps\n- Fields\n- Button\n\n## Task Details\nBuild it in the page.\n\n### Fields\n\nx\n\n### Button\n\ny"
        );
        assert!(tasks[1].description.contains("## High-Level Steps\n- one\n- two"));
    }

    /// plan R12: an outline has 2 to 10 points; a phase, which lists its steps itself, has none.
    #[test]
    fn outlines_have_two_to_ten_points() {
        let points = |count: usize| {
            let text: String = (1..=count).map(|number| format!("### Part {number}: do {number}\n\nx\n\n")).collect();
            let step = Step { title: "All".into(), description: format!("{text}and so on"), ..Step::default() };
            let told = describe(&step, "", "p");
            told.contains("## High-Level Steps").then(|| told.lines().filter(|line| line.starts_with("- do")).count())
        };
        assert_eq!([0, 1, 2, 3, 11].map(points), [None, None, Some(2), Some(3), Some(10)]);
        let list = "1. a\n2. b\n3. c\n4. d\n5. e\n";
        let tasks = subtasks(list, &parse(list, 20), "p", rules(true, false));
        assert!(tasks[0].description.contains(PHASE_MARKER) && !tasks[0].description.contains("## High-Level Steps"));
    }

    /// plan R12, F-126: before the first step only the document's title is left out; a step that a model proposed begins at the heading of its name.
    #[test]
    fn only_the_title_is_left_out_before_the_first_step() {
        let text = "intro\n\n## Overview\n\nIt is small.\n\n## Add it\n\nBuild it in the page.\n\n# Appendix\n\nno step\n";
        let before = "intro\n\n## Overview\n\nIt is small.";
        assert_eq!(preamble(text, &parse(text, 20)), before);
        let proposed = [ProposedStep { title: "Add it".into(), description: "x".into() }];
        assert_eq!(preamble(text, &reading(text, &proposed, 20)), before);
    }

    /// D-61: what stands before the first step ends where that step begins, also when its title was mentioned before, in a list or alone on a line.
    #[test]
    fn a_title_that_was_mentioned_before_ends_nothing() {
        let text = "# Login\n\n1. Add the form\n2. Test it\n\nAdd the form\n\nMind the old page.\n\n## Add the form\n\nBuild it in the page, with two fields and a button.\n\n## Test it\n\nWrite tests for every field of the form.\n";
        let parsed = parse(text, 20);
        assert_eq!(parsed.steps.iter().map(|step| step.title.as_str()).collect::<Vec<_>>(), ["Add the form", "Test it"]);
        assert_eq!(preamble(text, &parsed), "1. Add the form\n2. Test it\n\nAdd the form\n\nMind the old page.");
    }

    /// F-129: chained, the last one needs approval; unchained, each does.
    #[test]
    fn approval_is_inherited() {
        let parsed = parse(PLAN, 20);
        let needs = |rules| subtasks(PLAN, &parsed, "p", rules).iter().map(|task| task.requires_approval).collect::<Vec<_>>();
        assert_eq!(needs(rules(true, true)), [false, true]);
        assert_eq!(needs(rules(false, true)), [true, true]);
        assert_eq!(needs(rules(true, false)), [false, false]);
        assert_eq!(needs(SubtaskRules { inherit_approval: false, ..rules(false, true) }), [false, false]);
    }

    /// F-117, D-52: line ends and space around it make no other plan.
    #[test]
    fn equal_words_are_one_plan() {
        assert_eq!(content_hash("a\r\nb  \n"), content_hash("\n\na\nb"));
        assert_ne!(content_hash("a\nb"), content_hash("ab"));
    }

    /// F-131.
    #[test]
    fn the_announcement_names_chain_and_tasks() {
        let task = |id: &str, priority| Announced { id: id.into(), title: format!("do {id}"), priority, icon: String::new() };
        let text = announcement("big-plan", "app", "w1", true, &[task("a-b", 100), task("c-d", 101)]);
        assert_eq!(
            text,
            "📋 **Plan Generated — 2 Task(s) Created**\nParent: big-plan\nProject: app\nWorkspace: w1\nChain: a-b → c-d\n**1.** `a-b` — do a-b (priority: 100)\n**2.** `c-d` — do c-d (priority: 101)"
        );
        for (chained, tasks) in [(false, vec![task("a-b", 1), task("c-d", 1)]), (true, vec![task("a-b", 1)])] {
            assert!(!announcement("p", "a", "", chained, &tasks).contains("Chain"), "{chained}");
        }
    }
}
