//! A server with two projects and some tasks, its tools, and the chat over them.

use std::sync::Arc;
use std::time::Duration;

use aq_core::chat::{ChatModel, Limits};
use aq_core::ids::{RunRef, TaskId};
use aq_core::principal::{Principal, Role};
use aq_proto::v1 as pb;
use aq_server::chat::{Books, Parts, Settings, Talker, Workspaces};
use aq_server::clock::SharedClock;
use aq_server::tools::{Registry, ToolBox as _};
use pb::chat_response::Event;
use pb::chat_service_client::ChatServiceClient;
use serde_json::{Value, json};
use tonic::Status;

use crate::api::fixture::{Client, Server, principal};

/// The world. Cloning shares it.
#[derive(Clone)]
pub(super) struct World {
    pub(super) server: Arc<Server>,
    registry: Arc<Registry>,
    names: Vec<(&'static str, String)>,
}

/// What was heard of a turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    pub(super) text: String,
    pub(super) done: Vec<String>,
    pub(super) failed: Vec<String>,
    pub(super) events: Vec<Event>,
    pub(super) finished: pb::ChatFinished,
}

/// The way to the chat of a world.
pub(super) struct Speaker<'w> {
    world: &'w World,
}

pub(super) fn settings() -> Settings {
    Settings { limits: Limits { rounds: 8, ..Limits::default() }, longest: Duration::from_secs(60), heartbeat: Duration::from_secs(15) }
}

impl World {
    /// `$A` adds a form, `$B` tests it and waits for `$A`, `$C` is of the other project, `$P` was proposed and waits for approval.
    pub(super) async fn start() -> Self {
        let server = Server::start().await;
        let registry = Arc::new(Registry::new(server.api.inside()).unwrap());
        let admin = principal(Role::Admin, &[]);
        let made = |tool: &'static str, arguments: Value| {
            let (registry, admin) = (Arc::clone(&registry), admin.clone());
            async move { registry.call(&admin, tool, arguments).await.unwrap() }
        };
        for name in ["App", "Web"] {
            made("create_project", json!({ "name": name, "repo_url": format!("/repos/{name}") })).await;
        }
        let id = |task: &Value| task["id"].as_str().unwrap().to_owned();
        let a = id(&made("create_task", json!({ "project_id": "app", "title": "Add the form" })).await);
        let b = id(&made("create_task", json!({ "project_id": "app", "title": "Test the form", "after": [a] })).await);
        let c = id(&made("create_task", json!({ "project_id": "web", "title": "Fix the footer" })).await);
        let run = RunRef { task: TaskId::parse(&a).unwrap(), number: 1 };
        let agent = Principal { run: Some(run), ..principal(Role::Run, &["app"]) };
        let proposed = registry.call(&agent, "propose_task", json!({ "title": "Clean up" })).await.unwrap();
        let p = proposed["task_id"].as_str().unwrap().to_owned();
        Self { server: Arc::new(server), registry, names: vec![("$A", a), ("$B", b), ("$C", c), ("$P", p)] }
    }

    /// The text with names of tasks replaced by their ids.
    pub(super) fn named(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id))
    }

    /// What an administrator reads with a tool.
    pub(super) async fn read(&self, tool: &str, arguments: Value) -> Result<Value, String> {
        self.registry.call(&principal(Role::Admin, &[]), tool, arguments).await.map_err(|error| error.to_string())
    }

    pub(super) fn parts(&self, model: Result<Arc<dyn ChatModel>, String>) -> Parts {
        let inner = &self.server.inner;
        Parts {
            model,
            tools: Arc::clone(&self.registry) as _,
            roots: Some(Arc::new(Workspaces { engine: inner.engine.clone(), besides: vec![inner.home.path().join("notes")] })),
            programs: None,
            books: Books { engine: inner.engine.clone(), clock: Arc::clone(&inner.clock) as SharedClock },
            settings: settings(),
            drain: self.server.drain.clone(),
        }
    }

    /// Lets `model` talk. Once for a world.
    pub(super) fn talker(&self, model: Arc<dyn ChatModel>) -> Speaker<'_> {
        self.server.api.set_talk(Arc::new(Talker::new(self.parts(Ok(model)))));
        Speaker { world: self }
    }
}

impl Speaker<'_> {
    pub(super) fn client(&self, who: Principal) -> ChatServiceClient<Client> {
        ChatServiceClient::new(self.world.server.client(who))
    }

    /// Says something and hears it to the end.
    pub(super) async fn says(&self, role: Role, active: &str, text: &str) -> Result<Heard, Status> {
        let request = pb::ChatRequest { text: text.into(), project_id: active.into(), author: "Ann".into(), ..Default::default() };
        self.asks(principal(role, &[]), request).await
    }

    pub(super) async fn asks(&self, who: Principal, request: pb::ChatRequest) -> Result<Heard, Status> {
        let mut stream = self.client(who).chat(request).await?.into_inner();
        let mut heard = Heard::default();
        while let Some(message) = stream.message().await? {
            let event = message.event.unwrap();
            if let Event::Finished(finished) = &event {
                heard.text.clone_from(&finished.text);
                heard.done.clone_from(&finished.tools_done);
                heard.failed.clone_from(&finished.tools_failed);
                heard.finished = finished.clone();
            }
            heard.events.push(event);
        }
        assert!(matches!(heard.events.last(), Some(Event::Finished(_))), "{:?}", heard.events);
        Ok(heard)
    }
}
