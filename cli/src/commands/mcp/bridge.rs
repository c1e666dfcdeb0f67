//! Carries messages between an assistant and the server. It knows no tool: both sides decide what is said.

use std::io::BufRead as _;
use std::time::Duration;

use aq_proto::client::Connection;
use aq_proto::v1::ExchangeMcpMessageRequest;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::context::{Context, request_id};
use crate::error::CliError;

/// Longest time for one message when `--timeout` is not given: tools may take a minute.
const PATIENCE: Duration = Duration::from_secs(75);
/// Lines read ahead.
const AHEAD: usize = 16;
/// Codes of JSON-RPC: no JSON, and an error of our own.
const PARSE_ERROR: i32 = -32_700;
const INTERNAL_ERROR: i32 = -32_603;

/// Serves until standard input ends and everything asked is answered.
pub(super) async fn run(context: &Context) -> Result<(), CliError> {
    let mut options = context.options(false)?;
    if context.globals.timeout.is_none() {
        options.deadline = PATIENCE;
    }
    // The server may be away when the assistant starts; each message finds out for itself.
    let connection = Connection::connect_lazy(&options)?;
    let mut lines = lines();
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => {
                    let connection = connection.clone();
                    open.spawn(async move { exchange(&connection, line).await });
                }
                None => break,
            },
            Some(answered) = open.join_next() => say(context, answered.ok().flatten())?,
        }
    }
    while let Some(answered) = open.join_next().await {
        say(context, answered.ok().flatten())?;
    }
    Ok(())
}

fn say(context: &Context, answer: Option<String>) -> Result<(), CliError> {
    match answer {
        Some(answer) => context.ui.print(&format!("{answer}\n")),
        None => Ok(()),
    }
}

/// The lines of standard input. A thread of its own waits for them; it ends with the process.
fn lines() -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if !line.trim().is_empty() && send.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receive
}

/// The answer to one line; `None`: there is none.
async fn exchange(connection: &Connection, line: String) -> Option<String> {
    let id = match serde_json::from_str::<Value>(&line) {
        Ok(message) => message.get("id").cloned(),
        Err(error) => return Some(refusal(&Value::Null, PARSE_ERROR, &format!("this is no JSON: {error}"))),
    };
    let request = ExchangeMcpMessageRequest { message: line, request_id: request_id() };
    match connection.mcp().exchange_mcp_message(request).await {
        // One message is one line.
        Ok(answer) => Some(answer.into_inner().message.replace(['\n', '\r'], " ")).filter(|answer| !answer.is_empty()),
        Err(status) => {
            let told = CliError::from(status).to_string();
            id.map(|id| refusal(&id, INTERNAL_ERROR, &told))
        }
    }
}

fn refusal(id: &Value, code: i32, message: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }).to_string()
}
