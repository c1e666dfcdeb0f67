//! A server whose tools are served over HTTP on a port of its own, and an assistant that speaks to it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aq_core::ids::{ProjectId, RunRef, TaskId};
use aq_core::principal::{ProjectScope, Role};
use aq_server::api::KeyRing;
use aq_server::clock::Clock;
use aq_server::mcp::{Desk, bind};
use aq_server::store::{api_keys, new_key};
use aq_server::tools::Registry;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::api::fixture::Server;

pub(super) struct Lab {
    pub(super) server: Server,
    pub(super) url: String,
    pub(super) stop: CancellationToken,
    pub(super) serving: tokio::task::JoinHandle<()>,
    client: reqwest::Client,
}

impl Lab {
    pub(super) async fn open() -> Self {
        Self::open_at(1000).await
    }

    /// With this many calls a second for each key.
    pub(super) async fn open_at(calls_per_second: u32) -> Self {
        let server = Server::start().await;
        let desk = Desk::new(Arc::new(Registry::new(server.api.inside()).unwrap()), calls_per_second, &[]).unwrap();
        server.api.serve_assistants(Arc::new(desk.clone()));
        let listener = bind(None, None).await.unwrap();
        let ring = KeyRing::new(server.inner.reader.clone(), Arc::clone(&server.inner.clock) as Arc<dyn Clock>);
        let (url, stop) = (listener.url(), CancellationToken::new());
        let serving = tokio::spawn(listener.serve(desk, ring, Duration::from_secs(5), stop.clone()));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { server, url, stop, serving, client }
    }

    /// A key of a role, for some projects or all of them; with a task, of a run.
    pub(super) async fn key(&self, role: Role, projects: &[&str], task: Option<&str>) -> String {
        let only: BTreeSet<_> = projects.iter().map(|id| ProjectId::parse(id).unwrap()).collect();
        let scope = if only.is_empty() { ProjectScope::All } else { ProjectScope::Only(only) };
        let mut made = new_key(role, scope, "test", self.server.inner.clock.now(), None);
        made.record.run = task.map(|task| RunRef { task: TaskId::parse(task).unwrap(), number: 1 });
        let record = made.record;
        self.server.inner.engine.submit(move |tx| api_keys::insert(tx.db, &record)).await.unwrap();
        made.key
    }

    /// A message on its way, with everything that is demanded but the key.
    pub(super) fn post(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let accept = "application/json, text/event-stream";
        self.client.post(&self.url).header("accept", accept).header("content-type", "application/json").body(body)
    }

    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The answer to a message.
    pub(super) async fn ask(&self, key: &str, method: &str, params: Value) -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        let answer = self.post(message.to_string()).bearer_auth(key).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{message}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(7)), "{answer}");
        answer
    }

    /// The names of the tools that a key is shown.
    pub(super) async fn tools(&self, key: &str) -> BTreeSet<String> {
        let answer = self.ask(key, "tools/list", json!({})).await;
        let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}"));
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// What a tool answers; `Err`: its error.
    pub(super) async fn call(&self, key: &str, tool: &str, arguments: Value) -> Result<Value, String> {
        let answer = self.ask(key, "tools/call", json!({ "name": tool, "arguments": arguments })).await;
        told(&answer)
    }
}

/// What a tool answered; `Err`: its error.
pub(super) fn told(answer: &Value) -> Result<Value, String> {
    let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    if answer["result"]["isError"] == json!(true) { Err(text) } else { Ok(serde_json::from_str(&text).unwrap()) }
}
