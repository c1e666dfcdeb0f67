//! A key of project A sees nothing of B.

use aq_core::principal::Role;
use aq_proto::v1 as pb;
use tonic::Code;

use super::fixture::{Server, refusal};

/// Api R2, I-42: lists, counts, errors and events are those of a server that has only project A.
#[tokio::test]
async fn a_key_of_one_project_sees_only_it() {
    let server = Server::start().await;
    let admin = server.admin();
    let (a, b) = (admin.project("a").await, admin.project("b").await);
    admin.agent("nova").await;
    let (mine, theirs) = (admin.task(&a.id, "mine").await, admin.task(&b.id, "theirs").await);
    let key = server.role(Role::Operator, &["a"]);

    let tasks = key.tasks().list_tasks(pb::ListTasksRequest::default()).await.unwrap().into_inner();
    assert_eq!((tasks.total_size, tasks.tasks[0].id.as_str()), (1, mine.id.as_str()));
    assert_eq!(key.projects().list_projects(pb::ListProjectsRequest::default()).await.unwrap().into_inner().total_size, 1);
    assert_eq!(key.workspaces().list_workspaces(pb::ListWorkspacesRequest::default()).await.unwrap().into_inner().total_size, 2);
    let status = key.admin().get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner();
    assert_eq!((status.project_count, status.task_total), (1, 1));
    let events = key.events().list_events(pb::ListEventsRequest::default()).await.unwrap().into_inner().events;
    assert!(!events.is_empty() && events.iter().all(|event| event.project_id == "a"), "{events:?}");
    let runs = key.runs().list_runs(pb::ListRunsRequest::default()).await.unwrap().into_inner();
    assert!(runs.runs.iter().all(|run| run.project_id == "a"));

    // What is hidden and what does not exist are told in the same words.
    let get = |id: &str| pb::GetTaskRequest { task_id: id.into() };
    let hidden = key.tasks().get_task(get(&theirs.id)).await.unwrap_err();
    let missing = key.tasks().get_task(get("no-task")).await.unwrap_err();
    assert_eq!(hidden.message().replace(&theirs.id, "X"), missing.message().replace("no-task", "X"));
    assert_eq!((refusal(&hidden).0, refusal(&hidden).1), (refusal(&missing).0, refusal(&missing).1));
    let stop = pb::StopTaskRequest { task_id: theirs.id.clone(), ..Default::default() };
    assert_eq!(key.tasks().stop_task(stop).await.unwrap_err().code(), Code::NotFound);
    let depend = pb::AddDependencyRequest { task_id: mine.id.clone(), depends_on_task_id: theirs.id.clone(), ..Default::default() };
    assert_eq!(key.tasks().add_dependency(depend).await.unwrap_err().code(), Code::NotFound);
    let create = pb::CreateTaskRequest { project_id: "b".into(), title: "x".into(), ..Default::default() };
    assert_eq!(refusal(&key.tasks().create_task(create).await.unwrap_err()).2, "project b");
    let filter = Some(pb::EventFilter { project_ids: vec!["b".into()], ..Default::default() });
    let watch = pb::WatchEventsRequest { after_seq: Some(0), filter, ..Default::default() };
    assert_eq!(key.events().watch_events(watch).await.unwrap_err().code(), Code::NotFound);
    let stream = pb::StreamRunOutputRequest { task_id: theirs.id.clone(), ..Default::default() };
    assert_eq!(key.runs().stream_run_output(stream).await.unwrap_err().code(), Code::NotFound);

    let watch = pb::WatchEventsRequest { after_seq: Some(0), ..Default::default() };
    let mut stream = key.events().watch_events(watch).await.unwrap().into_inner();
    while let Some(message) = stream.message().await.unwrap() {
        if let Some(pb::watch_events_response::Event::Item(event)) = message.event {
            assert_eq!(event.project_id, "a");
        }
    }
}

/// Architecture §9: an agent's key reads its own task, and nothing else.
#[tokio::test]
async fn an_agents_key_reads_its_own_task() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("a").await;
    let (own, other) = (admin.task("a", "own").await, admin.task("a", "other").await);
    let mut principal = super::fixture::principal(Role::Run, &["a"]);
    principal.run = Some(aq_core::ids::RunRef { task: aq_core::ids::TaskId::parse(&own.id).unwrap(), number: 1 });
    let agent = server.client(principal);
    assert_eq!(agent.get_task(&own.id).await.title, "own");
    let refused = agent.tasks().get_task(pb::GetTaskRequest { task_id: other.id }).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let list = agent.tasks().list_tasks(pb::ListTasksRequest::default()).await.unwrap_err();
    assert_eq!(list.code(), Code::PermissionDenied);
}

/// Api R2, I-42: agents and accounts serve every project, keys and the end of the server concern all: whoever is limited to some projects changes none of them,
/// neither a gateway nor what acts with an administrator's role within a project, as a hook does.
#[tokio::test]
async fn what_serves_every_project_is_out_of_reach_for_a_limited_key() {
    let server = Server::start().await;
    let admin = server.admin();
    for name in ["a", "b"] {
        admin.project(name).await;
    }
    admin.agent("nova").await;
    let before = admin.agents().list_agents(pb::ListAgentsRequest::default()).await.unwrap().into_inner();
    for role in [Role::Gateway, Role::Admin] {
        let key = server.role(role, &["a"]);
        let agent_id = "nova".to_owned();
        let mut refused = vec![
            key.agents().pause_agent(pb::PauseAgentRequest { agent_id: agent_id.clone(), ..Default::default() }).await.unwrap_err(),
            key.agents().resume_agent(pb::ResumeAgentRequest { agent_id: agent_id.clone(), ..Default::default() }).await.unwrap_err(),
            key.agents().delete_agent(pb::DeleteAgentRequest { agent_id: agent_id.clone(), ..Default::default() }).await.unwrap_err(),
        ];
        let create = pb::CreateAgentRequest { runtime: pb::Runtime::Scripted.into(), ..Default::default() };
        refused.push(key.agents().create_agent(create).await.unwrap_err());
        let agent = Some(pb::Agent { id: agent_id, name: "mine".into(), ..Default::default() });
        let update = pb::UpdateAgentRequest { agent, update_mask: super::fixture::mask(&["name"]), ..Default::default() };
        refused.push(key.agents().update_agent(update).await.unwrap_err());
        refused.push(key.admin().pause_scheduling(pb::PauseSchedulingRequest::default()).await.unwrap_err());
        if role == Role::Admin {
            refused.push(key.admin().shutdown(pb::ShutdownRequest::default()).await.unwrap_err());
            let create = pb::CreateApiKeyRequest { role: pb::Role::Admin.into(), ..Default::default() };
            refused.push(key.admin().create_api_key(create).await.unwrap_err());
            let account = pb::CreateAccountRequest { name: "mine".into(), ..Default::default() };
            refused.push(key.accounts().create_account(account).await.unwrap_err());
            refused.push(key.admin().list_audit_records(pb::ListAuditRecordsRequest::default()).await.unwrap_err());
        }
        assert!(refused.iter().all(|status| status.code() == Code::PermissionDenied), "{refused:?}");
        assert!(refused.iter().all(|status| status.message().contains("every project")), "{refused:?}");
        // Looking is not changing.
        assert_eq!(key.agents().list_agents(pb::ListAgentsRequest::default()).await.unwrap().into_inner(), before);
    }
    assert!(server.ended.0.lock().unwrap().is_empty());
}
