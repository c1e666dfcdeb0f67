//! The shape of everything a call passes through: one asynchronous function around the rest. Plumbing only.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service, ServiceExt as _};

/// What comes after: the rest of the way, as a call that can be made once.
pub(super) type Next = Box<dyn FnOnce(Request<Body>) -> Answer + Send>;

/// An answer on its way.
pub(super) type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// One station that every call passes.
#[tonic::async_trait]
pub(super) trait Middleware: Send + Sync + 'static {
    /// Answers, by calling `next` or without.
    async fn handle(&self, request: Request<Body>, next: Next) -> Response<Body>;
}

/// Makes a layer of a station.
pub(super) struct With<M>(pub(super) Arc<M>);

impl<M> With<M> {
    pub(super) fn new(middleware: M) -> Self {
        Self(Arc::new(middleware))
    }
}

impl<M> Clone for With<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M, S> Layer<S> for With<M> {
    type Service = Around<M, S>;

    fn layer(&self, inner: S) -> Around<M, S> {
        Around { middleware: Arc::clone(&self.0), inner }
    }
}

/// A station with the rest of the way behind it.
pub(super) struct Around<M, S> {
    middleware: Arc<M>,
    inner: S,
}

impl<M, S: Clone> Clone for Around<M, S> {
    fn clone(&self) -> Self {
        Self { middleware: Arc::clone(&self.middleware), inner: self.inner.clone() }
    }
}

impl<M, S> Service<Request<Body>> for Around<M, S>
where
    M: Middleware,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The inner service is waited for when it is called, so that each call waits for itself.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let middleware = Arc::clone(&self.middleware);
        let inner = self.inner.clone();
        Box::pin(async move {
            let next: Next = Box::new(move |request| {
                Box::pin(async move {
                    match inner.oneshot(request).await {
                        Ok(response) => response,
                        Err(never) => match never {},
                    }
                })
            });
            Ok(middleware.handle(request, next).await)
        })
    }
}
