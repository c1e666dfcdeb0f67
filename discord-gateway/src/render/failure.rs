//! What went wrong in a few words, and what helps (F-219): the first keyword that is found decides.

use aq_proto::v1 as pb;

/// A label and a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// What it was.
    pub(crate) label: &'static str,
    /// What helps.
    pub(crate) hint: &'static str,
}

const TABLE: [(&[&str], &str, &str); 10] = [
    (&["error_max_structured_output_retries"], "Structured-output failure", "Simplify the task, or drop what the answer's form demands."),
    (&["auth", "authentication"], "Authentication error", "Check the key or the login of the account, then restart the task."),
    (&["rate_limit", "rate limit", "429"], "Rate-limit", "Nothing to do: it goes on by itself when the limit is over."),
    (&["quota"], "Token quota exhausted", "Wait for the next window, or raise the limit."),
    (&["token"], "Token limit", "Split the task into smaller ones."),
    (&["timeout"], "Timeout", "Raise the time limit of the task, or make it smaller."),
    (&["config"], "Configuration error", "Check model, tools and MCP servers of the agent."),
    (&["mcp"], "MCP server error", "Check the MCP configuration of the agent."),
    (&["permission"], "Permission denied", "Check what the agent may do in its workspace."),
    (&["cancelled"], "Cancelled", "Somebody stopped it; restart it when it shall go on."),
];

/// The cause that a message speaks of.
pub(crate) fn cause(message: &str) -> Cause {
    if message.trim().is_empty() {
        return Cause { label: "Unknown error", hint: "The server's log may say more." };
    }
    let lower = message.to_lowercase();
    let found = TABLE.iter().find(|(words, _, _)| words.iter().any(|word| lower.contains(word)));
    found.map_or(Cause { label: "Unexpected error", hint: "Look at the full error, and at the server's log." }, |(_, label, hint)| Cause {
        label,
        hint,
    })
}

/// The cause of a task's failure: its class where the server is sure of one that the table has, else what its message speaks of.
pub(super) fn cause_of(error: Option<&pb::GetTaskErrorResponse>, message: &str) -> Cause {
    let word = match error.map(pb::GetTaskErrorResponse::failure_class) {
        Some(pb::FailureClass::Auth) => "auth",
        Some(pb::FailureClass::Timeout) => "timeout",
        Some(pb::FailureClass::Exhausted) => "rate_limit",
        _ => message,
    };
    cause(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-219: the table is asked from top to bottom.
    #[test]
    fn the_first_keyword_wins() {
        for (message, label) in [
            ("error_max_structured_output_retries: token", "Structured-output failure"),
            ("OAuth Authentication failed", "Authentication error"),
            ("the author is unknown", "Authentication error"),
            ("HTTP 429", "Rate-limit"),
            ("quota for tokens", "Token quota exhausted"),
            ("Token count", "Token limit"),
            ("Timeout after 5 s", "Timeout"),
            ("bad config", "Configuration error"),
            ("MCP died", "MCP server error"),
            ("permission denied", "Permission denied"),
            ("run was cancelled", "Cancelled"),
            ("boom", "Unexpected error"),
            ("  ", "Unknown error"),
        ] {
            assert_eq!(cause(message).label, label, "{message}");
        }
    }
}
