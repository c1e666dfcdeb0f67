//! Plans, ids and hours.

use aq_core::account::KeySource;
use aq_core::ids::{AccountId, ProjectId, TaskId, WorkspaceId};
use aq_core::limits::DayHours;
use aq_core::plan::{SubtaskRules, announces_a_plan, clean_title, parse, preamble, quality, report, subtasks, within_limit};

use crate::mutate::{mutants, tell};

const RULES: SubtaskRules = SubtaskRules { base_priority: 100, chain: true, inherit_approval: true, parent_needs_approval: false };
const PLANS: [&str; 4] = [
    "# Plan\n\n## Implementation steps\n\n### Step 1: Add the table\n\nWrite the migration.\n\n### Step 2: Read it\n\n- [ ] a reader\n- [x] a test\n",
    "---\ntitle: a plan\n---\n# Work\n\n## Phase 1: First\nDo this in `src/a.rs`:\n\n```rust\n## not a heading\nfn main() {}\n```\n\n## Phase 2: Second\nThen this.\n",
    "# Background\n\nWhy.\n\n1. Create the parser with all of its rules and tests\n2. Use the parser in the server, with a flag\n3. Document the parser\n",
    "Implementation Plan\n===================\n\nFirst part\n----------\n\ntext text text text text text\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quoted\n",
];
const SPICES: [&str; 16] = [
    "\n## ",
    "\n### Step 1: ",
    "```",
    "~~~~",
    "\n---\n",
    "\n====\n",
    "\n- [ ] ",
    "\n1. ",
    "<!-- ",
    " -->",
    "\u{202e}",
    "\u{0}",
    "\r\n",
    "\t",
    "ß\u{301}🦀",
    "\n#####",
];

/// F-116 to F-131: whatever an agent writes, reading it as a plan ends, without a panic, within the bounds that the rules promise.
#[test]
fn plans_of_any_shape_are_read() {
    let seeds = PLANS.map(|plan| plan.as_bytes().to_vec());
    for bytes in mutants(&seeds, &SPICES, 3_000) {
        let text = String::from_utf8_lossy(&bytes);
        let (text, _) = within_limit(&text);
        let parsed = parse(text, 10);
        assert!(parsed.steps.len() <= 10, "{text:?}");
        for step in &parsed.steps {
            assert!(!step.title.trim().is_empty() && !step.title.contains('\n'), "{step:?} of {text:?}");
            assert!(clean_title(&step.title).len() <= step.title.len(), "{text:?}");
        }
        let made = subtasks(text, &parsed, "the parent", RULES);
        assert!(made.len() <= 10, "{text:?}");
        let share = quality(parsed.steps.iter().map(|step| step.title.as_str()));
        assert!((0.0..=1.0).contains(&share), "{share} of {text:?}");
        let (_, _, _) = (preamble(text, &parsed), report(text), announces_a_plan(text));
    }
    tell("plans of any shape", 3_000);
}

/// Names R1, limits R4, models R9: what is read as an id, as hours or as the place of a key is written back the same; all else is refused with words.
#[test]
fn small_texts_are_read_or_refused() {
    let seeds = ["swift-fox", "app", "ws-00000001", "09:00-18:00 mon-fri", "22:00-06:00", "env:MY_KEY", "file:/run/secrets/key"];
    let seeds = seeds.map(|text| text.as_bytes().to_vec());
    for bytes in mutants(&seeds, &["-", ":", "/", "..", "\u{0}", "\n", "24:00", "ä", " "], 6_000) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(id) = TaskId::parse(&text) {
            assert_eq!(id.as_str(), text);
        }
        if let Ok(id) = ProjectId::parse(&text) {
            assert!(id.as_str() == text && !text.contains('/'));
        }
        let (_, _) = (AccountId::parse(&text).is_ok(), WorkspaceId::parse(&text).is_ok());
        if let Some(source) = KeySource::parse(&text) {
            assert_eq!(source.to_string(), text);
        }
        match text.parse::<DayHours>() {
            Ok(hours) => assert_eq!(hours.to_string().parse::<DayHours>().as_ref(), Ok(&hours), "{text:?}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    tell("small texts of any shape", 6_000);
}
