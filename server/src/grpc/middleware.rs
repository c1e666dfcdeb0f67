//! The way of a call through its stations to the services. Plumbing only: what a station does lives with the station.
//!
//! One layer holds all stations and goes through them by their places, instead of one layer around the other: a call then costs one piece of memory for
//! each station, and no copies of the rest of the way.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::body::Body;
use tonic::service::Routes;
use tower::{Layer, Service, ServiceExt as _};

/// One station that every call passes.
#[tonic::async_trait]
pub(super) trait Middleware: Send + Sync + 'static {
    /// Answers, by letting the call go on to `next` or without.
    async fn handle(&self, request: Request<Body>, next: Next<'_>) -> Response<Body>;
}

/// The rest of the way.
pub(super) struct Next<'a> {
    stations: &'a [Box<dyn Middleware>],
    services: Routes,
}

impl Next<'_> {
    /// Goes on to the next station, or to the services behind the last one.
    pub(super) async fn run(self, request: Request<Body>) -> Response<Body> {
        match self.stations.split_first() {
            Some((station, stations)) => station.handle(request, Next { stations, services: self.services }).await,
            None => match self.services.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
        }
    }
}

/// The layer: all stations, in the order in which a call passes them.
#[derive(Clone)]
pub(super) struct Stations(pub(super) Arc<[Box<dyn Middleware>]>);

impl Layer<Routes> for Stations {
    type Service = Guarded;

    fn layer(&self, services: Routes) -> Guarded {
        Guarded { stations: self.clone(), services }
    }
}

/// The services behind their stations.
#[derive(Clone)]
pub(super) struct Guarded {
    stations: Stations,
    services: Routes,
}

impl Service<Request<Body>> for Guarded {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A service is waited for when it is called, so that each call waits for itself.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { stations, services } = self.clone();
        Box::pin(async move { Ok(Next { stations: &stations.0, services }.run(request).await) })
    }
}
