//! How a table of contents and a note look. Pure.

use aq_proto::v1 as pb;

use crate::custom_id::{Action, Note, fingerprint, write};
use crate::message::{Button, ButtonStyle, Message};
use crate::render::{Style, boxed};
use crate::text::{clean, cut, fenced, inline, one_line};

/// Notes of one page: four rows of five.
const PAGE: usize = 20;
/// Longest note that is shown whole.
const WHOLE: usize = 1900;

fn button(project: &str, note: Note, label: impl Into<String>, emoji: &'static str, style: ButtonStyle) -> Option<Button> {
    write(&Action::Notes { project: project.to_owned(), note }).map(|id| Button::new(id, label, emoji, style))
}

/// The table of contents.
pub(super) fn contents(project: &str, notes: &[pb::Note], page: usize) -> Message {
    let pages = notes.len().div_ceil(PAGE).max(1);
    let page = page.min(pages - 1);
    let shown = notes.iter().enumerate().skip(page * PAGE).take(PAGE);
    let line = |(index, note): (usize, &pb::Note)| {
        #[expect(clippy::cast_precision_loss, reason = "kilobytes with one digit")]
        let size = (note.size_bytes as f64 / 1024.0).max(if note.size_bytes > 0 { 0.1 } else { 0.0 });
        format!("**{}.** {} ({}, {size:.1} KB)", index + 1, cut(&one_line(&note.title), 72), inline(&note.name))
    };
    let lines: Vec<String> = shown.clone().map(line).collect();
    let text = if lines.is_empty() { "_No notes yet._ `/note write` makes one.".to_owned() } else { cut(&lines.join("\n"), 3900) };
    let place = if pages > 1 { format!(" · page {} of {pages}", page + 1) } else { String::new() };
    let views = shown.filter_map(|(index, note)| {
        let label = format!("{}. {}", index + 1, cut(&one_line(&note.title), 30));
        button(project, Note::View(fingerprint(&note.name)), label, "", ButtonStyle::Secondary)
    });
    let mut last = Vec::new();
    let turn = |to: usize, label: &str| button(project, Note::Page(u16::try_from(to).ok()?), label, "", ButtonStyle::Secondary);
    if page > 0 {
        last.extend(turn(page - 1, "◀ Prev"));
    }
    if page + 1 < pages {
        last.extend(turn(page + 1, "Next ▶"));
    }
    last.extend(button(project, Note::Refresh, "Refresh", "🔁", ButtonStyle::Secondary));
    last.extend(button(project, Note::Close, "Close Thread", "", ButtonStyle::Danger));
    Message::embed(boxed(Style::Info, format!("Notes of {project}{place}"), text)).with_buttons(views.collect()).with_buttons(last)
}

/// A note as it is read.
pub(super) fn view(project: &str, note: pb::Note, updated: bool) -> Message {
    let mark = if updated { " *(updated)*" } else { "" };
    let title = format!("**{}**{mark}", clean(&note.title));
    let name = fingerprint(&note.name);
    let buttons = [
        button(project, Note::Dismiss(name.clone()), "Dismiss", "", ButtonStyle::Secondary),
        button(project, Note::Delete(name), "Delete", "🗑️", ButtonStyle::Danger),
    ];
    let message = if note.content.len() <= WHOLE - 100 {
        Message::text(format!("{title}\n{}", fenced(&note.content, "md")))
    } else {
        let preview = fenced(&cut(&note.content, 300), "md");
        Message::text(format!("{title}\n{preview}")).with_file(format!("{}.md", note.name), note.content.into_bytes())
    };
    message.with_buttons(buttons.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Row;

    /// F-224: twenty notes a page in four rows, and a row to turn, refresh and close.
    #[test]
    fn contents_are_paged() {
        let note = |n: usize| pb::Note { name: format!("note-{n}"), title: format!("Note {n}"), size_bytes: 2048, ..Default::default() };
        let notes: Vec<pb::Note> = (1..=45).map(note).collect();
        let labels = |message: &Message| -> Vec<usize> {
            let count = |row: &Row| if let Row::Buttons(buttons) = row { buttons.len() } else { 0 };
            message.rows.iter().map(count).collect()
        };
        assert_eq!(labels(&contents("app", &notes, 0)), [5, 5, 5, 5, 3]);
        assert_eq!(labels(&contents("app", &notes, 1)), [5, 5, 5, 5, 4]);
        let last = contents("app", &notes, 9);
        assert_eq!(labels(&last), [5, 3]);
        assert!(
            last.embeds[0].description.starts_with("**41.** Note 41 (`note-41`, 2.0 KB)") && last.embeds[0].title.contains("page 3 of 3")
        );
        assert!(contents("app", &[], 0).embeds[0].description.starts_with("_No notes yet._"));
    }
}
