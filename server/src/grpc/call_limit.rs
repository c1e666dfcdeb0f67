//! Calls that answer once: how many of them somebody may have open, from the beginning until the answer has been taken.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aq_core::principal::Principal;
use aq_proto::methods::is_server_streaming;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

use super::io::Peer;
use super::line::{Line, Untaken};
use super::middleware::{Middleware, Next};
use super::refusal;
use super::shares::{Held, Shares};
use super::stream_limit::FOREIGN_STREAMS;

/// Largest piece of an answer that is handed on, in bytes: the largest frame. What has been handed on counts as taken, and a whole answer would be handed
/// on to a peer that takes one byte of it.
const PIECE: usize = 16 * 1024;

/// gRPC R8, R16, R17.
pub(super) struct CallLimit {
    principals: Shares,
    strangers: Shares,
}

impl CallLimit {
    pub(super) fn new(calls_per_principal: usize) -> Self {
        Self { principals: Shares::new(calls_per_principal), strangers: Shares::new((calls_per_principal / 4).max(1)) }
    }
}

/// An answer on its way, in pieces. It is open as long as it lives.
struct Answer {
    inner: Body,
    /// The rest of a frame.
    rest: Bytes,
    _held: Held,
    _untaken: Option<Untaken>,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.rest.is_empty() {
            match std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
        let most = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(most)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // How long the answer is, only before its first piece has gone; nobody asks later.
        if self.rest.is_empty() { self.inner.size_hint() } else { SizeHint::default() }
    }
}

#[tonic::async_trait]
impl Middleware for CallLimit {
    async fn handle(&self, request: Request<Body>, next: Next<'_>) -> Response<Body> {
        let path = request.uri().path();
        if is_server_streaming(path) || FOREIGN_STREAMS.contains(&path) {
            return next.run(request).await;
        }
        let extensions = request.extensions();
        let (shares, owner) = match (extensions.get::<Principal>(), extensions.get::<Peer>()) {
            (Some(principal), _) => (&self.principals, principal.key_id.clone()),
            (None, Some(peer)) => (&self.strangers, peer.group()),
            (None, None) => (&self.strangers, "unknown".to_owned()),
        };
        let Some(held) = shares.enter(owner) else {
            return refusal::respond(refusal::too_many_calls(shares.most()));
        };
        let line = extensions.get::<Arc<Line>>().cloned();
        let response = next.run(request).await;
        let untaken = line.as_ref().map(Line::answered);
        response.map(|inner| Body::new(Answer { inner, rest: Bytes::new(), _held: held, _untaken: untaken }))
    }
}
