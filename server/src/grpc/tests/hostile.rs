//! Peers that hold what they have: silent ones, ones that leave answers, ones that never finish asking. Well-formed frames only; floods are in the suite.

use std::net::SocketAddr;
use std::time::Duration;

use aq_proto::client::{Connection, Options};
use aq_proto::error_detail::{ErrorDetail, reason};
use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use prost::Message as _;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, UnixStream};
use tonic::{Code, Status};

use super::fixture::{Fixture, GET_RUN, LARGE, STREAM, key, run_of};
use crate::grpc::TcpOptions;

const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// Far beyond every limit that a test sets.
const PATIENCE: Duration = Duration::from_secs(20);

/// Half of a message: five bytes of nine.
const HALF: &[u8] = &[0, 0, 0, 0, 4];

/// A connection of frames with windows of some bytes, and a handle that says when it has ended.
async fn caller(server: &Fixture, window: u32) -> (SendRequest<Bytes>, h2::PingPong, tokio::task::JoinHandle<()>) {
    let socket = UnixStream::connect(server.home.path().join("aqd.sock")).await.unwrap();
    let (send, mut connection) = h2::client::Builder::new().initial_window_size(window).handshake(socket).await.unwrap();
    let pings = connection.ping_pong().unwrap();
    let ended = tokio::spawn(async move {
        let _reason = connection.await;
    });
    (send, pings, ended)
}

fn request(path: &str, kid: Option<&str>) -> Request<()> {
    let request = Request::post(format!("http://localhost{path}")).header("te", "trailers").header("content-type", "application/grpc");
    let request = match kid {
        Some(kid) => request.header("authorization", format!("Bearer {}", key(kid).reveal())),
        None => request,
    };
    request.body(()).unwrap()
}

/// Begins a call with some bytes, and leaves it open.
async fn begin(
    send: &SendRequest<Bytes>,
    request: Request<()>,
    bytes: Bytes,
    end: bool,
) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
    let (response, mut stream) = send.clone().ready().await.unwrap().send_request(request, false).unwrap();
    stream.send_data(bytes, end).unwrap();
    (response, stream)
}

fn whole(task: &str) -> Bytes {
    let body = run_of(task).encode_to_vec();
    [&[0, 0, 0, 0, u8::try_from(body.len()).unwrap()][..], &body].concat().into()
}

/// gRPC R16: who says nothing, and who never makes a call, is cut; who has made one stays.
#[tokio::test]
async fn a_connection_without_a_call_is_cut() {
    let server = Fixture::start(|options| options.first_call = Duration::from_secs(2)).await;
    let (send, _pings, mut kept) = caller(&server, 65_535).await;
    let (response, _) = begin(&send, request(GET_RUN, Some("admin")), whole("a"), true).await;
    assert_eq!(response.await.unwrap().status(), 200);
    let (_idle, _pings, idle) = caller(&server, 65_535).await;
    let mut silent = UnixStream::connect(server.home.path().join("aqd.sock")).await.unwrap();
    let mut said = Vec::new();
    let _reset = tokio::time::timeout(PATIENCE, silent.read_to_end(&mut said)).await.expect("it was not cut");
    tokio::time::timeout(PATIENCE, idle).await.expect("it was not cut").unwrap();
    let (response, _) = begin(&send, request(GET_RUN, Some("admin")), whole("a"), true).await;
    assert_eq!(response.await.unwrap().status(), 200);
    assert!(futures_util::poll!(&mut kept).is_pending());
}

/// gRPC R8, R16, R17: an answer into a window of one byte keeps its call open, however large the answer is, and its connection is cut when it is left.
#[tokio::test]
async fn an_answer_that_is_left_counts_and_ends() {
    let server = Fixture::start(|options| {
        options.calls_per_principal = 1;
        options.taking = Duration::from_secs(2);
    })
    .await;
    let (send, mut pings, ended) = caller(&server, 1).await;
    let (response, _) = begin(&send, request(GET_RUN, Some("viewer")), whole(LARGE), true).await;
    let answer = response.await.unwrap();
    let status = server.client(Some("viewer")).await.runs().get_run(run_of("a")).await.unwrap_err();
    assert!(ErrorDetail::is(&status, reason::RATE_LIMITED), "{status:?}");
    server.client(Some("admin")).await.runs().get_run(run_of("a")).await.unwrap();
    // It lives: it pings.
    let living = async { while pings.ping(h2::Ping::opaque()).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, living).await.expect("it was not cut");
    ended.await.unwrap();
    drop(answer);
    let free = async { while server.client(Some("viewer")).await.runs().get_run(run_of("a")).await.is_err() {} };
    tokio::time::timeout(PATIENCE, free).await.expect("the call is still open");
}

/// gRPC R17: a large answer in pieces is the same answer.
#[tokio::test]
async fn a_large_answer_arrives_whole() {
    let server = Fixture::start(|_| {}).await;
    let run = server.client(Some("viewer")).await.runs().get_run(run_of(LARGE)).await.unwrap().into_inner();
    assert_eq!(run.agent_id.len(), 3 << 20);
}

/// gRPC R7, R8: half messages of strangers and of one key take no places of others.
#[tokio::test]
async fn half_messages_hold_up_nobody_else() {
    let server = Fixture::start(|options| {
        options.concurrent_calls = 16;
        options.calls_per_principal = 4;
    })
    .await;
    let (send, _pings, _ended) = caller(&server, 65_535).await;
    let mut open = Vec::new();
    for number in 0..64 {
        let request = if number % 2 == 0 { request(HEALTH, None) } else { request(GET_RUN, Some("viewer")) };
        open.push(begin(&send, request, HALF.into(), false).await);
    }
    let mut turned_away = 0;
    let answers = open.iter_mut().map(|(response, _)| response);
    // Those with a place wait for their other half; each of the others is told at once.
    for response in answers.take(60) {
        if let std::task::Poll::Ready(head) = futures_util::poll!(&mut *response) {
            let status = Status::from_header_map(head.unwrap().headers()).unwrap();
            assert_eq!(status.code(), Code::ResourceExhausted);
            turned_away += 1;
        }
        server.client(Some("admin")).await.runs().get_run(run_of("a")).await.unwrap();
    }
    assert!(turned_away > 40, "{turned_away}");
    let status = server.client(Some("viewer")).await.runs().get_run(run_of("a")).await.unwrap_err();
    assert!(ErrorDetail::is(&status, reason::RATE_LIMITED), "{status:?}");
}

/// gRPC R6: a stream whose request never comes has a deadline too.
#[tokio::test]
async fn a_stream_that_never_begins_ends() {
    let server = Fixture::start(|options| options.deadline = Duration::from_millis(50)).await;
    let (send, _pings, _ended) = caller(&server, 65_535).await;
    let (response, _stream) = begin(&send, request(STREAM, Some("viewer")), HALF.into(), false).await;
    let head = tokio::time::timeout(PATIENCE, response).await.expect("it never ended").unwrap();
    assert_eq!(Status::from_header_map(head.headers()).unwrap().code(), Code::DeadlineExceeded);
}

/// gRPC R2: whoever takes every place of the TCP listener leaves the Unix socket its own.
#[tokio::test]
async fn a_full_listener_leaves_the_other_alone() {
    let server = Fixture::start(|options| {
        options.tcp = Some(TcpOptions { address: "127.0.0.1:0".parse().unwrap(), tls: None });
        options.connections = 8;
    })
    .await;
    let mut held = Vec::new();
    for host in 1..=8 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, host], 0))).unwrap();
        held.push(socket.connect(server.tcp.unwrap()).await.unwrap());
    }
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 9], 0))).unwrap();
    let mut ninth = socket.connect(server.tcp.unwrap()).await.unwrap();
    assert_eq!(ninth.read(&mut [0; 1]).await.unwrap_or(0), 0);
    let unix = Connection::connect(&Options::new(server.endpoint.clone(), Some(key("admin")))).await.unwrap();
    unix.runs().get_run(run_of("a")).await.unwrap();
}
