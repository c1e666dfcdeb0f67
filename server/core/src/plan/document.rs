//! Reading a markdown document line by line: headings, code fences, sections. Headings inside a fence are text (F-120, D-54).

/// Longest plan that is read, in bytes; what comes after is left out, and that is said.
pub const MAX_PLAN_BYTES: usize = 256 * 1024;

/// A heading of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heading<'a> {
    /// 1 to 6.
    pub level: usize,
    /// The text behind the marks, trimmed, without closing marks.
    pub title: &'a str,
    /// Index of its line.
    pub line: usize,
}

/// A document cut into lines.
#[derive(Clone, Debug)]
pub(super) struct Document<'a> {
    lines: Vec<&'a str>,
    fenced: Vec<bool>,
    headings: Vec<Heading<'a>>,
}

/// The part of `text` that is read, and whether something was cut off.
#[must_use]
pub fn within_limit(text: &str) -> (&str, bool) {
    if text.len() <= MAX_PLAN_BYTES {
        return (text, false);
    }
    let end = (0..=MAX_PLAN_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    (text.get(..end).unwrap_or_default(), true)
}

impl<'a> Document<'a> {
    /// Reads `text`, at most [`MAX_PLAN_BYTES`] of it.
    pub(super) fn read(text: &'a str) -> Self {
        let (text, _) = within_limit(text.strip_prefix('\u{feff}').unwrap_or(text));
        let lines: Vec<&str> = text.lines().collect();
        let mut fenced = Vec::with_capacity(lines.len());
        let mut headings = Vec::new();
        let mut fence: Option<(char, usize)> = None;
        for (line, content) in lines.iter().enumerate() {
            let mark = fence_mark(content);
            let inside = fence.is_some();
            match (fence, mark) {
                (None, Some((char, length, _))) => fence = Some((char, length)),
                (Some((char, length)), Some((closing, closing_length, bare))) if char == closing && closing_length >= length && bare => {
                    fence = None;
                }
                _ => {}
            }
            let is_fenced = inside || mark.is_some();
            fenced.push(is_fenced);
            if !is_fenced && let Some((level, title)) = heading(content) {
                headings.push(Heading { level, title, line });
            }
        }
        Self { lines, fenced, headings }
    }

    pub(super) fn headings(&self) -> &[Heading<'a>] {
        &self.headings
    }

    /// Lines that are no part of a code fence, with their index.
    pub(super) fn open_lines(&self) -> impl Iterator<Item = (usize, &'a str)> + '_ {
        let unfenced = |line: &usize| self.fenced.get(*line).is_some_and(|fenced| !fenced);
        self.lines.iter().copied().enumerate().filter(move |(line, _)| unfenced(line))
    }

    /// The lines from `from` up to, not including, `to`, without blank ones around them.
    pub(super) fn text(&self, from: usize, to: usize) -> String {
        let lines = self.lines.get(from..to.min(self.lines.len())).unwrap_or_default();
        lines.join("\n").trim().to_owned()
    }

    pub(super) const fn end(&self) -> usize {
        self.lines.len()
    }

    /// Where the section of `heading` ends: at the next heading of its level or above.
    pub(super) fn section_end(&self, heading: &Heading<'_>) -> usize {
        let behind = self.headings.partition_point(|next| next.line <= heading.line);
        let next = self.headings.iter().skip(behind).find(|next| next.level <= heading.level);
        next.map_or(self.end(), |next| next.line)
    }
}

/// The mark of a code fence: its character, its length, and whether nothing follows it (only then it can close one).
fn fence_mark(line: &str) -> Option<(char, usize, bool)> {
    let line = line.trim_start();
    let char = line.chars().next().filter(|char| matches!(char, '`' | '~'))?;
    let length = line.chars().take_while(|next| *next == char).count();
    let rest = line.get(length..).unwrap_or_default();
    // `code` in a line of text is no fence.
    let is_fence = length >= 3 && !(char == '`' && rest.contains('`'));
    is_fence.then(|| (char, length, rest.trim().is_empty()))
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let rest = line.get(level..)?;
    if !(1..=6).contains(&level) || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let title = rest.trim();
    let open = title.trim_end_matches('#');
    // Closing marks stand apart from the title; `C#` is a title.
    let title = if open.is_empty() || open.ends_with([' ', '\t']) { open.trim_end() } else { title };
    Some((level, title))
}

/// The text of a list item that starts a line: `3. text`, `3) text`.
pub(super) fn list_item(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches(|char: char| char.is_ascii_digit());
    let text = rest.strip_prefix(['.', ')'])?;
    (rest.len() < line.len() && text.starts_with([' ', '\t'])).then(|| text.trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-120, D-54: headings in fences are text, whatever the fence is made of; an inner shorter fence closes nothing.
    #[test]
    fn fences_hide_headings() {
        let text = "# A\n```sh\n# not\n```\n~~~~\n## not\n~~~\n```\n## not\n~~~~\n## B ##\n- x\n  ```\n  # not\n## not\n  ```\n### C#\n#hash\n####### seven\n";
        let document = Document::read(text);
        let found: Vec<_> = document.headings().iter().map(|heading| (heading.level, heading.title)).collect();
        assert_eq!(found, [(1, "A"), (2, "B"), (3, "C#")]);
    }

    /// plan R2: a fence is closed by its own character, as often as it was opened with, with nothing behind it.
    #[test]
    fn only_its_own_mark_closes_a_fence() {
        for fence in ["```\n~~~\n# not\n```\n", "````\n```\n# not\n````\n", "~~~\n~~~ sh\n# not\n~~~~\n"] {
            let text = format!("{fence}# A");
            let found: Vec<_> = Document::read(&text).headings().iter().map(|heading| heading.title.to_owned()).collect();
            assert_eq!(found, ["A"], "{fence}");
        }
    }

    /// plan R2: an open fence runs to the end, inline code opens none.
    #[test]
    fn an_open_fence_runs_to_the_end() {
        assert!(Document::read("```\n# x\n## y").headings().is_empty());
        assert_eq!(Document::read("``` a ` b\n# x").headings().len(), 1);
    }

    /// plan R2: a list item is a number, a mark and a space before its text.
    #[test]
    fn list_items_begin_with_a_number() {
        for (line, item) in [("3. a b ", Some("a b")), ("12)\ta", Some("a")), ("3.a", None), (". a", None), ("3 a", None), ("3. ", None)] {
            assert_eq!(list_item(line), item, "{line}");
        }
    }

    /// plan R1: the limit cuts between characters.
    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "ü".repeat(MAX_PLAN_BYTES);
        let (kept, cut) = within_limit(&long);
        assert!(cut && kept.len() <= MAX_PLAN_BYTES && kept.chars().all(|char| char == 'ü'));
    }
}
