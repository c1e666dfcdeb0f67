//! Turns calls away when too many are being worked on, instead of letting all of them become slow.

use std::sync::Arc;

use http::{Request, Response};
use tokio::sync::Semaphore;
use tonic::body::Body;

use super::auth::OPEN;
use super::middleware::{Middleware, Next};
use super::refusal;

/// gRPC R7. An open stream is not counted here once it has begun; its principal's share of streams limits it. Calls that need no key have a small room of
/// their own, so that strangers never take the places of those who have one.
#[derive(Debug)]
pub(super) struct Overload {
    room: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
}

impl Overload {
    pub(super) fn new(concurrent_calls: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(concurrent_calls)), strangers: Arc::new(Semaphore::new((concurrent_calls / 8).max(1))) }
    }
}

#[tonic::async_trait]
impl Middleware for Overload {
    async fn handle(&self, request: Request<Body>, next: Next<'_>) -> Response<Body> {
        let room = if request.uri().path().starts_with(OPEN) { &self.strangers } else { &self.room };
        let Ok(_place) = room.try_acquire() else {
            return refusal::respond(refusal::overloaded());
        };
        next.run(request).await
    }
}
