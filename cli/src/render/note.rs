//! Notes, and specs beside them.

use aq_proto::v1::{CompareNotesResponse, DocumentLine, ListNotesResponse, Note};

use super::sheet::Sheet;
use super::table::{Cell, table};
use super::time;
use crate::look::{Look, Tone};

/// A page of notes.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListNotesResponse) -> String {
    table(
        look,
        &["NAME", "BYTES", "CHANGED", "TITLE"],
        page.notes.iter().map(|note| {
            vec![
                Cell::new(&note.name),
                Cell::number(note.size_bytes.to_string()),
                Cell::new(time::relative(look, note.modified_at.as_ref())),
                Cell::new(&note.title),
            ]
        }),
    )
}

/// One note with its text.
#[must_use]
pub(crate) fn show(look: &Look, note: &Note) -> String {
    let mut sheet = Sheet::new(look, &format!("{}  {}", note.name, note.title));
    sheet.field("project", &note.project_id);
    sheet.field("changed", time::both(look, note.modified_at.as_ref()));
    sheet.field("revision", &note.revision);
    sheet.field("file", &note.path);
    sheet.text("Text", &note.content);
    sheet.finish()
}

/// Specs and notes, each with its counterpart.
#[must_use]
pub(crate) fn compare(look: &Look, answer: &CompareNotesResponse) -> String {
    let row = |kind: &str, line: &DocumentLine| {
        let alone = line.counterpart.is_empty();
        let counterpart = if alone { "none" } else { &line.counterpart };
        let tone = if alone { Tone::Warn } else { Tone::Plain };
        vec![Cell::new(kind), Cell::new(&line.name), Cell::new(counterpart).tone(tone), Cell::new(&line.title)]
    };
    let specs = answer.specs.iter().map(|line| row("spec", line));
    table(look, &["KIND", "NAME", "COUNTERPART", "TITLE"], specs.chain(answer.notes.iter().map(|line| row("note", line))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes in a list, in detail, and beside specs.
    #[test]
    fn notes() {
        let look = Look::plain();
        let note = Note {
            project_id: "web".into(),
            name: "release-plan".into(),
            title: "Release \u{1b}[8mplan".into(),
            content: "# Release plan\n\nSoon.\n".into(),
            size_bytes: 22,
            modified_at: Some(prost_types::Timestamp { seconds: look.now.as_second() - 300, nanos: 0 }),
            revision: "0011223344556677".into(),
            path: "/home/me/projects/web/notes/release-plan.md".into(),
            ..Default::default()
        };
        insta::assert_snapshot!("list", list(&look, &ListNotesResponse { notes: vec![note.clone()], ..Default::default() }));
        insta::assert_snapshot!("show", show(&look, &note));
        let line = |name: &str, counterpart: &str| DocumentLine {
            name: name.into(),
            title: name.to_uppercase(),
            size_bytes: 9,
            counterpart: counterpart.into(),
        };
        let answer = CompareNotesResponse {
            specs: vec![line("api", ""), line("deep/store", "store")],
            notes: vec![line("store", "deep/store")],
            ..Default::default()
        };
        insta::assert_snapshot!("compare", compare(&look, &answer));
    }
}
