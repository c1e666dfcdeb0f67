//! Serving the figures over HTTP: one path, this machine only.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::meters::Meters;
use super::state::Sources;
use crate::loopback::{self, Answer, Bounds, Listener};

/// The one path.
const PATH: &str = "/metrics";
/// The format of the text (OpenMetrics 1.0.0).
const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// What bounds the listener.
const BOUNDS: Bounds = Bounds { name: "metrics", connections: 8, drain: Duration::from_secs(2) };

/// Answers readings until `stop` (metrics R1).
pub async fn serve(listener: Listener, meters: Arc<Meters>, sources: Sources, stop: CancellationToken) {
    // One reading at a time: what is measured is set before it is told.
    let turn = Arc::new(Mutex::new(()));
    loopback::serve(listener, BOUNDS, stop, move |request| {
        let (meters, sources, turn) = (Arc::clone(&meters), sources.clone(), Arc::clone(&turn));
        async move {
            if let Err((status, sentence)) = allowed(&request) {
                return plain(status, sentence);
            }
            let _turn = turn.lock().await;
            if let Err(error) = sources.measure(&meters).await {
                tracing::warn!(%error, "the figures cannot be read");
                return plain(StatusCode::SERVICE_UNAVAILABLE, "the figures cannot be read at the moment; try again");
            }
            match meters.text() {
                Ok(text) => with(text.into(), StatusCode::OK, FORMAT),
                Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the figures cannot be written as text"),
            }
        }
    })
    .await;
}

fn allowed<B>(request: &Request<B>) -> Result<(), (StatusCode, &'static str)> {
    if !loopback::is_local(request.headers()) {
        return Err((StatusCode::FORBIDDEN, "the request names a foreign host; ask for localhost"));
    }
    if request.uri().path() != PATH {
        return Err((StatusCode::NOT_FOUND, "there is nothing here; the figures are at /metrics"));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "the figures are read with GET"));
    }
    Ok(())
}

fn plain(status: StatusCode, sentence: &'static str) -> Answer {
    with(Bytes::from_static(sentence.as_bytes()), status, "text/plain; charset=utf-8")
}

fn with(body: Bytes, status: StatusCode, format: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(body).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format));
    answer
}
