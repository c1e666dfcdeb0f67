//! Who is told of refused calls: what the audit log knows of them. The station stands behind the key, where it is known who asks, and before the table of
//! permissions, so that it sees every refusal.
//!
//! Which refusals are kept, and how, is not decided here.

use std::sync::Arc;

use aq_core::principal::Principal;
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;

use super::call::CallId;
use super::io::Peer;
use super::middleware::{Middleware, Next};
use crate::api::Api;
use crate::commands::Trail;

/// Is told of every call that a known key makes in vain.
#[tonic::async_trait]
pub trait Witness: Send + Sync + 'static {
    /// `principal` was refused the call at `path`. The answer leaves afterwards.
    async fn refused(&self, principal: &Principal, path: &str, trail: &Trail, status: &Status);
}

#[tonic::async_trait]
impl Witness for Api {
    async fn refused(&self, principal: &Principal, path: &str, trail: &Trail, status: &Status) {
        self.note_refusal(principal, path, trail, status).await;
    }
}

/// The way that a call came.
pub(super) fn trail_of(request: &Request<Body>) -> Arc<Trail> {
    let call = request.extensions().get::<CallId>().map(|id| id.0.clone()).unwrap_or_default();
    let origin = request.extensions().get::<Peer>().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    Arc::new(Trail::new(call, origin))
}

/// gRPC R14: gives every call its trail, and tells of those that were refused.
pub(super) struct Refusals(pub(super) Option<Arc<dyn Witness>>);

#[tonic::async_trait]
impl Middleware for Refusals {
    async fn handle(&self, mut request: Request<Body>, next: Next<'_>) -> Response<Body> {
        let (Some(witness), Some(principal)) = (&self.0, request.extensions().get::<Principal>().cloned()) else {
            return next.run(request).await;
        };
        let (trail, path) = (trail_of(&request), request.uri().path().to_owned());
        request.extensions_mut().insert(Arc::clone(&trail));
        let response = next.run(request).await;
        // An ending within a stream is not seen here; calls that change something answer once.
        if let Some(status) = Status::from_header_map(response.headers())
            && status.code() != tonic::Code::Ok
        {
            witness.refused(&principal, &path, &trail, &status).await;
        }
        response
    }
}
