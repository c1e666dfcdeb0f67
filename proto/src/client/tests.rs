//! The client against a small server of this process, over a Unix socket and loopback TCP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

use super::*;
use crate::resume::{ResumeOptions, stream_run_output};
use crate::v1::run_service_server::{RunService, RunServiceServer};
use crate::v1::stream_run_output_response::{Event, StreamEnd};
use crate::v1::{GetRunRequest, ListRunsRequest, ListRunsResponse, OutputItem, Run, StreamRunOutputRequest, StreamRunOutputResponse};

/// Remembers what came with each call. `GetRun` for the task `never` never answers.
#[derive(Clone, Default)]
struct Fake {
    seen: Arc<Mutex<Vec<MetadataMap>>>,
}

type OutputStream = BoxStream<'static, Result<StreamRunOutputResponse, Status>>;

#[tonic::async_trait]
impl RunService for Fake {
    async fn get_run(&self, request: Request<GetRunRequest>) -> Result<Response<Run>, Status> {
        self.seen.lock().unwrap().push(request.metadata().clone());
        let task_id = request.into_inner().task_id;
        if task_id == "never" {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(Run { task_id, ..Run::default() }))
    }

    async fn list_runs(&self, _: Request<ListRunsRequest>) -> Result<Response<ListRunsResponse>, Status> {
        Err(Status::unimplemented("not played"))
    }

    type StreamRunOutputStream = OutputStream;

    /// Two items a call, the first of them old, then a break; the end after item 5.
    async fn stream_run_output(&self, request: Request<StreamRunOutputRequest>) -> Result<Response<OutputStream>, Status> {
        self.seen.lock().unwrap().push(request.metadata().clone());
        let after = request.into_inner().after_seq;
        let item =
            |seq| Ok(StreamRunOutputResponse { run_number: 1, event: Some(Event::Item(OutputItem { seq, ..OutputItem::default() })) });
        let messages = if after >= 5 {
            vec![Ok(StreamRunOutputResponse { run_number: 1, event: Some(Event::End(StreamEnd::default())) })]
        } else {
            vec![item(after.max(1)), item(after + 1), Err(Status::unavailable("broken"))]
        };
        Ok(Response::new(stream::iter(messages).boxed()))
    }
}

fn key() -> ApiKey {
    "aq_k1_0123456789abcdefABCDEFGH".parse().unwrap()
}

async fn over_unix(fake: &Fake) -> (tempfile::TempDir, Connection) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("aqd.sock");
    let incoming = UnixListenerStream::new(UnixListener::bind(&path).unwrap());
    tokio::spawn(Server::builder().add_service(RunServiceServer::new(fake.clone())).serve_with_incoming(incoming));
    let mut options = Options::new(Endpoint::Unix(path), Some(key()));
    options.on_behalf_of = Some("discord:1".to_owned());
    let connection = Connection::connect(&options).await.unwrap();
    (home, connection)
}

fn text(metadata: &MetadataMap, name: &str) -> Option<String> {
    metadata.get(name).map(|value| value.to_str().unwrap().to_owned())
}

/// Client R5, R6: the key, the person and a deadline travel with a call that answers once; a stream has no deadline.
#[tokio::test]
async fn calls_carry_key_person_and_deadline() {
    let fake = Fake::default();
    let (_home, connection) = over_unix(&fake).await;
    let run = connection.runs().get_run(GetRunRequest { task_id: "a".to_owned(), run_number: 0 }).await.unwrap().into_inner();
    assert_eq!(run.task_id, "a");
    let other = connection.on_behalf_of("discord:2").unwrap();
    other.runs().stream_run_output(StreamRunOutputRequest::default()).await.unwrap();
    let seen = fake.seen.lock().unwrap().clone();
    let (unary, stream) = (seen.first().unwrap(), seen.get(1).unwrap());
    assert_eq!(text(unary, "authorization").as_deref(), Some("Bearer aq_k1_0123456789abcdefABCDEFGH"));
    assert_eq!(text(unary, "x-aq-on-behalf-of").as_deref(), Some("discord:1"));
    assert_eq!(text(unary, "grpc-timeout").as_deref(), Some("30000m"));
    assert_eq!(text(stream, "x-aq-on-behalf-of").as_deref(), Some("discord:2"));
    assert_eq!(text(stream, "grpc-timeout"), None);
}

/// Client R6: a server that does not answer ends in DEADLINE_EXCEEDED, not in a cancellation.
#[tokio::test]
async fn a_deadline_is_called_a_deadline() {
    let fake = Fake::default();
    let (_home, connection) = over_unix(&fake).await;
    let mut request = Request::new(GetRunRequest { task_id: "never".to_owned(), run_number: 0 });
    request.set_timeout(Duration::from_millis(20));
    let status = connection.runs().get_run(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
}

/// Client R1, R7: nothing there is told at once, with the endpoint.
#[tokio::test]
async fn an_absent_server_is_named() {
    let home = tempfile::tempdir().unwrap();
    let options = Options::new(Endpoint::Unix(home.path().join("none.sock")), None);
    let error = Connection::connect(&options).await.unwrap_err();
    assert!(error.to_string().contains("none.sock"), "{error}");
    let status = Connection::connect_lazy(&options).unwrap().runs().get_run(GetRunRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("none.sock"), "{status:?}");
}

/// Client R3: a key never leaves the machine in the clear, and TLS needs a certificate.
#[tokio::test]
async fn plaintext_beyond_this_machine_is_refused() {
    let options = Options::new("http://192.0.2.1:7717".parse().unwrap(), Some(key()));
    assert!(matches!(Connection::connect(&options).await, Err(ConnectError::Plaintext(_))));
    let options = Options::new("https://192.0.2.1:7717".parse().unwrap(), Some(key()));
    assert!(matches!(Connection::connect(&options).await, Err(ConnectError::NoCertificate(_))));
}

/// F-235, resume R1: over a real connection, items come once and in order although every call breaks.
#[tokio::test]
async fn a_stream_resumes_over_a_real_connection() {
    let fake = Fake::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tokio::spawn(Server::builder().add_service(RunServiceServer::new(fake.clone())).serve_with_incoming(incoming));
    let endpoint = format!("http://127.0.0.1:{port}").parse().unwrap();
    let connection = Connection::connect(&Options::new(endpoint, Some(key()))).await.unwrap();
    let mut options = ResumeOptions::default();
    options.backoff.first = Duration::from_millis(1);
    let request = StreamRunOutputRequest { task_id: "a".to_owned(), run_number: 1, follow: true, ..StreamRunOutputRequest::default() };
    let mut stream = stream_run_output(connection.runs(), request, options);
    let mut seqs = Vec::new();
    let mut ended = false;
    while let Some(message) = stream.next().await {
        match message.unwrap().event {
            Some(Event::Item(item)) => seqs.push(item.seq),
            Some(Event::End(_)) => ended = true,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
    assert!(ended);
}
