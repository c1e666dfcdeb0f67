//! The outermost station: every call gets an id that is logged and told back, a line in the log, and survives a panic.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Request, Response};
use tokio::time::Instant;
use tonic::body::Body;
use tracing::Instrument as _;

use super::io::{Arrival, Peer};
use super::middleware::{Middleware, Next};
use super::refusal;
use crate::metrics::CallMeters;

const CALL_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a call, for logs; found in the extensions of a request. Taken from the header `x-request-id`, else made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallId(pub String);

/// gRPC R3.
#[derive(Debug)]
pub(super) struct Calls {
    /// Counts calls, when somebody reads the figures.
    pub(super) meters: Option<CallMeters>,
}

fn usable(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    (plain && (1..=64).contains(&text.len())).then(|| text.to_owned())
}

/// The code in words that a response carries in its headers; an ending within a stream is not seen here.
fn code(response: &Response<Body>) -> i32 {
    let value = response.headers().get("grpc-status").and_then(|value| value.to_str().ok());
    value.and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[tonic::async_trait]
impl Middleware for Calls {
    async fn handle(&self, mut request: Request<Body>, next: Next<'_>) -> Response<Body> {
        let id = request.headers().get(CALL_ID).and_then(usable).unwrap_or_else(|| uuid::Uuid::now_v7().simple().to_string());
        if let Some(Arrival { peer, line }) = request.extensions_mut().remove::<Arrival>() {
            line.call();
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(line);
        }
        let peer = request.extensions().get::<Peer>().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let method = request.uri().path().to_owned();
        request.extensions_mut().insert(CallId(id.clone()));
        let span = tracing::info_span!("call", request_id = %id, method = %method, peer = %peer);
        let begin = Instant::now();
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
        let mut response = answer.unwrap_or_else(|_| {
            // The panic hook has written the message and the place; here the caller gets an answer instead of a broken connection.
            span.in_scope(|| tracing::error!("a call panicked"));
            refusal::respond(refusal::internal(&id))
        });
        let code = code(&response);
        let took = begin.elapsed();
        span.in_scope(|| tracing::debug!(code, took_us = took.as_micros(), "call answered"));
        if let Some(meters) = &self.meters {
            meters.answered(&method, &format!("{:?}", tonic::Code::from(code)), took);
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(CALL_ID, value);
        }
        response
    }
}
