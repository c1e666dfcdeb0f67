//! Serving assistants over HTTP: the path, the key, and the bounds.

use std::time::Duration;

use aq_core::principal::Principal;
use aq_proto::client::ApiKey;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use super::listener::Listener;
use crate::api::KeyRing;
use crate::loopback::{self, Answer, Bounds};

/// The one path.
const PATH: &str = "/mcp";
/// Most connections at once.
const CONNECTIONS: usize = 64;

impl Listener {
    /// Serves assistants until `shutdown`; then connections finish what they are at, and are cut after `drain`. MCP R6 to R8.
    pub async fn serve(self, desk: Desk, keys: KeyRing, drain: Duration, shutdown: CancellationToken) {
        let bounds = Bounds { name: "assistants", connections: CONNECTIONS, drain };
        loopback::serve(self.0, bounds, shutdown, move |request| {
            let (desk, keys) = (desk.clone(), keys.clone());
            async move { answer(&desk, &keys, request).await }
        })
        .await;
    }
}

/// What the header of a request says about who asks.
async fn caller(keys: &KeyRing, headers: &HeaderMap) -> Result<Principal, (StatusCode, &'static str)> {
    let text = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some((scheme, key)) = text.and_then(|text| text.split_once(' ')) else {
        return Err((StatusCode::UNAUTHORIZED, "an API key is needed: send `authorization: Bearer aq_<kid>_<secret>`"));
    };
    let key: Option<ApiKey> = if scheme.eq_ignore_ascii_case("bearer") { key.trim().parse().ok() } else { None };
    let known = match &key {
        Some(key) => keys.verify(key.kid(), key.secret()).await.map_err(|error| {
            tracing::error!(%error, "keys cannot be checked");
            (StatusCode::SERVICE_UNAVAILABLE, "API keys cannot be checked at the moment; try again")
        })?,
        None => None,
    };
    known.ok_or_else(|| {
        tracing::warn!("a wrong API key of an assistant");
        (StatusCode::UNAUTHORIZED, "the API key is not known, has expired, or was revoked")
    })
}

async fn answer<B>(desk: &Desk, keys: &KeyRing, request: Request<B>) -> Answer
where
    B: BodyExt<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    if request.uri().path() != PATH {
        return refused(StatusCode::NOT_FOUND, "there is nothing here; MCP is at /mcp");
    }
    match caller(keys, request.headers()).await {
        Ok(principal) => desk.answer(request, principal).await,
        Err((status, sentence)) => refused(status, sentence),
    }
}

fn refused(status: StatusCode, sentence: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(sentence.as_bytes())).boxed());
    *answer.status_mut() = status;
    if status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
    }
    answer
}
