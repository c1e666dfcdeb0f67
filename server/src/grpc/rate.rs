//! Turns calls away that come faster than a principal may make them (gRPC R8).

use aq_core::principal::Principal;
use http::{Request, Response};
use tokio::time::Instant;
use tonic::body::Body;

use super::middleware::{Middleware, Next};
use super::refusal;
use crate::rates::Rate;

#[tonic::async_trait]

impl Middleware for Rate {
    async fn handle(&self, request: Request<Body>, next: Next<'_>) -> Response<Body> {
        if let Some(principal) = request.extensions().get::<Principal>()
            && let Err(wait) = self.take(&principal.key_id, Instant::now())
        {
            tracing::debug!(key = principal.key_id, "a call was turned away: rate");
            return refusal::respond(refusal::rate_limited(wait));
        }
        next.run(request).await
    }
}
