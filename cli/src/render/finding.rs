//! Checks and findings, a line each (server-control R7).

use crate::clean;
use crate::look::{Look, Tone};

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Good.
    Ok,
    /// Nothing to judge, but worth knowing.
    Info,
    /// Should be looked at.
    Warning,
    /// Does not work like this.
    Failed,
}

/// One check with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Check {
    /// What was looked at.
    pub(crate) name: String,
    /// How it went.
    pub(crate) verdict: Verdict,
    /// What was seen.
    pub(crate) message: String,
    /// What helps; empty where nothing is wrong.
    pub(crate) hint: String,
}

impl Check {
    /// A check without a hint.
    #[must_use]
    pub(crate) fn new(name: impl Into<String>, verdict: Verdict, message: impl Into<String>) -> Self {
        Self { name: name.into(), verdict, message: message.into(), hint: String::new() }
    }

    /// Says what helps.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// A line per check, the hint below where there is one.
#[must_use]
pub(crate) fn checks(look: &Look, checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or_default();
    let mut lines = Vec::new();
    for check in checks {
        let (mark, tone) = match check.verdict {
            Verdict::Ok => ("✓", Tone::Good),
            Verdict::Info => ("·", Tone::Dim),
            Verdict::Warning => ("!", Tone::Warn),
            Verdict::Failed => ("✗", Tone::Bad),
        };
        let name = clean::line(&check.name);
        let pad = " ".repeat(width.saturating_sub(name.chars().count()));
        lines.push(format!("{} {name}{pad}  {}", look.paint(tone, mark), clean::line(&check.message)));
        if !check.hint.is_empty() {
            lines.push(look.paint(Tone::Dim, &format!("  {}  → {}", " ".repeat(width), clean::line(&check.hint))));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// server-control R7: a line per check with its hint.
    #[test]
    fn a_line_for_each_check() {
        let list = [
            Check::new("server", Verdict::Ok, "aqd 0.1.0 answers"),
            Check::new("git", Verdict::Failed, "not found").hint("install git 2.38 or newer"),
            Check::new("sandbox", Verdict::Warning, "none"),
        ];
        insta::assert_snapshot!(checks(&Look::plain(), &list));
    }
}
