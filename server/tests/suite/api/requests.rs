//! What holds of any request. It takes any bytes, from the mutants beside it, from the corpus or from a fuzzer.
//!
//! How the bytes are made is not here.

use aq_core::ids::{ProjectId, TaskId};
use aq_core::task::Task;
use aq_proto::v1 as pb;
use aq_server::clock::Clock as _;
use aq_server::commands::CommandError;
use aq_server::commands::check::check;
use aq_server::lifecycle::bring;
use aq_server::store::{TaskRecord, tasks};
use prost_reflect::MethodDescriptor;
use tonic::{Code, Status};

use super::fixture::{Client, Server};
use super::raw::{Raw, methods, path, pool};

/// The task that requests may name.
pub(crate) const TASK: &str = "prime-cascade";
/// The project that they may name.
pub(crate) const PROJECT: &str = "web";
/// The agent that they may name.
pub(crate) const AGENT: &str = "worker";

/// A server with something to speak of.
pub(crate) struct Asked {
    server: Server,
    client: Client,
    methods: Vec<MethodDescriptor>,
}

impl Asked {
    pub(crate) async fn start() -> Self {
        let server = Server::start().await;
        let client = server.admin();
        let asked = Self { server, client, methods: methods(&pool()) };
        asked.furnish().await;
        asked
    }

    /// Every call of the contract.
    pub(crate) fn methods(&self) -> &[MethodDescriptor] {
        &self.methods
    }

    /// Puts the project, the agent and the task there, whatever earlier requests deleted; a deleted task frees its name for the new one.
    pub(crate) async fn furnish(&self) {
        drop(self.client.projects().create_project(pb::CreateProjectRequest { name: PROJECT.into(), ..Default::default() }).await);
        drop(self.client.agents().create_agent(pb::CreateAgentRequest { name: AGENT.into(), ..Default::default() }).await);
        let bring_task = |tx: &mut aq_server::lifecycle::Tx<'_>, context: &aq_server::commands::Context| {
            let id = TaskId::from_trusted(TASK);
            // A deleted project frees its name for nobody, and takes no task; then the requests speak of what is not there.
            let there = tx.state.projects.contains_key(&ProjectId::from_trusted(PROJECT));
            if !there || tasks::by_id(tx.db, &id)?.is_some_and(|found| found.deleted_at.is_none()) {
                return Ok(());
            }
            tx.db.batch(&format!("UPDATE tasks SET id = 'old-' || key WHERE id = '{TASK}'"))?;
            let task = Task::new(id, ProjectId::from_trusted(PROJECT), "one", "one".to_owned(), context.now);
            let key = tx.state.next_key();
            let mut record = TaskRecord { key, parent_key: None, unmet: 0, failure: None, deleted_at: None, task };
            bring(tx, &mut record, &[], "test").map_err(CommandError::from)
        };
        drop(self.server.inner.command(bring_task).await);
    }

    /// F-149, D-76: whatever bytes come, the answer is about the request. The input is the name of a call (`TaskService/CreateTask`), the end of the line, and its
    /// message; any other beginning stands for some call.
    ///
    /// # Errors
    /// What is wrong with the answer.
    pub(crate) async fn ask(&self, input: &[u8]) -> Result<(), String> {
        let Some((method, message)) = self.read(input) else { return Err("the contract has no call".to_owned()) };
        match call(&self.client, method, message.to_vec()).await {
            Err(status) if accident(&status) => Err(format!("{} with {message:?}: {status:?}", path(method))),
            _ => Ok(()),
        }
    }

    /// The call that an input stands for, and its message.
    pub(crate) fn read<'a>(&self, input: &'a [u8]) -> Option<(&MethodDescriptor, &'a [u8])> {
        let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
        let (name, message) = input.split_at(end);
        let named = |method: &&MethodDescriptor| path(method).strip_prefix("/agentqueue.v1.").is_some_and(|path| path.as_bytes() == name);
        let some = || self.methods.get(name.iter().map(|byte| usize::from(*byte)).sum::<usize>() % self.methods.len());
        Some((self.methods.iter().find(named).or_else(some)?, message.get(1..).unwrap_or_default()))
    }

    /// The rows keep the promises.
    ///
    /// # Errors
    /// What the checker of the invariants finds.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let now = self.server.inner.clock.now();
        let findings = self.server.inner.engine.submit(move |tx| check(tx.db, tx.state, now)).await;
        match findings {
            Ok(findings) if findings.is_empty() => Ok(()),
            other => Err(format!("{other:#?}")),
        }
    }
}

/// The status of a call. Of a stream only whether it begins: what follows may be a long time in coming.
async fn call(client: &Client, method: &MethodDescriptor, body: Vec<u8>) -> Result<(), Status> {
    let mut grpc = tonic::client::Grpc::new(client.clone());
    grpc.ready().await.unwrap();
    let answer = grpc.server_streaming(tonic::Request::new(body), path(method).parse().unwrap(), Raw).await?;
    if method.is_server_streaming() { Ok(()) } else { answer.into_inner().message().await.map(|_| ()) }
}

/// What is wrong with an answer. A message that is none at all is answered as every gRPC server does.
fn accident(status: &Status) -> bool {
    let undecodable = status.message().starts_with("failed to decode Protobuf message");
    let accidental = matches!(status.code(), Code::Internal | Code::Unknown | Code::DataLoss | Code::Cancelled);
    (accidental && !undecodable) || status.message().trim().is_empty()
}
