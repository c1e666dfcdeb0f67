//! Request ids, field masks, checks before anything is written.

use aq_core::principal::Role;
use aq_proto::v1 as pb;
use tonic::Code;

use super::fixture::{Server, mask, refusal};

/// F-173, D-115, api R5: the same request twice has one effect and one answer; another request under its id is refused; people do not share.
#[tokio::test]
async fn a_repeated_request_has_one_effect() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    let request = pb::CreateTaskRequest { project_id: "web".into(), title: "one".into(), request_id: "r-1".into(), ..Default::default() };
    let first = admin.tasks().create_task(request.clone()).await.unwrap().into_inner();
    let again = admin.tasks().create_task(request.clone()).await.unwrap().into_inner();
    assert_eq!(first, again);
    let other = pb::CreateTaskRequest { title: "two".into(), ..request.clone() };
    let refused = admin.tasks().create_task(other).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::InvalidArgument, "REQUEST_ID_REUSED".into(), "request_id".into()));
    let stop = pb::StopTaskRequest { task_id: first.id.clone(), request_id: "r-1".into(), ..Default::default() };
    assert_eq!(refusal(&admin.tasks().stop_task(stop).await.unwrap_err()).1, "REQUEST_ID_REUSED");
    let neighbour = server.role(Role::Operator, &[]).tasks().create_task(request).await.unwrap().into_inner();
    assert_ne!(neighbour.id, first.id);
    let list = admin.tasks().list_tasks(pb::ListTasksRequest::default()).await.unwrap().into_inner();
    assert_eq!(list.total_size, 2);
}

/// Api R5: a call that failed may be made again under the same id.
#[tokio::test]
async fn a_failed_request_leaves_its_id_free() {
    let server = Server::start().await;
    let admin = server.admin();
    let request = pb::CreateTaskRequest { project_id: "web".into(), title: "one".into(), request_id: "r".into(), ..Default::default() };
    let missing = admin.tasks().create_task(request.clone()).await.unwrap_err();
    assert_eq!(refusal(&missing), (Code::NotFound, "PROJECT_NOT_FOUND".into(), "project web".into()));
    admin.project("web").await;
    admin.tasks().create_task(request).await.unwrap();
}

/// Api R9: a key is shown once, also when the request is repeated, and its hash never leaves the store. One that was revoked is refused from the answer on.
#[tokio::test]
async fn a_key_is_shown_once() {
    let server = Server::start().await;
    let admin = server.admin();
    let request = pb::CreateApiKeyRequest { role: pb::Role::Viewer.into(), request_id: "k".into(), ..Default::default() };
    let made = admin.admin().create_api_key(request.clone()).await.unwrap().into_inner();
    let key: aq_proto::client::ApiKey = made.secret.parse().unwrap();
    let again = admin.admin().create_api_key(request).await.unwrap().into_inner();
    assert_eq!((again.secret.as_str(), again.api_key.unwrap().kid.as_str()), ("", key.kid()));
    assert_eq!(server.ring.verify(key.kid(), key.secret()).await.unwrap().unwrap().role, Role::Viewer);
    assert_eq!(server.ring.verify(key.kid(), "wrong").await.unwrap(), None);
    let revoke = pb::RevokeApiKeyRequest { kid: key.kid().into(), ..Default::default() };
    assert!(admin.admin().revoke_api_key(revoke).await.unwrap().into_inner().revoked_at.is_some());
    assert_eq!(server.ring.verify(key.kid(), key.secret()).await.unwrap(), None);
    let list = |include_revoked| pb::ListApiKeysRequest { include_revoked, ..Default::default() };
    assert_eq!(admin.admin().list_api_keys(list(false)).await.unwrap().into_inner().total_size, 0);
    assert_eq!(admin.admin().list_api_keys(list(true)).await.unwrap().into_inner().total_size, 1);
}

/// Api R3: a mask names what changes; unknown paths are refused with the known ones, and nothing is written.
#[tokio::test]
async fn masks_change_what_they_name() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    let task = admin.task("web", "old").await;
    let new = pb::Task { id: task.id.clone(), title: "new".into(), priority: 7, ..Default::default() };
    let update = |paths: &[&str]| pb::UpdateTaskRequest { task: Some(new.clone()), update_mask: mask(paths), ..Default::default() };
    for bad in [&["title", "status"][..], &[]] {
        let refused = admin.tasks().update_task(update(bad)).await.unwrap_err();
        assert_eq!(refusal(&refused).2, "update_mask");
        assert!(refused.message().contains("test_commands"), "{}", refused.message());
    }
    assert_eq!(admin.get_task(&task.id).await.title, "old");
    let changed = admin.tasks().update_task(update(&["priority"])).await.unwrap().into_inner();
    assert_eq!((changed.title.as_str(), changed.priority), ("old", 7));
    let context = vec![pb::TaskContext { r#type: "text".into(), label: "Log".into(), content: "boom".into() }];
    let attach = pb::UpdateTaskRequest {
        task: Some(pb::Task { id: task.id.clone(), context: context.clone(), ..Default::default() }),
        update_mask: mask(&["context"]),
        ..Default::default()
    };
    let attached = admin.tasks().update_task(attach).await.unwrap().into_inner();
    assert_eq!((attached.context, attached.priority), (context, 7));
}

/// F-153, api R3: a project is changed field by field, and an unset field that is named is cleared.
#[tokio::test]
async fn projects_change_and_clear() {
    let server = Server::start().await;
    let admin = server.admin();
    let project = admin.project("web").await;
    assert_eq!((project.workspace_count, project.max_concurrent_agents), (2, 2));
    let update = |project: pb::Project, paths: &[&str]| pb::UpdateProjectRequest {
        project: Some(pb::Project { id: "web".into(), ..project }),
        update_mask: mask(paths),
        ..Default::default()
    };
    let budget = pb::Project { budget_limit: Some(5), discord_channel_id: "9".into(), ..Default::default() };
    let changed = admin.projects().update_project(update(budget, &["budget_limit", "discord_channel_id"])).await.unwrap().into_inner();
    assert_eq!((changed.budget_limit, changed.discord_channel_id.as_str()), (Some(5), "9"));
    let cleared = admin.projects().update_project(update(pb::Project::default(), &["budget_limit"])).await.unwrap().into_inner();
    assert_eq!((cleared.budget_limit, cleared.discord_channel_id.as_str()), (None, "9"));
}

/// Api R8: git is asked before anything is written, and its sentence reaches the caller.
#[tokio::test]
async fn repositories_are_checked_first() {
    let server = Server::start().await;
    let admin = server.admin();
    let bad = pb::CreateProjectRequest { name: "Web".into(), repo_url: "/bad/repo".into(), ..Default::default() };
    let refused = admin.projects().create_project(bad).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::InvalidArgument, "INVALID_ARGUMENT".into(), "repo_url".into()));
    assert!(refused.message().contains("LFS"), "{}", refused.message());
    admin.project("web").await;
    let add = |source: &str| pb::AddWorkspaceRequest {
        project_id: "web".into(),
        kind: pb::WorkspaceKind::Link.into(),
        source: source.into(),
        ..Default::default()
    };
    for bad in ["", "relative", "/bad/checkout"] {
        assert_eq!(refusal(&admin.workspaces().add_workspace(add(bad)).await.unwrap_err()).2, "source", "{bad}");
    }
    let added = admin.workspaces().add_workspace(add("/home/u/app")).await.unwrap().into_inner();
    assert_eq!(added.source, "/home/u/app/real");
    assert_eq!(refusal(&admin.workspaces().add_workspace(add("/home/u/app")).await.unwrap_err()).0, Code::AlreadyExists);
}

/// F-010: entries of a batch wait for each other in any order; what is wrong is named by its place in the request.
#[tokio::test]
async fn batches_are_created_in_the_order_they_allow() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    let entry = |key: &str, after: &[&str]| pb::CreateTaskRequest {
        project_id: "web".into(),
        title: key.into(),
        key: key.into(),
        after: after.iter().map(|key| (*key).to_owned()).collect(),
        ..Default::default()
    };
    let batch = |tasks| pb::BatchCreateTasksRequest { tasks, ..Default::default() };
    let made =
        admin.tasks().batch_create_tasks(batch(vec![entry("c", &["#a", "#b"]), entry("b", &["#a"]), entry("a", &[])])).await.unwrap();
    let made = made.into_inner().tasks;
    assert_eq!(made.iter().map(|task| (task.title.as_str(), task.unmet_dependencies)).collect::<Vec<_>>(), [("c", 2), ("b", 1), ("a", 0)]);
    let circle = admin.tasks().batch_create_tasks(batch(vec![entry("a", &["#b"]), entry("b", &["#a"])])).await.unwrap_err();
    assert_eq!(refusal(&circle).2, "tasks[0].after");
    let stranger = admin.tasks().batch_create_tasks(batch(vec![entry("a", &[]), entry("b", &["#z"])])).await.unwrap_err();
    assert_eq!(refusal(&stranger).2, "tasks[1].after[0]");
    let untitled = pb::CreateTaskRequest { title: String::new(), ..entry("a", &[]) };
    let wrong = admin.tasks().batch_create_tasks(batch(vec![entry("b", &["#a"]), untitled])).await.unwrap_err();
    assert_eq!(refusal(&wrong).2, "tasks[1].title");
}

/// Api R2: a gateway changes things for a person only, and is remembered with that person.
#[tokio::test]
async fn a_gateway_acts_for_somebody() {
    let server = Server::start().await;
    server.admin().project("web").await;
    let mut nobody = super::fixture::principal(Role::Gateway, &[]);
    nobody.on_behalf_of = None;
    let request = pb::PauseProjectRequest { project_id: "web".into(), ..Default::default() };
    let refused = server.client(nobody).projects().pause_project(request.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    server.role(Role::Gateway, &[]).projects().pause_project(request).await.unwrap();
    let events = server.admin().events().list_events(pb::ListEventsRequest::default()).await.unwrap().into_inner().events;
    assert_eq!((events[0].r#type.as_str(), events[0].actor.as_str()), ("project.paused", "discord:1 via gateway"));
}

/// F-172, F-173: the end of the server is asked for once, however often the request comes.
#[tokio::test]
async fn the_server_is_asked_to_end() {
    let server = Server::start().await;
    let request = pb::ShutdownRequest { stop_runs: true, request_id: "end".into(), ..Default::default() };
    server.admin().admin().shutdown(request.clone()).await.unwrap();
    server.admin().admin().shutdown(request).await.unwrap();
    assert_eq!(*server.ended.0.lock().unwrap(), [("key:admin".to_owned(), true)]);
}
