//! Calls over HTTP: no redirects, bounded in time and size; what a refusal means.

use std::time::Duration;

use aq_core::chat::ModelError;
use bytes::Bytes;
use http::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::clock::SharedClock;

/// Longest answer on the wire, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;
/// Longest refusal that is read, in bytes.
const LONGEST_REFUSAL: usize = 64 * 1024;
/// Longest text of a provider that is repeated, in characters.
const LONGEST_WORDS: usize = 300;
/// Longest wait that a provider is believed, in milliseconds.
const LONGEST_WAIT_MS: u64 = 24 * 3_600_000;

/// How long a provider may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until the answer begins.
    pub first: Duration,
    /// Between two pieces of it.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { first: Duration::from_secs(300), idle: Duration::from_secs(120) }
    }
}

/// The way to one provider.
#[derive(Clone)]
pub(super) struct Http {
    /// Without a slash at its end.
    root: String,
    client: reqwest::Client,
    patience: Patience,
    clock: SharedClock,
}

/// An answer that comes in pieces.
pub(super) struct Body {
    response: reqwest::Response,
    idle: Duration,
    left: usize,
}

/// True for an address of this machine.
fn is_local(root: &str) -> bool {
    ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].iter().any(|start| root.starts_with(start))
}

impl Http {
    /// A client of the API at `root`.
    ///
    /// # Errors
    /// When the TLS library cannot be set up, or the address is none.
    pub(super) fn new(root: &str, patience: Patience, clock: SharedClock) -> Result<Self, ModelError> {
        let root = root.trim_end_matches('/').to_owned();
        let unusable = |error: &reqwest::Error| ModelError::NotConfigured(format!("the HTTP client cannot be made: {error}"));
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(20))
            .user_agent(concat!("agent-queue/", env!("CARGO_PKG_VERSION")));
        if is_local(&root) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| unusable(&error))?;
        if let Err(error) = reqwest::Url::parse(&root) {
            return Err(ModelError::NotConfigured(format!("`{root}` is no address: {error}")));
        }
        Ok(Self { root, client, patience, clock })
    }

    /// Posts `body` and gives the answer as soon as it begins.
    ///
    /// # Errors
    /// As the provider refuses, or [`ModelError::Unreachable`].
    pub(super) async fn post(&self, path: &str, headers: HeaderMap, body: &Value) -> Result<Body, ModelError> {
        let sent = self.client.post(format!("{}{path}", self.root)).headers(headers).json(body).send();
        let late = |_| Err(ModelError::Unreachable(format!("no answer within {} s", self.patience.first.as_secs())));
        let answered =
            tokio::time::timeout(self.patience.first, sent).await.map_or_else(late, |sent| sent.map_err(|error| unreachable(&error)))?;
        if answered.status().is_success() {
            return Ok(Body { response: answered, idle: self.patience.idle, left: LONGEST_ANSWER });
        }
        let (status, wait) = (answered.status(), self.wait(answered.headers()));
        let mut body = Body { response: answered, idle: Duration::from_secs(10), left: LONGEST_REFUSAL };
        let mut bytes = Vec::new();
        // Whatever was read of the reason is good enough.
        while let Ok(Some(chunk)) = body.chunk().await {
            bytes.extend_from_slice(&chunk);
        }
        Err(refusal(status, wait, &words(&bytes)))
    }

    /// Gets a small JSON document within `limit`.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn get(&self, path: &str, limit: Duration) -> Result<Value, ModelError> {
        let read = async {
            let answered = self.client.get(format!("{}{path}", self.root)).send().await.map_err(|error| unreachable(&error))?;
            if !answered.status().is_success() {
                return Err(refusal(answered.status(), None, ""));
            }
            let mut body = Body { response: answered, idle: limit, left: 1024 * 1024 };
            let mut bytes = Vec::new();
            while let Some(chunk) = body.chunk().await? {
                bytes.extend_from_slice(&chunk);
            }
            serde_json::from_slice(&bytes).map_err(|error| ModelError::Malformed(error.to_string()))
        };
        tokio::time::timeout(limit, read).await.unwrap_or_else(|_| Err(ModelError::Unreachable("no answer in time".to_owned())))
    }

    /// How long the provider wants to be left alone, in milliseconds: seconds, or a date.
    fn wait(&self, headers: &HeaderMap) -> Option<u64> {
        let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = match text.parse::<u64>() {
            Ok(seconds) => seconds.saturating_mul(1000),
            Err(_) => {
                let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond();
                u64::try_from(at.saturating_sub(self.clock.now().as_millis())).unwrap_or(0)
            }
        };
        Some(wait.min(LONGEST_WAIT_MS))
    }
}

impl Body {
    /// The next piece; `None` behind the last.
    ///
    /// # Errors
    /// [`ModelError::Cut`] when it breaks off or stops, [`ModelError::Malformed`] when it is too long.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, ModelError> {
        let silent = || ModelError::Cut(format!("nothing came for {} s", self.idle.as_secs()));
        let chunk = tokio::time::timeout(self.idle, self.response.chunk()).await.map_err(|_| silent())?;
        let chunk = chunk.map_err(|error| ModelError::Cut(cause(&error)))?;
        if let Some(chunk) = &chunk {
            self.left = self.left.checked_sub(chunk.len()).ok_or_else(|| ModelError::Malformed("it is longer than 16 MiB".to_owned()))?;
        }
        Ok(chunk)
    }
}

fn unreachable(error: &reqwest::Error) -> ModelError {
    ModelError::Unreachable(cause(error))
}

/// The innermost cause: the outer ones only say that a request failed, and name the address.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// What a provider says in the body of a refusal: the message of any of their forms, else the beginning of the text.
fn words(bytes: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(bytes) {
        Ok(body) => {
            let told = ["/error/message", "/error", "/message"].iter().find_map(|at| body.pointer(at).and_then(Value::as_str));
            told.map_or_else(|| body.to_string(), str::to_owned)
        }
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    };
    short(&text)
}

/// A provider's words as they may be repeated: one line, not long.
pub(super) fn short(text: &str) -> String {
    let one_line: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(LONGEST_WORDS).collect();
    one_line.trim().to_owned()
}

/// What a status means.
fn refusal(status: StatusCode, retry_after_ms: Option<u64>, words: &str) -> ModelError {
    let told = if words.is_empty() { format!("status {}", status.as_u16()) } else { format!("{words} (status {})", status.as_u16()) };
    match status.as_u16() {
        401 | 403 => ModelError::Auth(told),
        429 => ModelError::Limited { retry_after_ms, message: told },
        408 | 425 => ModelError::Unreachable(told),
        500.. => match retry_after_ms {
            Some(_) => ModelError::Limited { retry_after_ms, message: told },
            None => ModelError::Overloaded(told),
        },
        300..=399 => ModelError::Rejected(format!("it answers with a redirect, which is not followed; check base_url ({told})")),
        _ => ModelError::Rejected(told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// chat_models R4: what each status means.
    #[test]
    fn statuses_have_meanings() {
        let of = |status: u16, wait| refusal(StatusCode::from_u16(status).unwrap(), wait, "no");
        assert!(matches!(of(401, None), ModelError::Auth(_)) && matches!(of(403, None), ModelError::Auth(_)));
        assert_eq!(of(429, Some(7000)).to_string(), "the provider's limit is reached, free again in 7 s: no (status 429)");
        assert!(matches!(of(529, None), ModelError::Overloaded(_)) && matches!(of(503, Some(1)), ModelError::Limited { .. }));
        assert!(matches!(of(400, None), ModelError::Rejected(_)) && matches!(of(302, None), ModelError::Rejected(_)));
    }

    /// chat_models R4: the provider's own words are found in each of their forms, and bounded.
    #[test]
    fn words_are_found() {
        assert_eq!(words(br#"{"type":"error","error":{"type":"x","message":"too\nlong"}}"#), "too long");
        assert_eq!(words(br#"{"error":"model not found"}"#), "model not found");
        assert_eq!(words(b"<html>"), "<html>");
        assert_eq!(words("ä".repeat(1000).as_bytes()).chars().count(), LONGEST_WORDS);
    }
}
