//! Plain lines: what a program prints is shown as it is, and its exit code is its word.
//!
//! Also the fallback of the other runtimes for lines that are not of their protocol.
//!
//! Spec: specs/server/runner/runtimes.md

use aq_core::output::{FailureClass, LineStream, OutputBody};
use aq_core::runner_link::{Answer, RunOutcome};
use serde::{Deserialize, Serialize};

use crate::runtimes::clip::{MARK, clip, clip_to};
use crate::runtimes::ending::{early_outcome, failed, late_outcome};
use crate::runtimes::normalizer::{Answered, End, ExitFacts, Frame, Normalizer, Step, Wishes};
use crate::spool::{RawKind, RawLine};

/// Longest summary in bytes.
const SUMMARY_BYTES: usize = 2000;

/// Longest fenced block that is kept whole as a summary, in bytes.
const BLOCK_BYTES: usize = 16 * 1024;

/// Fewest backticks of a fence.
const FENCE: usize = 3;

/// The item of a raw line that is not understood further.
pub(crate) fn plain(line: &RawLine) -> OutputBody {
    let stream = match line.kind {
        RawKind::Stdout => LineStream::Stdout,
        RawKind::Stderr => LineStream::Stderr,
        RawKind::Gap => {
            return OutputBody::Gap { bytes: line.dropped, reason: "the run printed more than its output limit".to_owned() };
        }
    };
    let text = line.text();
    let clipped = clip(&text);
    let truncated = line.truncated || clipped.len() != text.len();
    OutputBody::Line { stream, text: clipped, truncated }
}

/// What is said of the rest of a line that is shown cut (R6); `None` for anything else.
pub(crate) fn rest(line: &RawLine, shown: &OutputBody) -> Option<OutputBody> {
    let OutputBody::Line { text, truncated: true, .. } = shown else { return None };
    let kept = text.strip_suffix(MARK).unwrap_or(text).len();
    let bytes = line.dropped.saturating_add(line.text().len().saturating_sub(kept) as u64);
    Some(OutputBody::Gap { bytes, reason: "the line was too long to be kept whole".to_owned() })
}

/// The normaliser of plain programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PlainLines {
    last_stdout: String,
    last_stderr: String,
    /// The lines of a fenced block that is not closed yet.
    block: Option<String>,
}

impl PlainLines {
    /// Takes a line of standard output. A block that it closes is given back whole: the verdict of a reviewer is one.
    fn closes_block(&mut self, line: &str) -> Option<String> {
        let Some(mut block) = self.block.take() else {
            self.block = (ticks(line) >= FENCE && line.len() <= BLOCK_BYTES).then(|| line.to_owned());
            return None;
        };
        if block.len() + 1 + line.len() > BLOCK_BYTES {
            return None;
        }
        let closes = ticks(line) >= ticks(&block) && line.trim().bytes().all(|byte| byte == b'`');
        block.push('\n');
        block.push_str(line);
        if closes {
            return Some(block);
        }
        self.block = Some(block);
        None
    }
}

/// How many backticks a text begins with.
fn ticks(text: &str) -> usize {
    text.trim_start().bytes().take_while(|byte| *byte == b'`').count()
}

impl Normalizer for PlainLines {
    fn line(&mut self, line: &RawLine) -> Step {
        let text = line.text();
        if !text.trim().is_empty() {
            let last = clip_to(text.trim(), SUMMARY_BYTES);
            match line.kind {
                RawKind::Stdout => self.last_stdout = self.closes_block(&text).unwrap_or(last),
                RawKind::Stderr => self.last_stderr = last,
                RawKind::Gap => {}
            }
        }
        plain(line).into()
    }

    fn end(&mut self, exit: &ExitFacts) -> End {
        let said = [&self.last_stderr, &self.last_stdout].into_iter().find(|text| !text.is_empty());
        let outcome = early_outcome(exit).or_else(|| late_outcome(exit)).unwrap_or_else(|| match exit.exit_code {
            Some(0) => RunOutcome::Succeeded { summary: self.last_stdout.clone() },
            _ => {
                let words = exit.words();
                failed(FailureClass::Agent, said.map_or_else(|| words.clone(), |said| format!("{words}: {said}")))
            }
        });
        End::of(outcome)
    }

    fn wishes(&self) -> Wishes {
        Wishes::default()
    }

    fn state(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn answer(&mut self, _request_id: &str, _answer: &Answer) -> Option<Answered> {
        None
    }

    fn message(&mut self, _message_id: &str, _text: &str) -> Option<Vec<Frame>> {
        None
    }

    fn interrupt(&self) -> Option<Frame> {
        None
    }
}

#[cfg(test)]
mod tests {
    use aq_core::output::MAX_ITEM_TEXT_BYTES;

    use super::*;

    fn summary(lines: &[&str]) -> String {
        let mut plain = PlainLines::default();
        for line in lines {
            let line =
                RawLine { kind: RawKind::Stdout, bytes: line.as_bytes().to_vec(), truncated: false, dropped: 0, at_ms: 0, offset_after: 0 };
            plain.line(&line);
            // What was read so far survives a server that ends in the middle.
            plain = serde_json::from_value(plain.state()).unwrap();
        }
        plain.last_stdout
    }

    /// Runtimes R6: what is missing of a cut line is counted to the byte, whoever cut it; a whole line has no rest.
    #[test]
    fn the_rest_of_a_cut_line_is_counted() {
        let line = |length: usize, dropped: u64| RawLine {
            kind: RawKind::Stdout,
            bytes: vec![b'x'; length],
            truncated: dropped > 0,
            dropped,
            at_ms: 0,
            offset_after: 0,
        };
        let told = |line: &RawLine| rest(line, &plain(line));
        assert_eq!(told(&line(MAX_ITEM_TEXT_BYTES, 0)), None);
        for (length, dropped) in [(MAX_ITEM_TEXT_BYTES + 1, 0), (1024 * 1024, 99), (10, 7)] {
            let line = line(length, dropped);
            let OutputBody::Line { text, truncated: true, .. } = plain(&line) else { panic!("not cut") };
            let Some(OutputBody::Gap { bytes, .. }) = told(&line) else { panic!("nothing is told") };
            let shown = text.bytes().filter(|byte| *byte == b'x').count() as u64;
            assert_eq!(shown + bytes, length as u64 + dropped);
        }
    }

    /// Runtimes, `command`, F-084: the summary is the last line, and the whole block where that line closes one; what is left open or is too long is no block.
    #[test]
    fn a_block_at_the_end_is_the_summary() {
        assert_eq!(summary(&["one", "two", " "]), "two");
        assert_eq!(summary(&["looked", "```verdict", "{}", "```", ""]), "```verdict\n{}\n```");
        assert_eq!(summary(&["````verdict", "```", "````"]), "````verdict\n```\n````");
        assert_eq!(summary(&["```", "{}", "```", "after"]), "after");
        assert_eq!(summary(&["```verdict", "{}"]), "{}");
        let long = "x".repeat(BLOCK_BYTES);
        assert_eq!(summary(&["```", &long, "```"]), "```");
    }
}
