//! The agent's environment: an allow-list of ours, nothing by accident (runtimes R7, R8; F-102).
//!
//! Reading the server's environment is the configuration's business; here it is filtered.
//!
//! Spec: specs/server/runner/runtimes.md

use std::collections::BTreeMap;

use crate::git::Identity;

/// Names that pass. Those ending in `_` are prefixes.
const ALLOWED: [&str; 26] = [
    "PATH",
    "LANG",
    "LANGUAGE",
    "LC_",
    "TZ",
    "TERM",
    "USER",
    "LOGNAME",
    "SHELL",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "GOPATH",
    "NVM_DIR",
    "JAVA_HOME",
    "COLORTERM",
];

/// What of `variables` an agent may see. `PATH` gets a plain default when it is missing.
#[must_use]
pub fn allow_listed(variables: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let passes =
        |name: &str| ALLOWED.iter().any(|allowed| if allowed.ends_with('_') { name.starts_with(allowed) } else { name == *allowed });
    let mut kept: BTreeMap<String, String> = variables.into_iter().filter(|(name, _)| passes(name)).collect();
    kept.entry("PATH".to_owned()).or_insert_with(|| "/usr/local/bin:/usr/bin:/bin".to_owned());
    kept
}

/// The variables that make every commit of an agent carry `identity`, and keep git from asking anybody anything.
#[must_use]
pub fn identity_variables(identity: &Identity) -> BTreeMap<String, String> {
    let Identity { name, email } = identity;
    [
        ("GIT_AUTHOR_NAME", name.as_str()),
        ("GIT_AUTHOR_EMAIL", email.as_str()),
        ("GIT_COMMITTER_NAME", name.as_str()),
        ("GIT_COMMITTER_EMAIL", email.as_str()),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_EDITOR", "true"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::allow_listed;

    /// F-102: secrets and session markers of the server stay with the server.
    #[test]
    fn only_listed_names_pass() {
        let given = ["PATH", "LC_ALL", "HOME", "CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "ANTHROPIC_API_KEY", "AQ_HOME", "LD_PRELOAD", "LCX"];
        let kept = allow_listed(given.map(|name| (name.to_owned(), "x".to_owned())));
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["LC_ALL", "PATH"]);
        assert_eq!(allow_listed([]).get("PATH").map(String::as_str), Some("/usr/local/bin:/usr/bin:/bin"));
    }
}
