//! Tasks, agents and workspaces as a person handles them: what may be changed, what is refused in which state, and what is told of it.

use aq_core::output::FailureClass;
use aq_core::runner_link::{RunOutcome, RunReport};
use aq_core::task::TaskStatus;
use aq_proto::v1 as pb;
use tonic::{Code, Status};

use super::fixture::{Client, Server, mask, refusal};

/// The code, the reason and the sentence.
fn told<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String, String) {
    let status = answer.unwrap_err();
    let (code, reason, _) = refusal(&status);
    (code, reason, status.message().to_owned())
}

fn precondition(reason: &str, sentence: &str) -> (Code, String, String) {
    (Code::FailedPrecondition, reason.to_owned(), sentence.to_owned())
}

async fn set(client: &Client, task: &str, status: pb::TaskStatus) -> Result<pb::TaskStatus, Status> {
    let request = pb::SetTaskStatusRequest { task_id: task.into(), status: status.into(), reason: "by hand".into(), ..Default::default() };
    client.tasks().set_task_status(request).await.map(|answer| answer.into_inner().status())
}

async fn restart(client: &Client, task: &str, feedback: &str) -> Result<pb::Task, Status> {
    let request = pb::RestartTaskRequest { task_id: task.into(), feedback: feedback.into(), ..Default::default() };
    client.tasks().restart_task(request).await.map(tonic::Response::into_inner)
}

async fn stop(client: &Client, task: &str) -> Result<pb::Task, Status> {
    let request = pb::StopTaskRequest { task_id: task.into(), reason: "enough".into(), ..Default::default() };
    client.tasks().stop_task(request).await.map(tonic::Response::into_inner)
}

async fn skip(client: &Client, task: &str) -> Result<pb::SkipTaskResponse, Status> {
    let request = pb::SkipTaskRequest { task_id: task.into(), ..Default::default() };
    client.tasks().skip_task(request).await.map(tonic::Response::into_inner)
}

async fn approve(client: &Client, task: &str) -> Result<pb::Task, Status> {
    let request = pb::ApproveTaskRequest { task_id: task.into(), ..Default::default() };
    client.tasks().approve_task(request).await.map(tonic::Response::into_inner)
}

/// The events of a kind of a task, as they are told.
async fn events(client: &Client, task: &str, kind: &str) -> Vec<pb::Event> {
    let request = pb::WatchEventsRequest { after_seq: Some(0), follow: false, ..Default::default() };
    let mut stream = client.events().watch_events(request).await.unwrap().into_inner();
    let mut found = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        if let Some(pb::watch_events_response::Event::Item(event)) = message.event
            && event.task_id == task
            && event.r#type == kind
        {
            found.push(event);
        }
    }
    found
}

/// F-156, F-005: every field of a task that a person may change is changed by name in one call and read back; a status changes by its own call only, and the change is
/// told with who did it and why.
#[tokio::test]
async fn a_task_is_edited_whole() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    let agent = admin.agent("Ada").await;
    let task = admin.task("web", "old").await;
    let new = pb::Task {
        id: task.id.clone(),
        title: "new".into(),
        description: "Do it well.".into(),
        priority: 7,
        r#type: pb::TaskType::Bugfix.into(),
        runtime: pb::Runtime::Scripted.into(),
        required_agent_id: agent.id,
        model: "small".into(),
        context: vec![pb::TaskContext { r#type: "text".into(), label: "Log".into(), content: "boom".into() }],
        criteria: vec![pb::TaskCriterion { r#type: "acceptance".into(), content: "It works.".into() }],
        tools: vec![pb::TaskTool { r#type: "allow".into(), config: "Read".into() }],
        test_commands: vec!["true".into()],
        requires_approval: true,
        max_retries: 5,
        token_budget: Some(1000),
        ..Default::default()
    };
    let paths = [
        "title",
        "description",
        "priority",
        "type",
        "runtime",
        "required_agent_id",
        "model",
        "context",
        "criteria",
        "tools",
        "test_commands",
        "requires_approval",
        "max_retries",
        "token_budget",
    ];
    let update = pb::UpdateTaskRequest { task: Some(new.clone()), update_mask: mask(&paths), ..Default::default() };
    admin.tasks().update_task(update).await.unwrap();
    let read = admin.get_task(&task.id).await;
    let edited = pb::Task {
        title: new.title,
        description: new.description,
        priority: new.priority,
        r#type: new.r#type,
        runtime: new.runtime,
        required_agent_id: new.required_agent_id,
        model: new.model,
        context: new.context,
        criteria: new.criteria,
        tools: new.tools,
        test_commands: new.test_commands,
        requires_approval: new.requires_approval,
        max_retries: new.max_retries,
        token_budget: new.token_budget,
        ..read.clone()
    };
    assert_eq!(read, edited);

    assert_eq!(set(&admin, &task.id, pb::TaskStatus::Completed).await.unwrap(), pb::TaskStatus::Completed);
    let told = events(&admin, &task.id, "task.status_set").await;
    let words = format!("{told:?}");
    assert!(told.len() == 1 && words.contains("by hand") && words.contains("key:admin") && words.contains("COMPLETED"), "{words}");
}

/// F-163, F-085 to F-088: each control of a task works in the states it is for, and in every other it is refused with its reason and the same sentence each time.
#[tokio::test]
async fn controls_are_guarded_by_the_state() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    let task = admin.task("web", "one").await.id;
    let is = |status: &str, what: &str| format!("task `{task}` is {status}: {what}");
    // READY.
    assert_eq!(
        told(restart(&admin, &task, "").await),
        precondition("TASK_READY", &is("READY", "it is about to start; there is nothing to restart"))
    );
    assert_eq!(
        told(skip(&admin, &task).await),
        precondition("TASK_NOT_SKIPPABLE", &is("READY", "only blocked or failed tasks can be skipped"))
    );
    assert_eq!(told(approve(&admin, &task).await).0, Code::FailedPrecondition);
    assert_eq!(told(set(&admin, &task, pb::TaskStatus::InProgress).await).0, Code::InvalidArgument);
    // IN_PROGRESS.
    admin.agent("Ada").await;
    let run = server.inner.start_order().await.run;
    server.inner.running(&run).await;
    assert_eq!(
        told(restart(&admin, &task, "").await),
        precondition("TASK_RUNNING", &is("IN_PROGRESS", "it is in progress; stop it first"))
    );
    let answer = pb::AnswerQuestionRequest {
        task_id: task.clone(),
        question_id: "q".into(),
        answer: Some(pb::answer_question_request::Answer::Text("yes".into())),
        ..Default::default()
    };
    assert!(matches!(told(admin.tasks().answer_question(answer).await).0, Code::NotFound | Code::FailedPrecondition));
    // BLOCKED by a person; what ran is over.
    assert_eq!(stop(&admin, &task).await.unwrap().block_reason(), pb::BlockReason::OperatorStop);
    let outcome = RunOutcome::Failed { class: FailureClass::Agent, message: "ended".into() };
    server.inner.report(&run, RunReport::Finished { outcome, exit_code: None }).await;
    let reopened = restart(&admin, &task, "use the other file").await.unwrap();
    assert_eq!((reopened.status(), reopened.retry_count), (pb::TaskStatus::Ready, 0));
    assert!(reopened.description.ends_with("---\n**QA Feedback:**\nuse the other file"), "{}", reopened.description);
    let run = server.inner.start_order().await.run;
    server.inner.succeed(&run).await;
    server.inner.until(&run.task, TaskStatus::Completed).await;
    // COMPLETED.
    assert_eq!(told(stop(&admin, &task).await), precondition("TASK_NOT_STOPPABLE", &is("COMPLETED", "there is nothing to stop")));
    assert_eq!(told(skip(&admin, &task).await).1, "TASK_NOT_SKIPPABLE");
    // A skip lets go of what waited.
    let upstream = admin.task("web", "upstream").await.id;
    let waits =
        pb::CreateTaskRequest { project_id: "web".into(), title: "waits".into(), after: vec![upstream.clone()], ..Default::default() };
    let waits = admin.tasks().create_task(waits).await.unwrap().into_inner();
    let sentence = format!("task `{}` is DEFINED: it has not run yet; edit its description instead", waits.id);
    assert_eq!(told(restart(&admin, &waits.id, "more").await), precondition("TASK_NOT_STARTED", &sentence));
    stop(&admin, &upstream).await.unwrap();
    let skipped = skip(&admin, &upstream).await.unwrap();
    assert_eq!(skipped.unblocked.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), [waits.id.as_str()]);
    let delete = pb::DeleteTaskRequest { task_id: task.clone(), ..Default::default() };
    assert_eq!(admin.tasks().delete_task(delete.clone()).await.unwrap().into_inner().title, "one");
    assert_eq!(
        told(admin.tasks().delete_task(delete).await),
        (Code::NotFound, "TASK_NOT_FOUND".into(), format!("task `{task}` not found"))
    );
}

/// F-165, F-089: an agent gets a name when none is given, is renamed, paused in the middle of work and not used again before it is resumed, and is not deleted while it works.
#[tokio::test]
async fn agents_are_made_paused_and_guarded() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    let request = pb::CreateAgentRequest { runtime: pb::Runtime::Scripted.into(), ..Default::default() };
    let made = admin.agents().create_agent(request).await.unwrap().into_inner();
    assert!(!made.name.is_empty() && made.id == made.name.to_lowercase().replace(' ', "-"), "{made:?}");
    let twin = pb::CreateAgentRequest { name: made.name.clone(), runtime: pb::Runtime::Scripted.into(), ..Default::default() };
    assert_eq!(told(admin.agents().create_agent(twin).await).0, Code::AlreadyExists);

    let task = admin.task("web", "one").await.id;
    let run = server.inner.start_order().await.run;
    server.inner.running(&run).await;
    let delete = pb::DeleteAgentRequest { agent_id: made.id.clone(), ..Default::default() };
    let (code, reason, sentence) = told(admin.agents().delete_agent(delete.clone()).await);
    assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "AGENT_BUSY"));
    assert!(sentence.contains(&task) && sentence.ends_with("stop that task first"), "{sentence}");
    let pause = pb::PauseAgentRequest { agent_id: made.id.clone(), ..Default::default() };
    assert!(admin.agents().pause_agent(pause).await.unwrap().into_inner().paused);
    server.inner.succeed(&run).await;
    server.inner.until(&run.task, TaskStatus::Completed).await;
    admin.task("web", "two").await;
    assert!(server.inner.nothing_started().await);
    let resume = pb::ResumeAgentRequest { agent_id: made.id.clone(), ..Default::default() };
    admin.agents().resume_agent(resume).await.unwrap();
    let run = server.inner.start_order().await.run;
    server.inner.succeed(&run).await;
    server.inner.until(&run.task, TaskStatus::Completed).await;

    let renamed = pb::UpdateAgentRequest {
        agent: Some(pb::Agent { id: made.id.clone(), name: "Grace".into(), ..Default::default() }),
        update_mask: mask(&["name"]),
        ..Default::default()
    };
    let renamed = admin.agents().update_agent(renamed).await.unwrap().into_inner();
    assert_eq!((renamed.id.as_str(), renamed.name.as_str()), (made.id.as_str(), "Grace"));
    assert_eq!(admin.agents().delete_agent(delete).await.unwrap().into_inner().name, "Grace");
    let listed = admin.agents().list_agents(pb::ListAgentsRequest::default()).await.unwrap().into_inner();
    assert_eq!((listed.total_size, listed.agents.len()), (0, 0));
}

/// F-166: workspaces of each kind are added and listed; one that a run holds says whose it is and is not removed; a free one is.
#[tokio::test]
async fn workspaces_are_added_held_and_removed() {
    let server = Server::start().await;
    let admin = server.admin();
    let request = pb::CreateProjectRequest { name: "Bare".into(), ..Default::default() };
    let bare = admin.projects().create_project(request).await.unwrap().into_inner().id;
    let add = |kind: pb::WorkspaceKind, source: &str| pb::AddWorkspaceRequest {
        project_id: bare.clone(),
        kind: kind.into(),
        source: source.into(),
        ..Default::default()
    };
    assert_eq!(told(admin.workspaces().add_workspace(add(pb::WorkspaceKind::Clone, "")).await).1, "NO_REPOSITORY");
    let link = admin.workspaces().add_workspace(add(pb::WorkspaceKind::Link, "/home/u/app")).await.unwrap().into_inner();
    let init = admin.workspaces().add_workspace(add(pb::WorkspaceKind::Init, "/home/u/new")).await.unwrap().into_inner();
    admin.agent("Ada").await;
    let task = admin.task(&bare, "one").await.id;
    let run = server.inner.start_order().await.run;
    server.inner.running(&run).await;
    let list = || async {
        let request = pb::ListWorkspacesRequest { project_id: bare.clone(), ..Default::default() };
        admin.workspaces().list_workspaces(request).await.unwrap().into_inner().workspaces
    };
    let all = list().await;
    let kinds: Vec<_> = all.iter().map(pb::Workspace::kind).collect();
    assert!(kinds.len() == 2 && kinds.contains(&pb::WorkspaceKind::Link) && kinds.contains(&pb::WorkspaceKind::Init), "{all:?}");
    let held = all.iter().find(|space| space.leased_task_id == task).unwrap();
    let remove = |id: &str| pb::RemoveWorkspaceRequest { workspace_id: id.into(), ..Default::default() };
    let (code, reason, sentence) = told(admin.workspaces().remove_workspace(remove(&held.id)).await);
    assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "WORKSPACE_IN_USE"));
    assert!(sentence.contains(&task), "{sentence}");
    let free = if held.id == link.id { init } else { link };
    admin.workspaces().remove_workspace(remove(&free.id)).await.unwrap();
    assert_eq!(list().await.len(), 1);
    assert_eq!(told(admin.workspaces().remove_workspace(remove(&free.id)).await).0, Code::NotFound);
}
