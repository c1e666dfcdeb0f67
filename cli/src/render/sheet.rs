//! The details of one thing: labelled lines and sections. Everything that is put in is cleaned (rendering R2).

use crate::clean;
use crate::look::{Look, Tone};

/// Lines under construction.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    look: &'a Look,
    fields: Vec<(String, String, Tone)>,
    lines: Vec<String>,
}

impl<'a> Sheet<'a> {
    /// A sheet that begins with a title.
    #[must_use]
    pub(crate) fn new(look: &'a Look, title: &str) -> Self {
        let lines = vec![look.paint(Tone::Strong, &clean::line(title))];
        Self { look, fields: Vec::new(), lines }
    }

    /// A labelled line; nothing when the value is empty.
    pub(crate) fn field(&mut self, label: &str, value: impl AsRef<str>) -> &mut Self {
        self.toned(label, value, Tone::Plain)
    }

    /// A labelled line in a tone; nothing when the value is empty.
    pub(crate) fn toned(&mut self, label: &str, value: impl AsRef<str>, tone: Tone) -> &mut Self {
        let value = clean::line(value.as_ref());
        if !value.is_empty() {
            self.fields.push((label.to_owned(), value, tone));
        }
        self
    }

    fn flush(&mut self) {
        let width = self.fields.iter().map(|(label, _, _)| label.chars().count()).max().unwrap_or_default();
        for (label, value, tone) in self.fields.drain(..) {
            let label = format!("{label}:{}", " ".repeat(width.saturating_sub(label.chars().count())));
            self.lines.push(format!("  {} {}", self.look.paint(Tone::Dim, &label), self.look.paint(tone, &value)));
        }
    }

    /// A section of text of several lines; nothing when it is empty.
    pub(crate) fn text(&mut self, heading: &str, text: &str) -> &mut Self {
        let text = clean::block(text);
        let text = text.trim_matches('\n');
        if text.trim().is_empty() {
            return self;
        }
        self.heading(heading);
        for line in text.lines() {
            self.lines.push(if line.is_empty() { String::new() } else { format!("  {line}") });
        }
        self
    }

    /// A section with an entry on each line; nothing when there is none.
    pub(crate) fn list<S: AsRef<str>>(&mut self, heading: &str, entries: impl IntoIterator<Item = S>) -> &mut Self {
        let mut entries = entries.into_iter().peekable();
        if entries.peek().is_some() {
            self.heading(heading);
            self.lines.extend(entries.map(|entry| format!("  {}", clean::line(entry.as_ref()))));
        }
        self
    }

    /// A section with a table that was rendered already; nothing when it is empty.
    pub(crate) fn table(&mut self, heading: &str, table: &str) -> &mut Self {
        if !table.is_empty() {
            self.heading(heading);
            self.lines.extend(table.lines().map(|line| format!("  {line}")));
        }
        self
    }

    fn heading(&mut self, heading: &str) {
        self.flush();
        self.lines.push(String::new());
        self.lines.push(self.look.paint(Tone::Strong, heading));
    }

    /// The text.
    #[must_use]
    pub(crate) fn finish(mut self) -> String {
        self.flush();
        self.lines.join("\n")
    }
}
