//! A server of the transport with a small service behind it, and clients for it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aq_core::principal::{Principal, ProjectScope, Role};
use aq_proto::client::{ApiKey, Connection, Endpoint, Options};
use aq_proto::v1::run_service_server::{RunService, RunServiceServer};
use aq_proto::v1::stream_run_output_response::Event;
use aq_proto::v1::{
    GetRunRequest, Heartbeat, ListRunsRequest, ListRunsResponse, OutputItem, Run, StreamRunOutputRequest, StreamRunOutputResponse,
};
use futures_util::Stream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::grpc::stream::{Batch, CursorSource, StreamSettings, follow};
use crate::grpc::{
    Gate, GrpcOptions, Health, KeyStore, KeyStoreUnavailable, MAX_DECODED_BYTES, Permissions, ServeError, bind, principal_of, serve,
};

pub(super) const GET_RUN: &str = "/agentqueue.v1.RunService/GetRun";
pub(super) const STREAM: &str = "/agentqueue.v1.RunService/StreamRunOutput";

/// The task whose run is an answer of three megabytes.
pub(super) const LARGE: &str = "large";

const SECRET: &str = "0123456789abcdefABCDEFGH";

/// Keys by their public part; a test takes them away or breaks the store.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) known: Mutex<BTreeMap<String, Principal>>,
    pub(super) broken: Mutex<bool>,
    pub(super) taken_back: watch::Sender<u64>,
}

#[tonic::async_trait]
impl KeyStore for Keys {
    async fn verify(&self, kid: &str, secret: &str) -> Result<Option<Principal>, KeyStoreUnavailable> {
        if *self.broken.lock().unwrap() {
            return Err(KeyStoreUnavailable("no store".to_owned()));
        }
        Ok(self.known.lock().unwrap().get(kid).filter(|_| secret == SECRET).cloned())
    }

    fn taken_back(&self) -> Option<watch::Receiver<u64>> {
        Some(self.taken_back.subscribe())
    }
}

pub(super) fn key(kid: &str) -> ApiKey {
    format!("aq_{kid}_{SECRET}").parse().unwrap()
}

/// The service behind the transport. What it does depends on the task that is asked for.
#[derive(Clone)]
pub(super) struct Runs {
    pub(super) shutdown: CancellationToken,
    /// Lets calls for the task `wait` go on.
    pub(super) go: Arc<Notify>,
    /// Told when a call for `wait` has begun.
    pub(super) begun: Arc<Notify>,
    /// The number of items that there are.
    pub(super) items: watch::Sender<u64>,
}

#[tonic::async_trait]
impl RunService for Runs {
    async fn get_run(&self, request: Request<GetRunRequest>) -> Result<Response<Run>, Status> {
        let actor = principal_of(&request)?.actor();
        match request.into_inner().task_id.as_str() {
            "panic" => panic!("the test asked for it"),
            "never" => std::future::pending().await,
            "wait" => {
                self.begun.notify_one();
                self.go.notified().await;
            }
            LARGE => return Ok(Response::new(Run { agent_id: "x".repeat(3 << 20), ..Run::default() })),
            _ => {}
        }
        Ok(Response::new(Run { agent_id: actor, ..Run::default() }))
    }

    async fn list_runs(&self, _: Request<ListRunsRequest>) -> Result<Response<ListRunsResponse>, Status> {
        Ok(Response::new(ListRunsResponse::default()))
    }

    type StreamRunOutputStream = Pin<Box<dyn Stream<Item = Result<StreamRunOutputResponse, Status>> + Send>>;

    async fn stream_run_output(&self, request: Request<StreamRunOutputRequest>) -> Result<Response<Self::StreamRunOutputStream>, Status> {
        if request.get_ref().task_id == "deaf" {
            // A stream that does not end by itself.
            return Ok(Response::new(Box::pin(futures_util::stream::pending())));
        }
        let after = request.into_inner().after_seq;
        let source = Numbers { cursor: after, items: self.items.subscribe() };
        let settings = StreamSettings { after, ..StreamSettings::default() };
        Ok(Response::new(Box::pin(follow(source, settings, self.shutdown.clone()))))
    }
}

/// Items up to the number in a watch, which is the last one when it is odd.
pub(super) struct Numbers {
    pub(super) cursor: u64,
    pub(super) items: watch::Receiver<u64>,
}

pub(super) fn item(seq: u64) -> StreamRunOutputResponse {
    StreamRunOutputResponse { run_number: 1, event: Some(Event::Item(OutputItem { seq, ..OutputItem::default() })) }
}

impl CursorSource for Numbers {
    type Message = StreamRunOutputResponse;

    async fn ready(&mut self) -> Result<Batch<Self::Message>, Status> {
        let last = *self.items.borrow_and_update();
        let to = last.min(self.cursor + 10);
        let messages = (self.cursor + 1..=to).map(item).collect();
        self.cursor = self.cursor.max(to);
        Ok(if to == last && last % 2 == 1 { Batch::End(messages) } else { Batch::Messages(messages) })
    }

    async fn changed(&mut self) {
        if self.items.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    fn heartbeat(&self) -> Self::Message {
        StreamRunOutputResponse { run_number: 1, event: Some(Event::Heartbeat(Heartbeat { last_seq: self.cursor, time: None })) }
    }

    fn seq(message: &Self::Message) -> Option<u64> {
        match &message.event {
            Some(Event::Item(item)) => Some(item.seq),
            _ => None,
        }
    }
}

/// A running server.
pub(super) struct Fixture {
    pub(super) home: tempfile::TempDir,
    pub(super) keys: Arc<Keys>,
    pub(super) runs: Runs,
    pub(super) health: Health,
    pub(super) shutdown: CancellationToken,
    pub(super) endpoint: Endpoint,
    pub(super) tcp: Option<SocketAddr>,
    pub(super) served: JoinHandle<Result<(), ServeError>>,
}

fn principal(kid: &str, role: Role) -> Principal {
    Principal { key_id: kid.to_owned(), key_name: String::new(), role, projects: ProjectScope::All, on_behalf_of: None, run: None }
}

impl Fixture {
    /// A server on a Unix socket; `change` adjusts the options.
    pub(super) async fn start(change: impl FnOnce(&mut GrpcOptions)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut options = GrpcOptions { unix_socket: Some(home.path().join("aqd.sock")), ..GrpcOptions::default() };
        options.drain = Duration::from_secs(5);
        change(&mut options);
        let keys = Arc::new(Keys::default());
        for (kid, role) in [("admin", Role::Admin), ("viewer", Role::Viewer), ("gate", Role::Gateway)] {
            keys.known.lock().unwrap().insert(kid.to_owned(), principal(kid, role));
        }
        let roles = [Role::Admin, Role::Viewer, Role::Gateway];
        let permissions = Permissions::new().allow(GET_RUN, &roles).allow(STREAM, &roles);
        let shutdown = CancellationToken::new();
        let runs = Runs { shutdown: shutdown.clone(), go: Arc::default(), begun: Arc::default(), items: watch::Sender::new(0) };
        let service = RunServiceServer::new(runs.clone()).max_decoding_message_size(MAX_DECODED_BYTES);
        let listeners = bind(&options).await.unwrap();
        let endpoint = listeners.endpoint().unwrap().parse().unwrap();
        let tcp = listeners.tcp_address();
        let health = Health::starting().await;
        let gate = Gate { keys: keys.clone(), permissions, calls: None, witness: None };
        let served = tokio::spawn({
            let (health, shutdown) = (health.clone(), shutdown.clone());
            async move { serve(listeners, &options, gate, Routes::new(service), health, shutdown).await }
        });
        Self { home, keys, runs, health, shutdown, endpoint, tcp, served }
    }

    /// A client with the key `kid`; `None`: without a key.
    pub(super) async fn client(&self, kid: Option<&str>) -> Connection {
        Connection::connect(&Options::new(self.endpoint.clone(), kid.map(key))).await.unwrap()
    }

    /// Makes items up to `last`.
    pub(super) fn items(&self, last: u64) {
        self.runs.items.send_replace(last);
    }
}

pub(super) fn run_of(task_id: &str) -> GetRunRequest {
    GetRunRequest { task_id: task_id.to_owned(), run_number: 0 }
}

pub(super) fn output_of(task_id: &str) -> StreamRunOutputRequest {
    StreamRunOutputRequest { task_id: task_id.to_owned(), follow: true, ..StreamRunOutputRequest::default() }
}
