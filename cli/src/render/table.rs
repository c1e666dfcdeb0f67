//! Tables without borders. Cells clean their text, so that no table can carry a control character (rendering R2).

use comfy_table::{Attribute, Cell as RawCell, Color, ContentArrangement, Table, presets};

use crate::clean;
use crate::look::{Look, Tone};

/// One cell.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
    right: bool,
}

impl Cell {
    /// Foreign text on one line.
    #[must_use]
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        let text = clean::line(text.as_ref());
        Self { text, tone: Tone::Plain, right: false }
    }

    /// The same with a tone.
    #[must_use]
    pub(crate) const fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// A number, at the right of its column.
    #[must_use]
    pub(crate) fn number(text: impl AsRef<str>) -> Self {
        Self { right: true, ..Self::new(text) }
    }

    fn raw(&self, look: &Look) -> RawCell {
        let mut cell = RawCell::new(if self.text.is_empty() { "-" } else { &self.text });
        if self.right {
            cell = cell.set_alignment(comfy_table::CellAlignment::Right);
        }
        if !look.color {
            return cell;
        }
        match self.tone {
            Tone::Plain => cell,
            Tone::Strong => cell.add_attribute(Attribute::Bold),
            Tone::Dim => cell.add_attribute(Attribute::Dim),
            Tone::Good => cell.fg(Color::Green),
            Tone::Active => cell.fg(Color::Cyan),
            Tone::Warn => cell.fg(Color::Yellow),
            Tone::Bad => cell.fg(Color::Red),
        }
    }
}

/// A table with a header; empty text when there are no rows (rendering R4, R5).
#[must_use]
pub(crate) fn table(look: &Look, header: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    if look.color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    match look.width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    let head = |text: &&str| if look.color { RawCell::new(text).add_attribute(Attribute::Bold) } else { RawCell::new(text) };
    table.set_header(header.iter().map(head));
    for row in rows {
        table.add_row(row.iter().map(|cell| cell.raw(look)));
    }
    if table.is_empty() {
        return String::new();
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
