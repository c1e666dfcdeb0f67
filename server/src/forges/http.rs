//! Calls over HTTP: one host, no redirects, bounded in time and size. What an answer means is decided elsewhere.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
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
    client: Hyper<HttpsConnector<HttpConnector>, Full<Bytes>>,
    patience: Duration,
}

impl Http {
    /// A client of the API at `root`. Outside of tests the address is `https`; the configuration holds it to that.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub(super) fn new(root: &str) -> Result<Self, ForgeError> {
        let provider = rustls::crypto::ring::default_provider();
        let builder = HttpsConnectorBuilder::new().with_provider_and_webpki_roots(provider);
        let builder = builder.map_err(|error| ForgeError::Unavailable(format!("TLS cannot be used: {error}")))?;
        // Plain text is for a forge on this machine only.
        let local = root.starts_with("http://127.0.0.1:") || root.starts_with("http://localhost:") || root.starts_with("http://[::1]:");
        let connector = if local { builder.https_or_http().enable_http1().build() } else { builder.https_only().enable_http1().build() };
        let client = Hyper::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(30)).build(connector);
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
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.root))
            .header(header::ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .header(header::USER_AGENT, concat!("agent-queue/", env!("CARGO_PKG_VERSION")));
        let mut secret = HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| odd("the token is not text"))?;
        secret.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, secret);
        if !etag.is_empty() {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let bytes = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(bytes)).map_err(|error| odd(&error.to_string()))?;
        let exchange = async {
            let answer = self.client.request(request).await.map_err(|error| ForgeError::Unavailable(cause(&error)))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, LONGEST).collect().await.map_err(|error| {
                match error.downcast::<http_body_util::LengthLimitError>() {
                    Ok(_) => ForgeError::Nonsense(format!("it is longer than {LONGEST} bytes")),
                    Err(error) => ForgeError::Unavailable(error.to_string()),
                }
            })?;
            let body = serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null);
            Ok(Answer { status: parts.status, headers: parts.headers, body })
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
