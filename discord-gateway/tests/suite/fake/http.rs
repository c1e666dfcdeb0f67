//! HTTP/1.1, as little as a bot needs.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::world::{Fake, Fault};

/// A request as it came.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) authorization: String,
    pub(super) agent: String,
    pub(super) body: Value,
    pub(super) files: Vec<(String, Vec<u8>)>,
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The JSON part and the files of a form.
fn form(body: &[u8], boundary: &str) -> (Value, Vec<(String, Vec<u8>)>) {
    let (mut json, mut files) = (Value::Null, Vec::new());
    let mark = format!("--{boundary}");
    let mut rest = body;
    while let Some(at) = find(rest, mark.as_bytes()) {
        rest = &rest[at + mark.len()..];
        let Some(head) = find(rest, b"\r\n\r\n") else { break };
        let headers = String::from_utf8_lossy(&rest[..head]).into_owned();
        let content = &rest[head + 4..];
        let end = find(content, format!("\r\n{mark}").as_bytes()).unwrap_or(content.len());
        if headers.contains("name=\"payload_json\"") {
            json = serde_json::from_slice(&content[..end]).unwrap_or(Value::Null);
        } else if let Some(name) = headers.split("filename=\"").nth(1).and_then(|rest| rest.split('"').next()) {
            files.push((name.to_owned(), content[..end].to_vec()));
        }
        rest = &content[end..];
    }
    (json, files)
}

impl Fake {
    pub(super) async fn serve(&self, mut stream: TcpStream) {
        let mut first = [0; 8];
        if stream.peek(&mut first).await.is_ok_and(|read| first[..read].starts_with(b"GET /gw")) {
            return self.gateway(stream).await;
        }
        let mut buffer = Vec::new();
        while let Some(request) = read(&mut stream, &mut buffer).await {
            let line = format!("{} {}", request.method, request.path);
            let fault = self.change(|state| {
                state.attempts += 1;
                let at = state.faults.iter().position(|(what, _, count)| *count > 0 && line.contains(what.as_str()))?;
                let (_, fault, count) = &mut state.faults[at];
                *count -= 1;
                Some(fault.clone())
            });
            let held = self.state().held.clone();
            if let Some((_, gate)) = held.filter(|(what, _)| request.path.ends_with(what)) {
                drop(gate.lock().await);
            }
            if request.path.ends_with("/api/ps") || request.path.ends_with("/api/chat") {
                let said = self.cold(&request.path);
                let head = format!("HTTP/1.1 200 X\r\ncontent-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n", said.len());
                if stream.write_all(format!("{head}{said}").as_bytes()).await.is_err() {
                    return;
                }
                continue;
            }
            if let (true, Some(Fault::Status(status))) = (request.path.ends_with("/chat/completions"), &fault) {
                let said = r#"{"error":{"message":"the model is not in the mood","type":"invalid_request_error"}}"#;
                let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", said.len());
                if stream.write_all(format!("{head}{said}").as_bytes()).await.is_err() {
                    return;
                }
                continue;
            }
            if request.path.ends_with("/chat/completions") {
                let said = self.thought(&request.body);
                let head = format!("HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n", said.len());
                if stream.write_all(format!("{head}{said}").as_bytes()).await.is_err() {
                    return;
                }
                continue;
            }
            let answer = match fault {
                Some(Fault::Drop) => return,
                Some(Fault::Status(429)) => super::rest::Answer::crowded(),
                Some(Fault::Status(status)) => super::rest::Answer::refused(status, 0, "a fault of the test"),
                _ => self.answer(&request),
            };
            self.change(|state| state.requests.push(format!("{line} {}", answer.status)));
            if matches!(fault, Some(Fault::Lost)) {
                return;
            }
            let body = if answer.body.is_null() { String::new() } else { answer.body.to_string() };
            let mut head = format!("HTTP/1.1 {} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", answer.status, body.len());
            for (name, value) in &answer.headers {
                head.extend([format!("{name}: {value}\r\n")]);
            }
            if stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    let head = loop {
        if let Some(at) = find(buffer, b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
    let mut lines = text.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let header = |name: &str| {
        let found = text.lines().skip(1).filter_map(|line| line.split_once(':')).find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let length: usize = header("content-length").parse().unwrap_or(0);
    while buffer.len() < head + 4 + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let content: Vec<u8> = buffer[head + 4..head + 4 + length].to_vec();
    buffer.drain(..head + 4 + length);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (body, files) = match header("content-type").split_once("boundary=") {
        Some((_, boundary)) => form(&content, boundary),
        None => (serde_json::from_slice(&content).unwrap_or(Value::Null), Vec::new()),
    };
    Some(Request {
        method,
        path: path.trim_start_matches("/api/v10").to_owned(),
        query: query.to_owned(),
        authorization: header("authorization"),
        agent: header("user-agent"),
        body,
        files,
    })
}

/// A call of a client that is made by hand.
pub(crate) async fn call(fake: &Fake, method: &str, path: &str, token: &str, body: Option<Value>) -> (u16, Value) {
    let client = reqwest::Client::new();
    let method: reqwest::Method = method.parse().unwrap();
    let mut request = client.request(method, format!("{}/api/v10{path}", fake.url())).header("user-agent", "DiscordBot (x, 1)");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bot {token}"));
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or(Value::Null))
}
