//! The table of the README: what was told, when, on which commit and machine. Rows that did not run this time stay as they were.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::claims::{CLAIMS, Claim};
use super::programs::Outcome;

/// Begins the table in the README.
const BEGIN: &str = "<!-- scoreboard: written by `cargo scoreboard --write`, never by hand -->";
/// Ends it.
const END: &str = "<!-- end of the scoreboard -->";
/// What stands in the cells of a claim whose program never ran.
const NOT_RUN: &str = "not run";

/// The cells of a row behind its promise: figure, amount, circumstances.
pub(crate) type Row = [String; 3];

/// The rows of the table in a text, by their promises.
fn read(text: &str) -> BTreeMap<String, Row> {
    let table = text.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map_or("", |(table, _)| table);
    let rows = table.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").map(str::to_owned).collect();
        let [promise, figure, amount, circumstances] = <[String; 4]>::try_from(cells).ok()?;
        Some((promise, [figure, amount, circumstances]))
    });
    rows.filter(|(promise, _)| CLAIMS.iter().any(|claim| claim.promise == *promise)).collect()
}

/// The row of an outcome.
pub(crate) fn row(outcome: &Outcome, circumstances: &str) -> Row {
    let cells = match outcome {
        Outcome::Told { figure, amount } => [figure.as_str(), amount, circumstances],
        Outcome::Failed => ["**FAILED**", "", circumstances],
    };
    cells.map(str::to_owned)
}

/// A table of these claims, each in its place.
pub(crate) fn render(claims: &[Claim], rows: &BTreeMap<String, Row>) -> String {
    let mut text = "| We claim | Figure | Over | Commit, day, machine |\n|---|---|---|---|\n".to_owned();
    let none = [NOT_RUN, "", ""].map(str::to_owned);
    for claim in claims {
        let [figure, amount, circumstances] = rows.get(claim.promise).unwrap_or(&none);
        // Writing into a text cannot fail.
        let _written = writeln!(text, "| {} | {figure} | {amount} | {circumstances} |", claim.promise);
    }
    text
}

/// The text with these rows in its table, and the others as they were; `None` when it has no place for one.
pub(crate) fn write(text: &str, rows: BTreeMap<String, Row>) -> Option<String> {
    let mut all = read(text);
    all.extend(rows);
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n{END}{after}", render(CLAIMS, &all)))
}
