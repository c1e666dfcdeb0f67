//! Redacts whole texts: exact values first, then shapes.
//!
//! Spec: specs/server/runner/redact.md

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::Regex;

use super::encoded::forms;
use super::shapes::{BEGINNING, SHAPES};

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Shorter values are not searched for: they would spoil ordinary text.
pub const MIN_SECRET_BYTES: usize = 8;

/// Why no redactor can be made.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// The secrets are too many or too long for one search. The values are not told.
    #[error("{count} secrets are too much for the redactor; give fewer or shorter ones")]
    TooMuch {
        /// How many there were.
        count: usize,
    },
    /// A built-in shape is broken.
    #[error("a built-in credential shape is broken: {0}")]
    Shape(#[from] regex::Error),
}

/// Finds secrets in text. Cheap to share, expensive to make: make one per run.
pub struct Redactor {
    exact: Option<AhoCorasick>,
    shapes: Regex,
    longest: usize,
}

impl Redactor {
    /// A redactor for these values and for everything that is shaped like a credential (redact R1, R2).
    ///
    /// # Errors
    /// [`RedactError::TooMuch`].
    pub fn new<S: AsRef<str>>(secrets: &[S]) -> Result<Self, RedactError> {
        let mut needles = BTreeSet::new();
        for secret in secrets {
            let secret = secret.as_ref().trim();
            let lines = secret.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
            for text in std::iter::once(secret).chain(lines) {
                // A short value is no secret in any form.
                if text.len() >= MIN_SECRET_BYTES {
                    needles.extend(forms(text));
                }
            }
        }
        let longest = needles.iter().map(String::len).max().unwrap_or(0);
        let exact = if needles.is_empty() {
            None
        } else {
            let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&needles);
            Some(built.map_err(|_| RedactError::TooMuch { count: secrets.len() })?)
        };
        let shapes = SHAPES.map(|shape| match shape.starts_with('-') {
            true => format!("(?:{shape})"),
            false => format!("(?:{BEGINNING}(?:{shape}))"),
        });
        let shapes = Regex::new(&shapes.join("|"))?;
        Ok(Self { exact, shapes, longest })
    }

    /// The text with every secret replaced by [`REDACTED`].
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let spans = self.spans(text);
        if spans.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(replace(text, &spans)) }
    }

    /// The longest form of an exact value in bytes.
    pub(super) const fn longest(&self) -> usize {
        self.longest
    }

    /// Where secrets stand: ascending, apart from each other.
    pub(super) fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = self.shapes.find_iter(text).map(|found| found.range()).collect();
        spans.extend(self.exact.iter().flat_map(|exact| exact.find_iter(text)).map(|found| found.range()));
        spans.sort_unstable_by_key(|span| (span.start, span.end));
        let mut apart: Vec<Range<usize>> = Vec::with_capacity(spans.len());
        for span in spans {
            match apart.last_mut() {
                Some(last) if span.start < last.end => last.end = last.end.max(span.end),
                _ => apart.push(span),
            }
        }
        self.follow(text, &mut apart);
        apart
    }

    /// What stands right behind a secret begins there, also where both together look like one word: once the secret is replaced, it does.
    fn follow(&self, text: &str, apart: &mut Vec<Range<usize>>) {
        let mut index = 0;
        while let Some(end) = apart.get(index).map(|span| span.end) {
            index += 1;
            let until = apart.get(index).map_or(text.len(), |next| next.start);
            let behind = text.get(end..until).unwrap_or_default();
            if let Some(found) = self.shapes.find(behind).filter(|found| found.start() == 0) {
                apart.insert(index, end..end + found.end());
            }
        }
    }
}

/// The text with the spans replaced.
pub(super) fn replace(text: &str, spans: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for span in spans {
        out.push_str(text.get(from..span.start).unwrap_or_default());
        out.push_str(REDACTED);
        from = span.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Says nothing of the secrets (redact R5).
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}
