//! Where the attacks take place: the addresses and keys of a served `aqd`, and well-formed calls with hostile contents.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use tokio::net::{TcpSocket, TcpStream};
use tonic::{Code, Status};

use super::wire::{PATIENCE, Wire};

pub(super) const HEALTH: &str = "/grpc.health.v1.Health/Check";
pub(super) const LIST: &str = "/agentqueue.v1.TaskService/ListTasks";
pub(super) const CREATE: &str = "/agentqueue.v1.TaskService/CreateTask";
pub(super) const OUTPUT: &str = "/agentqueue.v1.RunService/StreamRunOutput";

/// The address of the attackers: 127.0.0.2. Those who behave come from 127.0.0.1.
const ATTACKER: u8 = 2;

/// A server under attack, as an attacker sees it who has an operator's key.
#[derive(Clone)]
pub(super) struct Arena {
    /// The server's process.
    pub(super) pid: u32,
    pub(super) tcp: SocketAddr,
    pub(super) key: String,
    /// A task whose run goes on.
    pub(super) task: String,
}

/// How a call ended.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) http: u16,
    /// From the headers, else from the trailers.
    pub(super) status: Option<Status>,
    pub(super) bytes: usize,
}

impl Answer {
    pub(super) fn code(&self) -> Option<Code> {
        self.status.as_ref().map(Status::code)
    }
}

/// A message of gRPC: a flag, its length, its bytes.
pub(super) fn message(flag: u8, length: usize, body: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(body.len() + 5);
    bytes.put_u8(flag);
    bytes.put_u32(u32::try_from(length).unwrap());
    bytes.put_slice(body);
    bytes.freeze()
}

/// A message as it should be.
pub(super) fn whole(body: &impl prost::Message) -> Bytes {
    let body = body.encode_to_vec();
    message(0, body.len(), &body)
}

impl Arena {
    pub(super) async fn socket(&self) -> TcpStream {
        self.socket_from(ATTACKER).await
    }

    /// A connection from 127.0.0.`host`.
    pub(super) async fn socket_from(&self, host: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, host], 0))).unwrap();
        socket.connect(self.tcp).await.unwrap()
    }

    /// The server's connections to addresses that only attackers have; to one of them when it is given.
    pub(super) fn open(&self, host: Option<u8>) -> usize {
        let text = std::fs::read_to_string(format!("/proc/{}/net/tcp", self.pid)).unwrap();
        let own = format!("0100007F:{:04X}", self.tcp.port());
        let rows = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        // State 01 is an open connection.
        let open = rows.filter(|row| row[1] == own && row[3] == "01");
        open.filter(|row| host.map_or(!row[2].starts_with("0100007F:"), |host| row[2].starts_with(&format!("{host:02X}00007F:")))).count()
    }

    /// Waits until the server has closed its connections to an address.
    pub(super) async fn gone(&self, host: u8) {
        let mut pace = tokio::time::interval(Duration::from_millis(250));
        let wait = async {
            while self.open(Some(host)) > 0 {
                pace.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the server never closed it");
    }

    /// A connection that speaks frames.
    pub(super) async fn wire(&self) -> Wire {
        Wire::greeted(self.socket().await, &[]).await
    }

    /// A connection that speaks calls; it lives as long as what is returned.
    pub(super) async fn caller(&self) -> Caller {
        let (send, connection) = h2::client::handshake(self.socket().await).await.unwrap();
        tokio::spawn(connection);
        Caller { send }
    }

    /// The headers of a call with the attacker's key.
    pub(super) fn request(&self, path: &str) -> Request<()> {
        let mut request = bare(path);
        request.headers_mut().insert("authorization", format!("Bearer {}", self.key).parse().unwrap());
        request
    }
}

/// The headers of a call without a key.
pub(super) fn bare(path: &str) -> Request<()> {
    Request::post(format!("http://localhost{path}")).header("te", "trailers").header("content-type", "application/grpc").body(()).unwrap()
}

/// A connection through the library.
pub(super) struct Caller {
    pub(super) send: SendRequest<Bytes>,
}

impl Caller {
    /// A call with one body, and how it ended.
    ///
    /// # Errors
    /// The stream or the connection was broken off.
    pub(super) async fn call(&self, request: Request<()>, body: Bytes) -> Result<Answer, h2::Error> {
        let wait = async {
            let mut send = self.send.clone().ready().await?;
            let (response, mut stream) = send.send_request(request, body.is_empty())?;
            // A server that has answered need not read the rest.
            let _early = if body.is_empty() { Ok(()) } else { stream.send_data(body, true) };
            answer(response.await?).await
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("no answer to a call")
    }
}

/// Reads an answer to its end.
///
/// # Errors
/// The stream or the connection was broken off.
pub(super) async fn answer(response: http::Response<h2::RecvStream>) -> Result<Answer, h2::Error> {
    let (head, mut body) = response.into_parts();
    let mut bytes = 0;
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        bytes += chunk.len();
        body.flow_control().release_capacity(chunk.len())?;
    }
    let trailers: HeaderMap = body.trailers().await?.unwrap_or_default();
    let status = Status::from_header_map(&head.headers).or_else(|| Status::from_header_map(&trailers));
    Ok(Answer { http: head.status.as_u16(), status, bytes })
}
