//! What a program says beside its protocol, remembered for the end: the last lines of standard error, and messages of unknown kinds.
//!
//! Spec: specs/server/runner/runtimes.md

use std::collections::{BTreeMap, VecDeque};

use aq_core::output::OutputBody;
use serde::{Deserialize, Serialize};

use super::clip::clip_to;

/// Lines of standard error that are remembered for an end without a result.
const STDERR_LINES: usize = 6;

/// Longest remembered line of standard error, in bytes.
const STDERR_BYTES: usize = 500;

/// Different kinds of unknown messages that are counted apart. Kinds come from outside; a program that invents them must not grow our memory.
const UNKNOWN_KINDS: usize = 64;

/// What was said beside the protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::runtimes) struct Sidelines {
    /// The last lines of standard error, oldest first.
    stderr: VecDeque<String>,
    /// Messages of unknown kinds, by kind.
    unknown: BTreeMap<String, u64>,
}

impl Sidelines {
    /// Remembers a line of standard error.
    pub(in crate::runtimes) fn remember(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        self.stderr.push_back(clip_to(line.trim(), STDERR_BYTES));
        while self.stderr.len() > STDERR_LINES {
            self.stderr.pop_front();
        }
    }

    /// Counts a message that is not understood (F-098).
    pub(in crate::runtimes) fn count(&mut self, kind: &str) {
        let kind = clip_to(kind, 60);
        if self.unknown.len() < UNKNOWN_KINDS || self.unknown.contains_key(&kind) {
            *self.unknown.entry(kind).or_default() += 1;
        }
    }

    /// The remembered lines of standard error.
    pub(in crate::runtimes) fn lines(&self) -> impl Iterator<Item = &str> {
        self.stderr.iter().map(String::as_str)
    }

    /// The remembered lines of standard error in one.
    pub(in crate::runtimes) fn said(&self) -> String {
        self.lines().collect::<Vec<_>>().join(" ")
    }

    /// Names the unknown messages once, so that a newer program is noticed (F-098).
    pub(in crate::runtimes) fn note(&mut self) -> Option<OutputBody> {
        let unknown = std::mem::take(&mut self.unknown);
        if unknown.is_empty() {
            return None;
        }
        let total: u64 = unknown.values().sum();
        let kinds: Vec<_> = unknown.keys().map(String::as_str).take(8).collect();
        Some(OutputBody::Note { text: format!("{total} messages of kinds unknown to this version were skipped: {}", kinds.join(", ")) })
    }
}

#[cfg(test)]
mod tests {
    use aq_core::output::OutputBody;

    use super::Sidelines;

    /// F-098: unknown kinds are bounded and told once; only the last lines of standard error are kept.
    #[test]
    fn memory_is_bounded() {
        let mut sidelines = Sidelines::default();
        for number in 0..1000 {
            sidelines.count(&format!("kind-{number}"));
            sidelines.remember(&format!("line {number}"));
        }
        sidelines.remember("   ");
        assert_eq!(sidelines.said(), "line 994 line 995 line 996 line 997 line 998 line 999");
        let Some(OutputBody::Note { text }) = sidelines.note() else { panic!("no note") };
        assert!(text.starts_with("64 messages"), "{text}");
        assert_eq!(sidelines.note(), None);
    }
}
