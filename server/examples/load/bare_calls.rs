//! The bare side of a call: the same messages over the same transport, answered at once, without any layer, rule or row.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use aq_proto::v1 as pb;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::body::Body;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::server::{NamedService, UnaryService};
use tonic::transport::{Channel, Endpoint, Server, Uri};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

#[derive(Clone)]
struct Answers;

impl UnaryService<pb::CreateTaskRequest> for Answers {
    type Response = pb::Task;
    type Future = std::future::Ready<Result<Response<pb::Task>, Status>>;

    fn call(&mut self, request: Request<pb::CreateTaskRequest>) -> Self::Future {
        let asked = request.into_inner();
        let task = pb::Task { id: "prime-cascade".to_owned(), title: asked.title, description: asked.description, ..Default::default() };
        std::future::ready(Ok(Response::new(task)))
    }
}

impl NamedService for Answers {
    const NAME: &'static str = "bare.Calls";
}

impl tower::Service<http::Request<Body>> for Answers {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<pb::Task, pb::CreateTaskRequest>::default());
            Ok(grpc.unary(Self, request).await)
        })
    }
}

/// The bare server; ends with the runtime it runs on, or when it is aborted.
pub(crate) struct BareCalls {
    socket: PathBuf,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for BareCalls {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl BareCalls {
    /// Serves on a socket in `folder`.
    pub(crate) fn serve(folder: &Path) -> Result<Self, String> {
        let socket = folder.join("bare.sock");
        let listener = UnixListener::bind(&socket).map_err(|error| error.to_string())?;
        let serving = tokio::spawn(async move {
            let served = Server::builder().add_service(Answers).serve_with_incoming(UnixListenerStream::new(listener)).await;
            drop(served);
        });
        Ok(Self { socket, serving })
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Result<Caller, String> {
        let socket = self.socket.clone();
        let connector = tower::service_fn(move |_: Uri| {
            let socket = socket.clone();
            async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
        });
        let channel = Endpoint::from_static("http://bare").connect_with_connector(connector).await;
        channel.map(|channel| Caller(tonic::client::Grpc::new(channel))).map_err(|error| error.to_string())
    }
}

/// A client of the bare server.
#[derive(Clone)]
pub(crate) struct Caller(tonic::client::Grpc<Channel>);

impl Caller {
    /// One call.
    pub(crate) async fn call(&mut self, request: pb::CreateTaskRequest) -> Result<pb::Task, String> {
        self.0.ready().await.map_err(|error| error.to_string())?;
        let codec = ProstCodec::<pb::CreateTaskRequest, pb::Task>::default();
        let path = PathAndQuery::from_static("/bare.Calls/Create");
        let answer = self.0.unary(Request::new(request), path, codec).await;
        answer.map(Response::into_inner).map_err(|status| status.to_string())
    }
}
