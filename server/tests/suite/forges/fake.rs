//! A strict GitHub on a loopback port: it answers what it was told to, in order, and complains about every request that it would not accept.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A prepared answer.
#[derive(Clone, Debug)]
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Canned {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) etag: String,
    pub(crate) body: Value,
}

#[derive(Default)]
struct State {
    answers: VecDeque<Canned>,
    asked: Vec<Asked>,
    complaints: Vec<String>,
}

/// The running fake.
#[derive(Clone)]
pub(crate) struct FakeGitHub {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl FakeGitHub {
    pub(crate) async fn start() -> Self {
        Self::listen(None).await
    }

    /// One that speaks TLS, with a certificate that this acceptor holds.
    pub(crate) async fn start_secured(acceptor: TlsAcceptor) -> Self {
        Self::listen(Some(acceptor)).await
    }

    async fn listen(acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = if acceptor.is_some() { format!("https://localhost:{port}") } else { format!("http://127.0.0.1:{port}") };
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, acceptor) = (Arc::clone(&shared), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, shared).await,
                        // Who does not trust us ends here.
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, shared).await;
                            }
                        }
                    }
                });
            }
        });
        Self { url, state }
    }

    /// Answers the next request so.
    pub(crate) fn will(&self, answer: Canned) {
        self.state.lock().unwrap().answers.push_back(answer);
    }

    /// What was asked since the last call; panics about what a real GitHub would not have taken.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let mut state = self.state.lock().unwrap();
        assert!(state.complaints.is_empty(), "{:?}", state.complaints);
        std::mem::take(&mut state.asked)
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Mutex<State>>) {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))).collect();
    let header = |name: &str| headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone()).unwrap_or_default();
    let length: usize = header("content-length").parse().unwrap_or(0);
    while bytes.len() < head + 4 + length {
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
    let body: Value = serde_json::from_slice(&bytes[head + 4..]).unwrap_or(Value::Null);
    let answer = {
        let mut state = shared.lock().unwrap();
        let mut complain = |what: &str| state.complaints.push(format!("{method} {path}: {what}"));
        if header("authorization") != "Bearer ghp_secret" {
            complain("wrong authorization");
        }
        if header("accept") != "application/vnd.github+json" || header("x-github-api-version") != "2022-11-28" {
            complain("wrong media type or version");
        }
        if !header("user-agent").starts_with("agent-queue/") {
            complain("no user agent");
        }
        if !path.starts_with("/repos/me/app") || path.contains("..") || path.contains(' ') {
            complain("a path outside of the repository");
        }
        if method == "POST" {
            let keys: BTreeSet<&str> = body.as_object().map(|body| body.keys().map(String::as_str).collect()).unwrap_or_default();
            if keys != BTreeSet::from(["base", "body", "head", "title"]) || header("content-type") != "application/json" {
                complain("a body that is not a pull request");
            }
        }
        state.asked.push(Asked { method, path, etag: header("if-none-match"), body });
        state.answers.pop_front()
    };
    // Without an answer the connection just ends, as that of a server that fell over.
    let Some(answer) = answer else { return };
    let mut out = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\nconnection: close\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        write!(out, "{name}: {value}\r\n").unwrap();
    }
    out.push_str("\r\n");
    let _gone = stream.write_all(out.as_bytes()).await;
    let _gone = stream.write_all(&answer.body).await;
}
