//! What the agent of a run tells and reads with the key of its run.

use aq_core::ids::{ProjectId, RunRef, TaskId};
use aq_core::principal::{Principal, Role};
use aq_core::runtime::RuntimeKind;
use aq_proto::v1 as pb;
use aq_server::commands;
use tonic::{Code, Status};

use super::fixture::{Client, Server, principal, refusal};

fn agent(server: &Server, task: &str, number: u32) -> Client {
    let run = RunRef { task: TaskId::parse(task).unwrap(), number };
    server.client(Principal { run: Some(run), key_id: format!("{task}.{number}"), ..principal(Role::Run, &["app"]) })
}

async fn report(client: &Client, text: &str, request_id: &str) -> Result<(), Status> {
    let request = pb::ReportProgressRequest { text: text.into(), request_id: request_id.into() };
    client.tasks().report_progress(request).await.map(|_| ())
}

/// commands R41: what the agent of a live run says is told as an event with its run; nobody else says it, not after the run, not too often, and a
/// repeated call tells it once.
#[tokio::test]
async fn an_agent_tells_how_far_it_is() {
    let server = Server::start().await;
    server.inner.agents(1).await;
    let project = server.inner.project("App", 1).await;
    assert_eq!(project, ProjectId::parse("app").unwrap());
    let task = server.inner.task(&project, "Task", &[]).await;
    let early = report(&agent(&server, task.as_str(), 2), "ready", "").await.unwrap_err();
    assert_eq!(refusal(&early).1, "RUN_ENDED");
    let order = server.inner.start_order().await;
    server.inner.running(&order.run).await;
    let client = agent(&server, task.as_str(), order.run.number);
    report(&client, " half\n done ", "r-1").await.unwrap();
    report(&client, " half\n done ", "r-1").await.unwrap();
    assert_eq!(refusal(&report(&client, "more", "").await.unwrap_err()).1, "REPORTED_JUST_NOW");
    server.inner.clock.advance(5_000);
    report(&client, "more", "").await.unwrap();
    let filter = pb::EventFilter { types: vec!["task.progress".into()], ..Default::default() };
    let events = server.admin().events().list_events(pb::ListEventsRequest { filter: Some(filter), ..Default::default() }).await.unwrap();
    let events = events.into_inner().events;
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events[1].run_number == order.run.number && format!("{:?}", events[1]).contains("half done"), "{events:?}");
    for text in ["", "  ", "\u{0}", &"x".repeat(1001)] {
        let status = report(&client, text, "").await.unwrap_err();
        assert_eq!((status.code(), refusal(&status).2.as_str()), (Code::InvalidArgument, "text"));
    }
    assert_eq!(refusal(&report(&server.admin(), "I", "").await.unwrap_err()).1, "NOT_AN_AGENT");
    server.inner.succeed(&order.run).await;
    server.inner.clock.advance(5_000);
    assert_eq!(refusal(&report(&client, "late", "").await.unwrap_err()).1, "RUN_ENDED");
}

/// mcp R13, F-131: an agent reads the results of the tasks that its own depends on, and of no other.
#[tokio::test]
async fn an_agent_reads_what_its_task_stands_on() {
    let server = Server::start().await;
    let fields = commands::agents::AgentFields { name: Some("A".into()), runtime: Some(RuntimeKind::Scripted), ..Default::default() };
    server.inner.command(move |tx, context| commands::agents::create(tx, context, &fields)).await.unwrap();
    let project = server.inner.project("App", 1).await;
    let first = server.inner.task(&project, "First", &[]).await;
    let own = server.inner.task(&project, "Own", &[&first]).await;
    let aside = server.inner.task(&project, "Aside", &[]).await;
    let result = |client: Client, task: &TaskId| {
        let request = pb::GetTaskResultRequest { task_id: task.to_string() };
        async move { client.tasks().get_task_result(request).await }
    };
    let client = agent(&server, own.as_str(), 1);
    assert_eq!(refusal(&result(client.clone(), &first).await.unwrap_err()).1, "NO_RESULT", "it is there, and has none yet");
    assert_eq!(refusal(&result(client.clone(), &own).await.unwrap_err()).1, "NO_RESULT");
    assert_eq!(refusal(&result(client.clone(), &aside).await.unwrap_err()).1, "TASK_NOT_FOUND");
    let order = server.inner.start_order().await;
    assert_eq!(order.run.task, first);
    server.inner.running(&order.run).await;
    server.inner.succeed(&order.run).await;
    let told = result(client, &first).await.unwrap().into_inner();
    assert_eq!(told.task_status(), pb::TaskStatus::Completed);
}
