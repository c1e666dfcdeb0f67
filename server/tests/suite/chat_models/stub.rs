//! A strict provider on a loopback port. What it says is decided by the test; what it is asked must be what the real one takes.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aq_core::chat::ChatModel;
use aq_core::time::Timestamp;
use aq_server::chat_models::{Anthropic, Login, Ollama, OllamaOptions, OpenAi, Patience};
use aq_server::clock::{ManualClock, SharedClock};
use aq_server::config::Secret;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::requests::{Asked, read};
use super::words::{Part, Wire, answer};

/// The key that the stub takes.
pub(crate) const KEY: &str = "sk-stub-0123456789";

/// What the stub does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// An answer.
    Say(Vec<Part>),
    /// A refusal: status, headers, body.
    Refuse(u16, Vec<(&'static str, String)>, Value),
    /// These bytes, as an answer that is whole for the transport.
    Raw(Vec<u8>),
    /// So many bytes of an answer, then the connection breaks.
    Break(Vec<Part>, usize),
    /// Nothing, as long as the caller waits.
    Silence,
}

type Brain = Box<dyn FnMut(&Asked) -> Reply + Send>;

struct State {
    brain: Brain,
    complaints: Vec<String>,
    asked: Vec<Asked>,
    loaded: Option<Vec<String>>,
    token: Option<String>,
}

/// The running stub.
#[derive(Clone)]
pub(crate) struct Stub {
    pub(crate) url: String,
    pub(crate) wire: Wire,
    state: Arc<Mutex<State>>,
}

impl Stub {
    pub(crate) async fn start(wire: Wire, brain: impl FnMut(&Asked) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            brain: Box::new(brain),
            complaints: Vec::new(),
            asked: Vec::new(),
            loaded: Some(vec!["stub-model:7b".into()]),
            token: None,
        };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move { serve(stream, wire, shared).await });
            }
        });
        Self { url, wire, state }
    }

    /// The models in memory; `None`: the question is refused.
    pub(crate) fn loaded(&self, models: Option<&[&str]>) {
        self.state.lock().unwrap().loaded = models.map(|models| models.iter().map(|name| (*name).to_owned()).collect());
    }

    /// Takes this token instead of the key.
    pub(crate) fn takes_token(&self, token: &str) {
        self.state.lock().unwrap().token = Some(token.to_owned());
    }

    /// What was asked; panics about what a real provider would not have taken.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let state = self.state.lock().unwrap();
        assert!(state.complaints.is_empty(), "{:?}", state.complaints);
        state.asked.clone()
    }

    /// An adapter that speaks to it.
    pub(crate) fn model(&self) -> Arc<dyn ChatModel> {
        self.model_with(Patience { first: Duration::from_secs(20), idle: Duration::from_secs(20) })
    }

    /// The same with its own patience.
    pub(crate) fn model_with(&self, patience: Patience) -> Arc<dyn ChatModel> {
        let clock: SharedClock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000)));
        let key = Secret::new(KEY.into());
        match self.wire {
            Wire::Anthropic => {
                let login = Login { key: Some(key), cli_folder: None, clock: Arc::clone(&clock) };
                Arc::new(Anthropic::new(&self.url, "stub-model", login, patience, clock).unwrap())
            }
            Wire::Ollama => {
                let options = OllamaOptions { keep_alive: "1h".into(), context_tokens: 32_768 };
                Arc::new(Ollama::new(&format!("{}/v1", self.url), "stub-model", options, patience, clock).unwrap())
            }
            Wire::OpenAi => Arc::new(OpenAi::new(&format!("{}/v1", self.url), "stub-model", key, patience, clock).unwrap()),
        }
    }
}

/// A request as it came.
struct Request {
    line: String,
    headers: Vec<(String, String)>,
    body: Value,
}

async fn request(stream: &mut TcpStream) -> Option<Request> {
    let (mut bytes, mut part) = (Vec::new(), vec![0; 65536]);
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))).collect();
    let length: usize = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    while bytes.len() < head + 4 + length {
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
    let body = serde_json::from_slice(&bytes[head + 4..]).unwrap_or(Value::Null);
    Some(Request { line, headers, body })
}

fn signed(wire: Wire, request: &Request, token: Option<&str>) -> Result<(), String> {
    let header = |name: &str| request.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str());
    let good = match (wire, token) {
        (Wire::Anthropic, None) => header("x-api-key") == KEY && header("authorization").is_empty(),
        (Wire::Anthropic, Some(token)) => {
            header("authorization") == format!("Bearer {token}") && header("anthropic-beta").contains("oauth")
        }
        (Wire::OpenAi, _) => header("authorization") == format!("Bearer {KEY}"),
        (Wire::Ollama, _) => header("authorization").is_empty(),
    };
    if good { Ok(()) } else { Err("wrong credential".to_owned()) }
}

fn strict(wire: Wire, request: &Request) -> Result<Asked, String> {
    let header = |name: &str| request.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str());
    let path = match wire {
        Wire::Anthropic => "/v1/messages",
        Wire::Ollama => "/api/chat",
        Wire::OpenAi => "/v1/chat/completions",
    };
    if request.line != format!("POST {path} HTTP/1.1") {
        return Err(format!("{} is not POST {path}", request.line));
    }
    if header("content-type") != "application/json" || !header("user-agent").starts_with("agent-queue/") {
        return Err("content type or user agent".to_owned());
    }
    if wire == Wire::Anthropic && header("anthropic-version") != "2023-06-01" {
        return Err("no anthropic-version".to_owned());
    }
    read(wire, &request.body)
}

async fn serve(mut stream: TcpStream, wire: Wire, shared: Arc<Mutex<State>>) {
    let Some(request) = request(&mut stream).await else { return };
    if request.line.starts_with("GET /api/ps") {
        let loaded = shared.lock().unwrap().loaded.clone();
        let models = loaded.as_ref().map(|models| models.iter().map(|name| json!({ "name": name, "model": name })).collect::<Vec<_>>());
        let status = if loaded.is_some() { 200 } else { 500 };
        return whole(&mut stream, status, &[], json!({ "models": models }).to_string().as_bytes()).await;
    }
    let (reply, number) = {
        let mut state = shared.lock().unwrap();
        let token = state.token.clone();
        let reply = match signed(wire, &request, token.as_deref()) {
            Err(problem) => Reply::Refuse(401, Vec::new(), json!({ "error": { "type": "authentication_error", "message": problem } })),
            Ok(()) => match strict(wire, &request) {
                Ok(asked) => {
                    state.asked.push(asked.clone());
                    (state.brain)(&asked)
                }
                Err(problem) => {
                    state.complaints.push(problem.clone());
                    Reply::Refuse(400, Vec::new(), json!({ "error": { "type": "invalid_request_error", "message": problem } }))
                }
            },
        };
        (reply, state.asked.len())
    };
    match reply {
        Reply::Say(parts) => streamed(&mut stream, answer(wire, &parts, number).as_bytes(), true).await,
        Reply::Raw(bytes) => streamed(&mut stream, &bytes, true).await,
        Reply::Break(parts, bytes) => {
            let text = answer(wire, &parts, number);
            streamed(&mut stream, &text.as_bytes()[..bytes.min(text.len())], false).await;
        }
        Reply::Refuse(status, headers, body) => whole(&mut stream, status, &headers, body.to_string().as_bytes()).await,
        Reply::Silence => {
            let _gone = stream.read(&mut [0; 16]).await;
        }
    }
}

async fn whole(stream: &mut TcpStream, status: u16, headers: &[(&str, String)], body: &[u8]) {
    let mut head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head.push_str("\r\n");
    let _gone = stream.write_all(head.as_bytes()).await;
    let _gone = stream.write_all(body).await;
}

/// Sends `body` in chunks; unless it is `whole`, without the last one.
async fn streamed(stream: &mut TcpStream, body: &[u8], whole: bool) {
    let head = "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let mut out = head.as_bytes().to_vec();
    for chunk in body.chunks(if body.len() > 100_000 { 65_536 } else { 11 }) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    if whole {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    let _gone = stream.write_all(&out).await;
    let _gone = stream.shutdown().await;
}
