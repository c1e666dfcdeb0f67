//! Reflection: the contract's own description, in both versions of its protocol. Who may ask is not decided here.

use std::task::{Context, Poll};

use http::{Request, Uri};
use tonic::server::NamedService;
use tonic_reflection::server::Builder;
use tower::Service;

/// The call of each version.
pub(super) const CALLS: [&str; 2] =
    ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"];

/// The older version. Its messages are those of the newer one, byte for byte, so it is answered by the newer one: a service of its own would keep the
/// descriptions a second time.
#[derive(Clone, Debug)]
pub(super) struct Older<S>(pub(super) S);

impl<S> NamedService for Older<S> {
    const NAME: &'static str = "grpc.reflection.v1alpha.ServerReflection";
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Older<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let [newer, older] = CALLS;
        if request.uri().path() == older {
            *request.uri_mut() = Uri::from_static(newer);
        }
        self.0.call(request)
    }
}

/// What describes our services and health.
pub(super) fn builder() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(aq_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
