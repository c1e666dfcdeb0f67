//! Plain lines: what a program prints is shown as it is, and its exit code is its word.
//!
//! Also the fallback of the other runtimes for lines that are not of their protocol.
//!
//! Spec: specs/server/runner/runtimes.md

use aq_core::output::{FailureClass, LineStream, OutputBody};
use aq_core::runner_link::{Answer, RunOutcome};
use serde::{Deserialize, Serialize};

use crate::runtimes::clip::{clip, clip_to};
use crate::runtimes::ending::{early_outcome, failed, late_outcome};
use crate::runtimes::normalizer::{Answered, End, ExitFacts, Normalizer, Step, Wishes};
use crate::runtimes::port::Frame;
use crate::spool::{RawKind, RawLine};

/// Longest summary in bytes.
const SUMMARY_BYTES: usize = 2000;

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

/// The normaliser of plain programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PlainLines {
    last_stdout: String,
    last_stderr: String,
}

impl Normalizer for PlainLines {
    fn line(&mut self, line: &RawLine) -> Step {
        let text = line.text();
        if !text.trim().is_empty() {
            let last = clip_to(text.trim(), SUMMARY_BYTES);
            match line.kind {
                RawKind::Stdout => self.last_stdout = last,
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
