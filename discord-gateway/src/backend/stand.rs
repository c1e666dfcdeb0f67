//! A server of tests within this process: answers calls by their path, over a socket of its own, so that a paused clock moves both sides.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use aq_proto::client::{Connection, Options};
use aq_proto::v1 as pb;
use futures_util::{StreamExt as _, stream};
use prost::Message;
use prost::bytes::{Buf as _, BufMut as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService};
use tonic::{Code, Status};

use super::Backend;

/// What a call is answered with.
pub(crate) enum Answer {
    /// One message.
    One(Vec<u8>),
    /// Messages as they come.
    Many(mpsc::Receiver<Vec<u8>>),
}

impl Answer {
    /// One message.
    pub(crate) fn of(message: &impl Message) -> Option<Self> {
        Some(Self::One(message.encode_to_vec()))
    }
}

/// Who answers. `path` is that of the call behind the package: `RunService/GetRun`.
pub(crate) trait Answers: Send + Sync + 'static {
    /// The answer; `None`: there is no such call.
    fn answer(&self, path: &str, request: &[u8]) -> Option<Answer>;
}

/// What a durable reader keeps, as the server keeps it.
#[derive(Default)]
pub(crate) struct Records(Mutex<BTreeMap<String, String>>);

impl Records {
    /// Keeps a record.
    pub(crate) fn put(&self, key: String, value: String) {
        self.0.lock().unwrap().insert(key, value);
    }

    /// The answer to a call about records; `None`: the call is about something else.
    pub(crate) fn answer(&self, path: &str, request: &[u8]) -> Option<Answer> {
        let mut records = self.0.lock().unwrap();
        match path {
            "EventService/KeepRecords" => {
                let request = pb::KeepRecordsRequest::decode(request).unwrap();
                request.forgotten_keys.iter().for_each(|key| drop(records.remove(key)));
                records.extend(request.records.into_iter().map(|record| (record.key, record.value)));
                Answer::of(&pb::KeepRecordsResponse::default())
            }
            "EventService/ListRecords" => {
                let prefix = pb::ListRecordsRequest::decode(request).unwrap().key_prefix;
                let found = records.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
                let records = found.map(|(key, value)| pb::ReaderRecord { key: key.clone(), value: value.clone() }).collect();
                Answer::of(&pb::ListRecordsResponse { records, next_page_token: String::new() })
            }
            _ => None,
        }
    }
}

/// One service of the server.
#[derive(Clone)]
struct Part<const N: usize>(Arc<dyn Answers>);

macro_rules! names {
    ($($number:literal $name:literal),*) => {
        $(impl NamedService for Part<$number> {
            const NAME: &'static str = concat!("agentqueue.v1.", $name);
        })*
    };
}
names!(0 "RunService", 1 "TaskService", 2 "EventService", 3 "AccountService", 4 "AdminService", 5 "NoteService");

impl<const N: usize> tower::Service<tonic::codegen::http::Request<Body>> for Part<N> {
    type Response = tonic::codegen::http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::codegen::http::Request<Body>) -> Self::Future {
        let answers = Arc::clone(&self.0);
        let path = request.uri().path().trim_start_matches("/agentqueue.v1.").to_owned();
        // A call with one answer looks like a stream of one.
        let answer = tower::service_fn(move |request: tonic::Request<Vec<u8>>| {
            let messages = match answers.answer(&path, request.get_ref()) {
                Some(Answer::One(message)) => Ok(stream::iter([message]).boxed()),
                Some(Answer::Many(messages)) => Ok(ReceiverStream::new(messages).boxed()),
                None => Err(Status::new(Code::Unimplemented, path.clone())),
            };
            std::future::ready(messages.map(|messages| tonic::Response::new(messages.map(Ok::<_, Status>))))
        });
        Box::pin(async move { Ok(Grpc::new(Plain).server_streaming(answer, request).await) })
    }
}

/// Messages as they are.
struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}

/// A way to a server that answers so. The socket lies in `folder`.
pub(crate) fn stand(folder: &std::path::Path, answers: Arc<dyn Answers>) -> Backend {
    let socket = folder.join("stand.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let part = || Arc::clone(&answers);
    let server = tonic::transport::Server::builder()
        .add_service(Part::<0>(part()))
        .add_service(Part::<1>(part()))
        .add_service(Part::<2>(part()))
        .add_service(Part::<3>(part()))
        .add_service(Part::<4>(part()))
        .add_service(Part::<5>(part()));
    tokio::spawn(server.serve_with_incoming(UnixListenerStream::new(listener)));
    let endpoint = format!("unix:{}", socket.display()).parse().unwrap();
    Backend::new(Connection::connect_lazy(&Options::new(endpoint, None)).unwrap())
}
