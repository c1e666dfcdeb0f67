//! The process environment, read once and carried as a value. The only place of the server that asks the system for it.
//!
//! Substituting `${NAME}` lives in `substitute`; which variables agents see lives in `sections/agents`.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A set of environment variables (config R2). Printing it gives names only, because values may be secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// The variables of this process whose name and value are UTF-8.
    #[must_use]
    pub fn of_process() -> Self {
        let pairs = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { variables: pairs.collect() }
    }

    /// A made-up environment, for tests and for the demonstration.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self { variables: pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }

    /// The value of a variable; `None` when it is not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The value of a variable that is set and not empty.
    #[must_use]
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// This environment with the variables of a `.env` file added; variables already set keep their value (F-037).
    #[must_use]
    pub fn with_sidecar(mut self, sidecar: &str) -> Self {
        for (name, value) in sidecar_pairs(sidecar) {
            self.variables.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        self
    }

    /// `$HOME`, when it is set.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.filled("HOME").map(PathBuf::from)
    }

    /// `$<variable>/agent-queue` or `~/<fallback>/agent-queue`: where XDG wants our files. `None` without a home.
    pub(super) fn xdg(&self, variable: &str, fallback: &str) -> Option<PathBuf> {
        let base = match self.filled(variable).map(PathBuf::from).filter(|path| path.is_absolute()) {
            Some(base) => base,
            None => self.home()?.join(fallback),
        };
        Some(base.join("agent-queue"))
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// The `NAME=VALUE` lines of a `.env` file: split at the first `=`, trimmed; comments, lines without `=` and empty names skipped.
fn sidecar_pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim()))
        .filter(|(name, _)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-037: the sidecar never overrides, and junk lines are skipped; quotes are not special.
    #[test]
    fn sidecar_adds_and_never_overrides() {
        let environment = Environment::from_pairs([("SET", "outside")])
            .with_sidecar("# comment\nSET=inside\n A = b=c \njunk\n=empty name\nQ=\"quoted\"\nFIRST=1\nFIRST=2\nEMPTY=\n");
        assert_eq!(environment.get("SET"), Some("outside"));
        assert_eq!(environment.get("A"), Some("b=c"));
        assert_eq!(environment.get("Q"), Some("\"quoted\""));
        assert_eq!(environment.get("FIRST"), Some("1"));
        assert_eq!(environment.get("EMPTY"), Some(""));
        assert_eq!(environment.get(""), None);
    }

    /// F-039: printing an environment shows no value.
    #[test]
    fn debug_shows_names_only() {
        let shown = format!("{:?}", Environment::from_pairs([("TOKEN", "hush")]));
        assert!(shown.contains("TOKEN") && !shown.contains("hush"));
    }
}
