//! The messages of a thread: the last one grows by edits until it is full, then a new one begins. A flood is cut in the middle, so that the
//! newest state is always shown within a few messages. Pure; whoever owns it decides when to flush.

use crate::text::{PIECE, grouped, length, split};

/// Most new messages of one flush when there is room; more is a flood, and its middle is left to the log.
pub(crate) const MOST: usize = 3;

/// Room in a message for the line that says what was left out, and for opening a block again.
const HEAD: usize = 120;

/// Most text that is kept before a flush, in bytes.
const KEPT: usize = 16 * 1024;

/// What has to be done so that the thread shows the newest state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Edit the last message.
    Edit(String),
    /// Post a message; it is the last one then.
    Post(String),
}

/// The messages of a thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages {
    /// The text of the last message as it was flushed; empty: there is none.
    shown: String,
    /// Text that is not shown yet.
    waiting: String,
    /// Bytes that were left out since the last flush.
    left_out: usize,
}

impl Pages {
    /// Adds text.
    pub(crate) fn push(&mut self, text: &str) {
        self.waiting.push_str(text);
        if self.waiting.len() > KEPT {
            // The end is what counts: who comes back wants to know how it stands.
            let from = (self.waiting.len() - KEPT / 2..self.waiting.len()).find(|at| self.waiting.is_char_boundary(*at)).unwrap_or(0);
            let from = self.waiting.get(from..).and_then(|tail| tail.find('\n')).map_or(from, |at| from + at + 1);
            self.left_out += from;
            self.waiting.drain(..from);
        }
    }

    /// True when there is something to show.
    pub(crate) fn is_due(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What to do, in order; afterwards everything counts as shown. A new message begins where the flush before ended, so that it can be
    /// written again from there. `full` begins one whatever the last one holds: one that is old is edited no more. At most `most` messages are new.
    pub(crate) fn flush(&mut self, full: bool, most: usize) -> Vec<Act> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let fresh = std::mem::take(&mut self.waiting);
        let mut acts = Vec::new();
        let gap = std::mem::take(&mut self.left_out);
        if gap > 0 {
            let bytes = grouped(u64::try_from(gap).unwrap_or(u64::MAX));
            // What is left of a block that was cut into is no block any more.
            let fresh = if fresh.matches("```").count() % 2 == 1 { format!("```\n{fresh}") } else { fresh };
            self.begin(&format!("-# … {bytes} bytes are left out here; the whole log comes at the end …\n{fresh}"), most, &mut acts);
            return acts;
        }
        let joined = format!("{}{fresh}", self.shown);
        if !full && !self.shown.is_empty() && length(joined.trim_end()) <= PIECE {
            self.shown = joined;
            acts.push(Act::Edit(shown(&self.shown)));
        } else {
            self.begin(&fresh, most, &mut acts);
        }
        acts
    }

    fn begin(&mut self, text: &str, most: usize, acts: &mut Vec<Act>) {
        let mut pieces = split(text, PIECE);
        if pieces.len() > most {
            // The end fills a message of its own, so that much of the newest text is seen however few messages there may be.
            let newest = tail(text);
            let out = grouped(u64::try_from(text.len() - newest.len()).unwrap_or(u64::MAX));
            let fence = if newest.matches("```").count() % 2 == 1 { "```\n" } else { "" };
            pieces.truncate(most.saturating_sub(1));
            pieces.push(format!(
                "-# … a flood: of {out} bytes before this not all is shown; the whole log comes at the end …\n{fence}{newest}"
            ));
        }
        for piece in pieces.into_iter().filter(|piece| !piece.trim().is_empty()) {
            acts.push(Act::Post(shown(&piece)));
            self.shown = piece;
        }
    }
}

/// The end of a text that fits into a message, from the beginning of a line where there is one.
fn tail(text: &str) -> &str {
    let mut from = text.len();
    let mut size = 0;
    for (at, char) in text.char_indices().rev() {
        size += char.len_utf16();
        if size > PIECE - HEAD {
            break;
        }
        from = at;
    }
    let tail = text.get(from..).unwrap_or_default();
    match tail.find('\n') {
        Some(line) if from > 0 && line < tail.len() / 2 => tail.get(line + 1..).unwrap_or_default(),
        _ => tail,
    }
}

/// A message is never empty.
fn shown(text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() { "…".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs R5: a message grows by edits until it is full.
    #[test]
    fn a_message_grows() {
        let mut pages = Pages::default();
        assert_eq!(pages.flush(false, MOST), []);
        pages.push("one\n");
        assert_eq!(pages.flush(false, MOST), [Act::Post("one".to_owned())]);
        pages.push("two\n");
        pages.push("three\n");
        assert_eq!(pages.flush(false, MOST), [Act::Edit("one\ntwo\nthree".to_owned())]);
        pages.push("four\n");
        assert_eq!(pages.flush(true, MOST), [Act::Post("four".to_owned())]);
        pages.push(&"x\n".repeat(1000));
        let acts = pages.flush(false, MOST);
        assert!(matches!(acts.as_slice(), [Act::Post(first), Act::Post(_)] if first.starts_with('x')), "{acts:?}");
    }

    /// Runs R5: a flood is a few messages, the newest text among them, and takes little memory.
    #[test]
    fn a_flood_is_cut() {
        let mut pages = Pages::default();
        for n in 0..100_000 {
            pages.push(&format!("line {n}\n"));
            assert!(pages.waiting.len() <= KEPT);
        }
        let acts = pages.flush(false, MOST);
        assert!(acts.len() <= MOST);
        assert!(matches!(acts.last(), Some(Act::Post(text)) if text.contains("line 99999")));
        assert!(matches!(acts.first(), Some(Act::Post(text)) if text.contains("left out here")));
    }

    proptest! {
        /// Runs R5: no message is longer than Discord takes, none is empty, each flush is a few of them, and its end is seen.
        #[test]
        fn messages_fit(texts in prop::collection::vec(("(\\PC{0,80}\n|```\n|x{500}){0,20}", any::<bool>(), 1usize..=MOST), 0..12)) {
            let mut pages = Pages::default();
            for (text, full, most) in texts {
                pages.push(&text);
                let acts = pages.flush(full, most);
                prop_assert!(acts.len() <= most);
                let end = text.trim_end().lines().last().unwrap_or_default().to_owned();
                if !end.contains("```") && end.len() < 400 && let Some(Act::Edit(last) | Act::Post(last)) = acts.last() {
                    prop_assert!(last.contains(&end), "{last} does not end with {end}");
                }
                for act in acts {
                    let (Act::Edit(text) | Act::Post(text)) = act;
                    prop_assert!(length(&text) <= 2000 && !text.is_empty());
                }
            }
        }
    }
}
