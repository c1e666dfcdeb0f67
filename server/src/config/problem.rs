//! What can be wrong with a configuration, and how it is told. All problems are collected first and reported together.
//!
//! Reading values lives in `reader`; nothing here knows a key.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use super::secret::MASK;

/// How bad a problem is (config R6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The server does not start.
    Error,
    /// The server starts; the value has no effect or a likely unwanted one.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One thing wrong with a configuration (config R6, F-038). Never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The top-level section, for example `agents`; empty for the document itself.
    pub section: String,
    /// The field inside the section, for example `predefined[0].account`; empty for the section itself.
    pub field: String,
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// Whether the server can start in spite of it.
    pub severity: Severity,
    /// What to write instead, where we can tell.
    pub suggestion: Option<String>,
}

/// A problem that does not keep the server from starting; its severity is [`Severity::Warning`].
pub type Warning = Problem;

impl Problem {
    /// Section and field joined by a dot, or `(document)`.
    #[must_use]
    pub fn path(&self) -> String {
        match (self.section.is_empty(), self.field.is_empty()) {
            (true, true) => "(document)".to_owned(),
            (true, false) => self.field.clone(),
            (false, true) => self.section.clone(),
            (false, false) if self.field.starts_with('[') => format!("{}{}", self.section, self.field),
            (false, false) => format!("{}.{}", self.section, self.field),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.severity, self.path(), self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; {suggestion}")?;
        }
        Ok(())
    }
}

/// Everything wrong with a configuration that cannot be used: at least one error, and the warnings beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The number of problems that keep the server from starting.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|problem| problem.severity == Severity::Error).count()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.errors();
        write!(f, "the configuration has {errors} error{}", if errors == 1 { "" } else { "s" })?;
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The text without a value of at least [`LEAST_PRIVATE`] bytes, and without so much of its beginning: whoever quotes may have cut it short.
fn masked(text: &str, value: &str) -> String {
    let beginning = value.char_indices().map(|(at, c)| at + c.len_utf8()).find(|end| *end >= LEAST_PRIVATE);
    let Some(beginning) = beginning.and_then(|end| value.get(..end)) else { return text.to_owned() };
    let (mut made, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, _)) = rest.split_once(beginning) {
        made.push_str(before);
        made.push_str(MASK);
        let shown = rest.get(before.len()..).unwrap_or_default();
        let same = shown.chars().zip(value.chars()).take_while(|(shown, hidden)| shown == hidden).map(|(c, _)| c.len_utf8()).sum::<usize>();
        rest = shown.get(same..).unwrap_or_default();
    }
    made.push_str(rest);
    made
}

/// Collects problems while many readers look at one document.
#[derive(Debug, Default)]
pub(super) struct Sink {
    found: RefCell<Vec<Problem>>,
    /// What came out of the environment: it is shown in no problem, wherever the file puts it (config R10).
    private: RefCell<BTreeSet<String>>,
}

/// Shorter values are words or numbers: hiding them would spoil the sentences around them.
const LEAST_PRIVATE: usize = 8;

impl Sink {
    pub(super) fn error(&self, place: (&str, &str), message: impl Into<String>, suggestion: Option<String>) {
        self.push(place, message.into(), Severity::Error, suggestion);
    }

    pub(super) fn warning(&self, place: (&str, &str), message: impl Into<String>, suggestion: Option<String>) {
        self.push(place, message.into(), Severity::Warning, suggestion);
    }

    fn push(&self, (section, field): (&str, &str), message: String, severity: Severity, suggestion: Option<String>) {
        let problem = Problem { section: section.to_owned(), field: field.to_owned(), message, severity, suggestion };
        self.found.borrow_mut().push(problem);
    }

    /// Keeps a value out of every problem.
    pub(super) fn hide(&self, value: &str) {
        if value.len() >= LEAST_PRIVATE {
            self.private.borrow_mut().insert(value.to_owned());
        }
    }

    /// The problems found, errors first, then by path, so that the report is the same on every run.
    pub(super) fn into_sorted(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        let mut private: Vec<_> = self.private.into_inner().into_iter().collect();
        private.sort_by_key(|value| std::cmp::Reverse(value.len()));
        for problem in &mut found {
            for value in &private {
                problem.message = masked(&problem.message, value);
                problem.suggestion = problem.suggestion.take().map(|suggestion| masked(&suggestion, value));
            }
        }
        found.sort_by_cached_key(|problem| (problem.severity, problem.path(), problem.message.clone()));
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Config R10: a private value is masked wherever it stands, also where somebody cut it short.
    #[test]
    fn private_values_are_masked_whole_or_cut() {
        let value = "sk-secret-5af3";
        for (text, shown) in [
            ("`sk-secret-5af3` is none", "`***` is none"),
            ("sk-secret-5af3sk-secret-5af", "******"),
            ("23:00sk-secret…", "23:00***…"),
            ("sk-secre", "***"),
            ("sk-sec", "sk-sec"),
        ] {
            assert_eq!(masked(text, value), shown, "{text}");
        }
        assert_eq!((masked("ääääää", "ääääää"), masked("short", "short")), ("***".to_owned(), "short".to_owned()));
    }
}
