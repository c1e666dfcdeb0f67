//! The kinds of errors and their exit codes.

use std::fmt;

use crate::clean;

/// What kind of failure it is; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything that has no kind of its own.
    Failure,
    /// An argument is wrong.
    Usage,
    /// What was named does not exist.
    NotFound,
    /// No key, a wrong key, or not enough rights.
    Auth,
    /// It exists already, or is not possible in this state.
    Conflict,
    /// The server cannot be reached, or has too much to do.
    Unavailable,
    /// The task that was waited for failed or is blocked.
    TaskFailed,
    /// The task that was waited for waits for a person.
    NeedsHuman,
    /// The time given is over.
    Timeout,
    /// Ctrl-C.
    Interrupted,
    /// The reader of standard output is gone. Nobody is left to be told.
    BrokenPipe,
}

impl Kind {
    /// The exit code, a promise to scripts (errors R1).
    #[must_use]
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::BrokenPipe => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Auth => 4,
            Self::Conflict => 5,
            Self::Unavailable => 6,
            Self::TaskFailed => 7,
            Self::NeedsHuman => 8,
            Self::Timeout => 124,
            Self::Interrupted => 130,
        }
    }
}

/// Why a command did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CliError {
    /// What kind of failure.
    pub(crate) kind: Kind,
    /// What failed and why, one sentence without a full stop.
    pub(crate) message: String,
    /// Further facts, one line each.
    pub(crate) details: Vec<String>,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

impl CliError {
    /// An error without details and hint.
    #[must_use]
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), details: Vec::new(), hint: None }
    }

    /// A failure without a kind of its own.
    #[must_use]
    pub(crate) fn failure(message: impl Into<String>) -> Self {
        Self::new(Kind::Failure, message)
    }

    /// A wrong argument.
    #[must_use]
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Says what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a line.
    #[must_use]
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&clean::block(self.message.trim_end_matches('.')))?;
        for detail in &self.details {
            write!(f, "\n  {}", clean::line(detail))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {}", clean::line(hint))?;
        }
        Ok(())
    }
}

impl std::error::Error for CliError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// errors R1: the codes are those of the spec's table.
    #[test]
    fn exit_codes_match_the_spec() {
        let spec = include_str!("../../../specs/cli/errors.md");
        let listed: Vec<u8> = spec.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
        let all = [
            Kind::BrokenPipe,
            Kind::Failure,
            Kind::Usage,
            Kind::NotFound,
            Kind::Auth,
            Kind::Conflict,
            Kind::Unavailable,
            Kind::TaskFailed,
            Kind::NeedsHuman,
            Kind::Timeout,
            Kind::Interrupted,
        ];
        assert_eq!(all.map(Kind::exit_code).to_vec(), listed);
    }

    /// errors R2, R4: message, details and hint each have their line, cleaned.
    #[test]
    fn an_error_prints_what_why_and_the_next_command() {
        let error = CliError::usage("2 fields are wrong.").detail("title: \u{1b}[31mempty\nline").hint("aqctl task add --help");
        assert_eq!(error.to_string(), "2 fields are wrong\n  title: empty line\nhint: aqctl task add --help");
    }
}
