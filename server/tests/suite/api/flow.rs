//! The life of a task, seen through the contract on a real socket with real keys.

use std::sync::Arc;

use aq_core::principal::{Principal, ProjectScope, Role};
use aq_core::task::TaskStatus;
use aq_proto::client::{Connection, Endpoint, Options};
use aq_proto::v1 as pb;
use aq_server::api::{KeyRing, PERMISSIONS};
use aq_server::clock::Clock as _;
use aq_server::grpc::{self, Gate, GrpcOptions, Health, KeyStore, KeyStoreUnavailable, Permissions};
use aq_server::store::api_keys;
use aq_server::store::new_key;
use tokio::sync::watch;

use super::fixture::Server;

struct Keys(KeyRing);

#[tonic::async_trait]
impl KeyStore for Keys {
    async fn verify(&self, kid: &str, secret: &str) -> Result<Option<Principal>, KeyStoreUnavailable> {
        self.0.verify(kid, secret).await.map_err(|error| KeyStoreUnavailable(error.to_string()))
    }

    fn taken_back(&self) -> Option<watch::Receiver<u64>> {
        Some(self.0.taken_back())
    }
}

/// F-155, F-158, api R1, R9, gRPC R11: from a key to a completed task, then a refused role and a key that is revoked while it watches.
#[tokio::test]
async fn a_task_is_created_and_completed_over_a_socket() {
    let server = Server::start().await;
    let now = server.inner.clock.now();
    let admin = new_key(Role::Admin, ProjectScope::All, "test", now, None);
    let viewer = new_key(Role::Viewer, ProjectScope::All, "test", now, None);
    for key in [&admin, &viewer] {
        let record = key.record.clone();
        server.inner.engine.submit(move |tx| api_keys::insert(tx.db, &record)).await.unwrap();
    }
    let options = GrpcOptions { unix_socket: Some(server.inner.home.path().join("aqd.sock")), ..GrpcOptions::default() };
    let listeners = grpc::bind(&options).await.unwrap();
    let endpoint: Endpoint = listeners.endpoint().unwrap().parse().unwrap();
    let keys = Arc::new(Keys(server.ring.clone()));
    let permissions = PERMISSIONS.iter().fold(Permissions::new(), |table, (path, roles)| table.allow(path, roles));
    assert_eq!(permissions.differences(), (Vec::new(), Vec::new()));
    let (routes, stop, health) = (server.api.routes(), server.drain.clone(), Health::starting().await);
    let gate = Gate { keys, permissions, calls: None, witness: None };
    let serving = tokio::spawn(async move { grpc::serve(listeners, &options, gate, routes, health, stop).await });

    let open = |key: &str| Connection::connect_lazy(&Options::new(endpoint.clone(), Some(key.parse().unwrap()))).unwrap();
    let client = open(&admin.key);
    let project = pb::CreateProjectRequest { name: "Web".into(), repo_url: "/repos/web".into(), ..Default::default() };
    let project = client.projects().create_project(project).await.unwrap().into_inner();
    let agent = pb::CreateAgentRequest { runtime: pb::Runtime::Scripted.into(), ..Default::default() };
    client.agents().create_agent(agent).await.unwrap();
    let task = pb::CreateTaskRequest { project_id: project.id, title: "one".into(), ..Default::default() };
    let task = client.tasks().create_task(task).await.unwrap().into_inner();
    assert_eq!(task.status(), pb::TaskStatus::Ready);
    let run = server.inner.start_order().await.run;
    server.inner.succeed(&run).await;
    server.inner.until(&run.task, TaskStatus::Completed).await;
    let done = client.tasks().get_task(pb::GetTaskRequest { task_id: task.id.clone() }).await.unwrap().into_inner();
    let (shown, runs) = (done.task.unwrap(), done.runs);
    assert_eq!((shown.status(), shown.waiting_for.as_str()), (pb::TaskStatus::Completed, ""));
    assert!(shown.started_at.is_some() && shown.finished_at.is_some());
    assert_eq!((runs.len(), runs[0].outcome(), runs[0].files_changed.len()), (1, pb::RunOutcome::Succeeded, 1));
    let checked = client.admin().check_invariants(pb::CheckInvariantsRequest {}).await.unwrap().into_inner();
    assert!(checked.findings.is_empty(), "{:?}", checked.findings);

    let looking = open(&viewer.key);
    looking.tasks().get_task(pb::GetTaskRequest { task_id: task.id.clone() }).await.unwrap();
    let refused = looking.tasks().delete_task(pb::DeleteTaskRequest { task_id: task.id, ..Default::default() }).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);

    // A stream that waits ends with its key.
    let mut stream = looking.events().watch_events(pb::WatchEventsRequest::default()).await.unwrap().into_inner();
    stream.message().await.unwrap();
    let revoke = pb::RevokeApiKeyRequest { kid: viewer.record.kid.clone(), ..Default::default() };
    client.admin().revoke_api_key(revoke).await.unwrap();
    let ended = async { while stream.message().await.is_ok_and(|message| message.is_some()) {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), ended).await.expect("the stream of a revoked key goes on");
    drop((client, looking));
    server.drain.cancel();
    serving.await.unwrap().unwrap();
}
