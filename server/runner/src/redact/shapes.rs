//! What credentials look like, whoever they belong to.
//!
//! Spec: specs/server/runner/redact.md

/// Patterns of credentials. Each needs at most [`super::HELD_BYTES`] bytes to begin to match, so that a stream can hold back enough.
pub(super) const SHAPES: [&str; 13] = [
    // Anthropic.
    r"sk-ant-[A-Za-z0-9_-]{8,}",
    // OpenAI and others that follow it.
    r"sk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_]{20,}[A-Za-z0-9_-]*",
    // GitHub.
    r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"github_pat_[A-Za-z0-9_]{20,}",
    // GitLab.
    r"glpat-[A-Za-z0-9_-]{16,}",
    // Slack.
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    // AWS.
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    // Google.
    r"AIza[A-Za-z0-9_-]{30,}",
    // Our own API keys.
    r"aq_[a-z0-9]{4,32}_[A-Za-z0-9_-]{16,}",
    // Bearer headers.
    r"[Bb]earer {1,4}[A-Za-z0-9._~+/=-]{16,}",
    // JSON web tokens.
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    // Discord bot tokens.
    r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
    // Private keys, as they are or within a JSON string.
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?",
];

/// A shape begins at a word's beginning, so that `task-…` is no key; an escaped line feed or tab of a JSON string may stand before it.
pub(super) const BEGINNING: &str = r"(?:(?-u:\b)|\\[nrtbf])";

/// True for characters that tokens consist of: a stream never breaks inside a run of these while it is short enough to be a token.
pub(super) const fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '+' | '/' | '=' | '\\')
}
