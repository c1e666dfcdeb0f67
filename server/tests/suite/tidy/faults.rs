//! The table of faults is held against the tests: what it names exists, and no fault is without something that plays it.

use std::collections::BTreeSet;

use aq_core::output::FailureClass;

use super::source::{report, root, rust_files};

/// Faults: each test that is named is a test, each kind of trouble is one that histories make, and each fault has one or the other.
#[test]
fn every_fault_is_played() {
    let spec = std::fs::read_to_string(root().join("specs/server/faults.md")).unwrap();
    let files = rust_files();
    let tests: BTreeSet<&str> = files.iter().flat_map(|file| file.text.split("#[").filter_map(test_name)).collect();
    let histories = &files.iter().find(|file| file.path.ends_with("suite/history.rs")).unwrap().text;
    let made = |kind: &str| histories.contains(&format!("\"{kind}\"")) || FailureClass::ALL.iter().any(|class| class.as_str() == kind);
    let rows: Vec<Vec<&str>> =
        spec.lines().filter(|line| line.starts_with("| ")).skip(1).map(|line| line.split('|').map(str::trim).collect()).collect();
    let mut wrong = Vec::new();
    for row in &rows {
        let (fault, kinds, tried) = (row[1], row[2], row[3]);
        wrong.extend(
            kinds.split(", ").filter(|kind| !kind.is_empty() && !made(kind)).map(|kind| format!("{fault}: no history makes `{kind}`")),
        );
        let named = tried.split('`').skip(1).step_by(2);
        wrong.extend(named.filter(|name| !tests.contains(name)).map(|name| format!("{fault}: no test is called `{name}`")));
        if kinds.is_empty() && !tried.contains('`') {
            wrong.push(format!("{fault}: nothing plays it"));
        }
    }
    report("faults are played by what the table names", &wrong);
    assert_eq!(rows.len(), 42, "the kinds of the field that this project knows of");
}

/// The name of the function behind an attribute that makes it a test.
fn test_name(behind: &str) -> Option<&str> {
    let rest = behind.strip_prefix("test]").or_else(|| behind.strip_prefix("tokio::test"))?;
    let name = rest.split_once("fn ")?.1;
    name.split(['(', '<']).next()
}
