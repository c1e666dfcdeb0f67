//! The scoreboard of the README tells every claim, and nothing that is not claimed.

#[expect(dead_code, reason = "what shows a claim is the business of the program that runs it")]
#[path = "../../../examples/scoreboard/claims.rs"]
mod claims;

use std::collections::BTreeSet;

use super::source::root;

/// Scoreboard R3: the table has a row for each claim in its order, each with a figure or with the words that it was not run.
#[test]
fn every_claim_has_its_row() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let table = readme.split_once("<!-- scoreboard:").and_then(|(_, rest)| rest.split_once("<!-- end of the scoreboard")).unwrap().0;
    let rows: Vec<Vec<&str>> =
        table.lines().filter(|line| line.starts_with("| ")).skip(1).map(|line| line.split('|').map(str::trim).collect()).collect();
    let told: Vec<&str> = rows.iter().map(|row| row[1]).collect();
    assert_eq!(told, claims::CLAIMS.iter().map(|claim| claim.promise).collect::<Vec<_>>(), "run `cargo scoreboard --write`");
    for row in &rows {
        assert!(!row[2].is_empty() && (row[2] == "not run") == row[4].is_empty(), "{row:?}");
    }
}

/// Scoreboard: claims have names and promises of their own.
#[test]
fn claims_are_distinct() {
    let ids: BTreeSet<_> = claims::CLAIMS.iter().map(|claim| claim.id).collect();
    let promises: BTreeSet<_> = claims::CLAIMS.iter().map(|claim| claim.promise).collect();
    assert_eq!((ids.len(), promises.len()), (claims::CLAIMS.len(), claims::CLAIMS.len()));
    assert!(promises.iter().all(|promise| !promise.contains('|')));
}
