//! Open streams: how many a principal may have, and what ends them from outside: a key that is no longer valid, and the server's end.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aq_core::principal::Principal;
use aq_proto::methods::is_server_streaming;
use futures_util::StreamExt as _;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, BodyStream, StreamBody};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;

use super::auth::{Credential, KeyStore};
use super::io::Peer;
use super::middleware::{Middleware, Next};
use super::refusal;
use super::shares::{Held, Shares};

/// Streams of other contracts that are served beside ours.
pub(super) const FOREIGN_STREAMS: [&str; 3] = [
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Time that a stream gets to end by itself when the server ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// gRPC R8, R11.
pub(super) struct StreamLimit {
    keys: Arc<dyn KeyStore>,
    shares: Shares,
    recheck: Duration,
    shutdown: CancellationToken,
}

impl StreamLimit {
    pub(super) fn new(keys: Arc<dyn KeyStore>, most: usize, recheck: Duration, shutdown: CancellationToken) -> Self {
        Self { keys, shares: Shares::new(most), recheck, shutdown }
    }

    /// Completes when the stream has to end although it has not, with the reason.
    fn ending(&self, credential: Option<Credential>) -> impl Future<Output = Status> + Send + 'static {
        let (keys, recheck, shutdown) = (Arc::clone(&self.keys), self.recheck, self.shutdown.clone());
        let mut taken_back = keys.taken_back();
        let revoked = async move {
            let Some(Credential(key)) = credential else { return std::future::pending().await };
            loop {
                // The first look is for what was taken back since the call was let in. A store that cannot answer revokes nothing.
                if let Ok(None) = keys.verify(key.kid(), key.secret()).await {
                    return refusal::wrong_key();
                }
                tokio::select! {
                    () = tokio::time::sleep(recheck) => {}
                    () = changed(&mut taken_back) => {}
                }
            }
        };
        let ended = async move {
            shutdown.cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
            refusal::shutting_down()
        };
        async move {
            tokio::select! {
                status = revoked => status,
                status = ended => status,
            }
        }
    }
}

/// Completes when a key was taken back; never, when nobody tells.
async fn changed(taken_back: &mut Option<watch::Receiver<u64>>) {
    let told = match taken_back {
        Some(told) => told.changed().await.is_ok(),
        None => false,
    };
    if !told {
        std::future::pending::<()>().await;
    }
}

/// The body, ended by the status of `ending` when that comes first. `guard` lives as long as the body.
fn until(body: Body, ending: impl Future<Output = Status> + Send + 'static, guard: Held) -> Body {
    let cut: Arc<OnceLock<Status>> = Arc::default();
    let told = Arc::clone(&cut);
    let ending = async move {
        let status = ending.await;
        let _first = told.set(status);
    };
    let frames = BodyStream::new(body).take_until(Box::pin(ending));
    let last = async move {
        let _guard = guard;
        let status = cut.get()?;
        let mut headers = HeaderMap::new();
        status.add_header(&mut headers).ok()?;
        Some(Ok(headers))
    };
    Body::new(StreamBody::new(frames).with_trailers(last))
}

#[tonic::async_trait]
impl Middleware for StreamLimit {
    async fn handle(&self, request: Request<Body>, next: Next<'_>) -> Response<Body> {
        let path = request.uri().path();
        if !is_server_streaming(path) && !FOREIGN_STREAMS.contains(&path) {
            return next.run(request).await;
        }
        let extensions = request.extensions();
        let owner = match (extensions.get::<Principal>(), extensions.get::<Peer>()) {
            (Some(principal), _) => principal.key_id.clone(),
            (None, Some(peer)) => peer.group(),
            (None, None) => "unknown".to_owned(),
        };
        let Some(guard) = self.shares.enter(owner) else {
            return refusal::respond(refusal::too_many_streams(self.shares.most()));
        };
        let ending = self.ending(extensions.get::<Credential>().cloned());
        next.run(request).await.map(|body| until(body, ending, guard))
    }
}
