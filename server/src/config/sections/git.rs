//! Section `git`: in whose name commits are made, and how long the network may take.
//!
//! Keys: `identity_name`, `identity_email`, `fetch_timeout_seconds`.

use std::time::Duration;

use serde::Serialize;

use crate::config::document::seconds;
use crate::config::reader::Reader;

/// In whose name the server commits, and its patience with remotes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Git {
    /// Author and committer name of commits the server makes itself.
    pub identity_name: String,
    /// Author and committer address of commits the server makes itself.
    pub identity_email: String,
    /// How long one fetch or push may take, 1 to 7200 s.
    #[serde(rename = "fetch_timeout_seconds", serialize_with = "seconds")]
    pub fetch_timeout: Duration,
}

impl Git {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let read = Self {
            identity_name: reader.text("identity_name", "Agent Queue"),
            identity_email: reader.text("identity_email", "agent-queue@localhost"),
            fetch_timeout: reader.seconds("fetch_timeout_seconds", 1..=7200, 120),
        };
        for (key, value) in [("identity_name", &read.identity_name), ("identity_email", &read.identity_email)] {
            if value.trim().is_empty() || value.contains(['<', '>', '\n', '\0']) {
                reader.error(key, "must be text without `<`, `>` and line breaks", None);
            }
        }
        reader.finish();
        read
    }
}
