//! Section `git`: in whose name commits are made, how long the network may take, and the GitHub where pull requests are opened.
//!
//! Keys: `identity_name`, `identity_email`, `fetch_timeout_seconds`, `github_pull_requests`, `github_host`, `github_api_url`, `github_token`.

use std::time::Duration;

use serde::Serialize;

use crate::config::document::seconds;
use crate::config::reader::Reader;
use crate::config::secret::Secret;

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
    /// Whether work that needs approval becomes a pull request, where a token is found.
    pub github_pull_requests: bool,
    /// Host of the repositories.
    pub github_host: String,
    /// Root of the API.
    pub github_api_url: String,
    /// The token; empty: `GITHUB_TOKEN`, `GH_TOKEN`, or what `gh auth token` says.
    pub github_token: Secret,
}

impl Git {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let read = Self {
            identity_name: reader.text("identity_name", "Agent Queue"),
            identity_email: reader.text("identity_email", "agent-queue@localhost"),
            fetch_timeout: reader.seconds("fetch_timeout_seconds", 1..=7200, 120),
            github_pull_requests: reader.boolean("github_pull_requests", true),
            github_host: reader.text("github_host", "github.com"),
            github_api_url: reader.text("github_api_url", "https://api.github.com"),
            github_token: Secret::new(reader.text("github_token", "")),
        };
        let local = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].iter().any(|start| read.github_api_url.starts_with(start));
        if !read.github_api_url.starts_with("https://") && !local {
            reader.error("github_api_url", "must begin with https://", Some("https://api.github.com".to_owned()));
        }
        if read.github_host.is_empty() || read.github_host.contains(['/', ':', '@', ' ']) {
            reader.error("github_host", "must be a host's name", Some("github.com".to_owned()));
        }
        for (key, value) in [("identity_name", &read.identity_name), ("identity_email", &read.identity_email)] {
            if value.trim().is_empty() || value.contains(['<', '>', '\n', '\0']) {
                reader.error(key, "must be text without `<`, `>` and line breaks", None);
            }
        }
        reader.finish();
        read
    }
}
