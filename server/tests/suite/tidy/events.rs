//! The catalogue of events names nothing that never happens.

use aq_core::event::EventKind;

use super::source::{report, rust_files};

/// Events R5, D-25: some code beside the catalogue's names and the tests speaks of each kind by its variant, so that no hook waits for what is never told.
#[test]
fn every_kind_is_told_by_something() {
    let told: Vec<String> = rust_files()
        .into_iter()
        .filter(|file| {
            file.path.starts_with("server/") && !["/tests/", "/benches/", "/examples/"].iter().any(|part| file.path.contains(part))
        })
        .map(|file| file.code.split("#[cfg(test)]").next().unwrap_or_default().to_owned())
        .collect();
    let silent = |kind: &&EventKind| {
        let variant = format!("EventKind::{kind:?}");
        let named = |code: &String| {
            code.match_indices(&variant).any(|(at, _)| !code[at + variant.len()..].starts_with(|next: char| next.is_alphanumeric()))
        };
        !told.iter().any(named)
    };
    let offences: Vec<String> = EventKind::ALL.iter().filter(silent).map(|kind| format!("{kind}: nothing tells it")).collect();
    report("every event of the catalogue is told by something (events R5)", &offences);
}
