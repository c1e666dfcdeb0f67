//! Connections of a listener: bounded in number and in patience, and finished before the server ends.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::listener::Listener;

/// Longest time for the head of a request.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a failure to accept is waited out: it is mostly a lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// What is answered.
pub type Answer = Response<BoxBody<Bytes, Infallible>>;

/// What bounds a listener.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Whose listener it is, for the log: `assistants`.
    pub name: &'static str,
    /// Most connections at once; more wait.
    pub connections: usize,
    /// How long connections may take to finish when the server ends.
    pub drain: Duration,
}

/// Answers requests by `answer` until `shutdown`; then connections finish what they are at, and are cut after the drain (loopback R2).
pub async fn serve<F, A>(listener: Listener, bounds: Bounds, shutdown: CancellationToken, answer: F)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(bounds.connections));
    let open = TaskTracker::new();
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.socket.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(bounds.name, stream, answer.clone(), shutdown.clone());
                open.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(of = bounds.name, %error, "a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    open.close();
    if tokio::time::timeout(bounds.drain, open.wait()).await.is_err() {
        tracing::warn!(of = bounds.name, "connections did not finish in time; they are cut");
    }
}

async fn connection<F, A>(name: &'static str, stream: TcpStream, answer: F, shutdown: CancellationToken)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let service = tower::service_fn(move |request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(SILENCE);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(of = name, %error, "a connection ended oddly");
    }
}
