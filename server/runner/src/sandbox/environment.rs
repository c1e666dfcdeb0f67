//! The agent's environment: an allow-list, filled in by us. Nothing is inherited.
//!
//! Spec: specs/server/runner/sandbox.md

use std::collections::BTreeMap;
use std::path::Path;

use crate::process::{MARK_VARIABLE, RUN_ID_VARIABLE};

/// Where programs are looked for when the server does not say.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What an agent's environment is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentEnvironment<'a> {
    /// `PATH`; empty: the system's usual places.
    pub path: &'a str,
    /// `LANG`; empty: `C.UTF-8`.
    pub lang: &'a str,
    /// `USER` and `LOGNAME`; empty: left out.
    pub user: &'a str,
    /// `HOME` of the run.
    pub home: Option<&'a Path>,
    /// `TMPDIR` of the run.
    pub temporary: Option<&'a Path>,
}

impl AgentEnvironment<'_> {
    /// The environment with the variables of the account and the profile added, which win over ours (sandbox R5).
    ///
    /// Variables by which Claude Code recognises that it runs inside itself, and those that the shim sets, cannot be given: they are left out.
    #[must_use]
    pub fn build(&self, added: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let or = |text: &str, usual: &str| if text.is_empty() { usual.to_owned() } else { text.to_owned() };
        let mut all = BTreeMap::from([
            ("PATH".to_owned(), or(self.path, USUAL_PATH)),
            ("LANG".to_owned(), or(self.lang, "C.UTF-8")),
            ("TERM".to_owned(), "dumb".to_owned()),
            // Agents and what they call must never open a pager, an editor or a prompt that nobody sees.
            ("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned()),
            ("PAGER".to_owned(), "cat".to_owned()),
            ("NO_COLOR".to_owned(), "1".to_owned()),
        ]);
        if !self.user.is_empty() {
            all.insert("USER".to_owned(), self.user.to_owned());
            all.insert("LOGNAME".to_owned(), self.user.to_owned());
        }
        for (name, path) in [("HOME", self.home), ("TMPDIR", self.temporary)] {
            if let Some(path) = path.and_then(Path::to_str) {
                all.insert(name.to_owned(), path.to_owned());
            }
        }
        for (name, value) in added {
            let usable = !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
            if usable && !is_ours(name) {
                all.insert(name.clone(), value.clone());
            }
        }
        all
    }
}

fn is_ours(name: &str) -> bool {
    matches!(
        name,
        RUN_ID_VARIABLE | MARK_VARIABLE | "CLAUDECODE" | "CLAUDE_CODE_ENTRYPOINT" | "CLAUDE_CODE_SSE_PORT" | "CLAUDE_CODE_SESSION_ID"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::AgentEnvironment;

    /// Sandbox R5: nothing inherited, defaults filled in, additions win, markers cannot be forged.
    #[test]
    fn builds_an_allow_list() {
        let added: BTreeMap<String, String> = [
            ("ANTHROPIC_API_KEY", "secret"),
            ("TERM", "xterm"),
            ("AQ_RUN_MARK", "forged"),
            ("CLAUDECODE", "1"),
            ("BAD=NAME", "x"),
            ("NUL", "a\0b"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let environment = AgentEnvironment { home: Some(Path::new("/runs/a/home")), user: "ada", ..AgentEnvironment::default() };
        let all = environment.build(&added);
        let names: Vec<&str> = all.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["ANTHROPIC_API_KEY", "GIT_TERMINAL_PROMPT", "HOME", "LANG", "LOGNAME", "NO_COLOR", "PAGER", "PATH", "TERM", "USER"]
        );
        assert_eq!((all["TERM"].as_str(), all["PATH"].as_str()), ("xterm", "/usr/local/bin:/usr/bin:/bin"));
    }
}
