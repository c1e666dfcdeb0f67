//! Plans, ids, hours and schedules.

use crate::mutate::{corpus, mutants, tell};
use crate::properties::{plan, schedule, small_text};

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

/// F-116 to F-131: whatever an agent writes is read as a plan, or as none.
#[test]
fn plans_of_any_shape_are_read() {
    corpus("plans").iter().for_each(|bytes| plan(bytes));
    let seeds = PLANS.map(|plan| plan.as_bytes().to_vec());
    mutants(&seeds, &SPICES, 3_000).for_each(|bytes| plan(&bytes));
    tell("plans of any shape", 3_000);
}

/// Names R1, limits R4, models R9: ids, hours and places of keys.
#[test]
fn small_texts_are_read_or_refused() {
    corpus("small_texts").iter().for_each(|bytes| small_text(bytes));
    let seeds = ["swift-fox", "app", "ws-00000001", "09:00-18:00 mon-fri", "22:00-06:00", "env:MY_KEY", "file:/run/secrets/key"];
    let seeds = seeds.map(|text| text.as_bytes().to_vec());
    mutants(&seeds, &["-", ":", "/", "..", "\u{0}", "\n", "24:00", "ä", " "], 6_000).for_each(|bytes| small_text(&bytes));
    tell("small texts of any shape", 6_000);
}

/// F-137, hook R3: patterns of a calendar.
#[test]
fn schedules_of_any_shape_are_read_or_refused() {
    corpus("schedules").iter().for_each(|bytes| schedule(bytes));
    let seeds = [
        "30 2 * * MON-FRI\nEurope/Berlin",
        "*/5 0-6,22 1,15 */2 *",
        "0 0 29 2 *\nAmerica/St_Johns",
        "59 23 L * *",
        "0 9 * * 5#2\nAsia/Kolkata",
    ];
    let seeds = seeds.map(|text| text.as_bytes().to_vec());
    mutants(&seeds, &["*", "/", "-", ",", "?", "L", "W", "#", "60", "99999999999", "@hourly", "\n", " ", "ä"], 300)
        .for_each(|bytes| schedule(&bytes));
    tell("schedules of any shape", 300);
}
