//! Calls over HTTP: one host, no redirects, bounded in time and size. What an answer means is decided elsewhere.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;

use super::port::ForgeError;
use crate::config::Secret;

/// Longest answer, in bytes.
const LONGEST: usize = 2 * 1024 * 1024;
/// Longest time of one call.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The body as JSON; `Null` when there is none or it is none.
    pub(super) body: Value,
}

impl Answer {
    /// The text of a header; empty: none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// The way to one forge.
pub(super) struct Http {
    /// Without a slash at its end.
    root: String,
    client: reqwest::Client,
    patience: Duration,
}

impl Http {
    /// A client of the API at `root`. Outside of tests the address is `https`; the configuration holds it to that.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub(super) fn new(root: &str) -> Result<Self, ForgeError> {
        // Plain text is for a forge on this machine only.
        let local = root.starts_with("http://127.0.0.1:") || root.starts_with("http://localhost:") || root.starts_with("http://[::1]:");
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .https_only(!local)
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("agent-queue/", env!("CARGO_PKG_VERSION")));
        if local {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| ForgeError::Unavailable(format!("TLS cannot be used: {}", cause(&error))))?;
        Ok(Self { root: root.trim_end_matches('/').to_owned(), client, patience: PATIENCE })
    }

    /// With another patience.
    pub(super) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Calls `path` (with its query) and reads the answer to its end.
    ///
    /// # Errors
    /// [`ForgeError::Unavailable`] when there is no answer in time, [`ForgeError::Nonsense`] when it is too long.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        token: &Secret,
        etag: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ForgeError> {
        let odd = |what: &str| ForgeError::Nonsense(format!("the request cannot be sent: {what}"));
        let mut secret = HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| odd("the token is not text"))?;
        secret.set_sensitive(true);
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.root))
            .header(header::ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .header(header::AUTHORIZATION, secret);
        if !etag.is_empty() {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let request = request.build().map_err(|error| odd(&cause(&error)))?;
        let exchange = async {
            let unavailable = |error: &reqwest::Error| ForgeError::Unavailable(cause(error));
            let mut answer = self.client.execute(request).await.map_err(|error| unavailable(&error))?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut bytes = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(|error| unavailable(&error))? {
                if bytes.len().saturating_add(chunk.len()) > LONGEST {
                    return Err(ForgeError::Nonsense(format!("it is longer than {LONGEST} bytes")));
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
        };
        let late = |_| Err(ForgeError::Unavailable(format!("no answer within {} s", self.patience.as_secs_f32())));
        tokio::time::timeout(self.patience, exchange).await.unwrap_or_else(late)
    }
}

/// The innermost cause: the outer ones only say that a request failed.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
