//! What the documents promise to hold: where every table comes from, and how the original's parts became ours.

use std::collections::HashSet;

use super::source::{report, root, specs};

fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The rows of the table under a line, without its head; cells without spaces around them.
fn rows(page: &str, under: &str) -> Vec<Vec<String>> {
    let behind = page.split_once(under).unwrap_or_else(|| panic!("no `{under}`")).1;
    let table = behind.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|')).skip(2);
    table.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// F-018, D-32: every table of the schema is told of on the page that maps the original's tables to ours.
#[test]
fn every_table_has_its_row() {
    let mapping = page("specs/server/store-mapping.md");
    let schema = page("server/src/store/schema.rs");
    let tables = schema.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(" (").filter(|(_, rest)| rest.ends_with(") {")));
    let names: Vec<_> = tables.map(|(name, _)| name).collect();
    assert!(names.len() > 20, "{names:?}");
    let offences: Vec<_> = names
        .iter()
        .filter(|name| !mapping.contains(&format!("`{name}`")))
        .map(|name| format!("server/src/store/schema.rs: {name}"))
        .collect();
    report("specs/server/store-mapping.md tells of every table (F-018)", &offences);
}

/// F-246: the architecture page says of each component and of each design decision of the original what became of it.
#[test]
fn the_original_is_accounted_for() {
    let architecture = page("specs/architecture.md");
    let components = rows(&architecture, "## The original system");
    let decisions = rows(&architecture, "Its design decisions:");
    let missing = |rows: &[Vec<String>], parts: &[&str]| {
        let first: Vec<_> = rows.iter().filter_map(|row| row.first()).map(|cell| cell.to_lowercase()).collect();
        parts.iter().filter(|part| !first.iter().any(|cell| cell.contains(*part))).map(|part| (*part).to_owned()).collect::<Vec<_>>()
    };
    let parts = [
        "main process",
        "store",
        "state machine",
        "dependency graph",
        "orchestrator",
        "scheduler",
        "budgets",
        "rate limits",
        "adapter",
        "git manager",
        "event bus",
        "hooks",
        "command handler",
        "discord",
        "configuration",
    ];
    assert_eq!(missing(&components, &parts), Vec::<String>::new());
    let parts = [
        "no model calls",
        "survives restarts",
        "recovery",
        "one asynchronous process",
        "kept busy",
        "proportional credits",
        "replaceable",
        "discord",
        "exit code",
        "merged",
    ];
    assert_eq!(missing(&decisions, &parts), Vec::<String>::new());
    let told = components.iter().chain(&decisions).filter(|row| row.iter().any(String::is_empty));
    assert_eq!(told.count(), 0, "every row says what became of it");
}

/// Style R20: a test names the rule that it proves, so within a spec each rule has a number of its own.
#[test]
fn a_number_is_one_rule() {
    let mut offences = Vec::new();
    for path in specs() {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut seen = HashSet::new();
        for (line, text) in (1..).zip(text.lines()) {
            let Some(number) = text.strip_prefix("- R").and_then(|rest| rest.split_whitespace().next()) else { continue };
            if !seen.insert(number.to_owned()) {
                offences.push(format!("{}:{line}: R{number} again", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    report("each rule of a spec has a number of its own (style R20)", &offences);
}
