//! Two servers on one PostgreSQL database: one leads, one stands by; the first is killed, the second takes over.

use std::process::Command;
use std::sync::Arc;

use aq_proto::client::{Connection, Options};
use aq_proto::v1 as pb;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::place::Place;
use super::world::{Launched, Served};
use crate::store::backend::Home;

/// A request to create a task that commits a file of its name; with a gate it waits for that first.
fn wanted(project: &str, name: &str, gate: Option<&str>, after: &[&str]) -> pb::CreateTaskRequest {
    let wait = gate.map(|gate| format!("wait-file {gate}\n")).unwrap_or_default();
    let description = format!("```aq-script\nsay begun-{name}\n{wait}write {name}.txt done\ncommit did {name}\n```\n");
    pb::CreateTaskRequest {
        project_id: project.into(),
        title: name.into(),
        description,
        after: after.iter().map(|id| (*id).to_owned()).collect(),
        request_id: format!("request-{name}"),
        ..Default::default()
    }
}

async fn create(server: &Served, request: &pb::CreateTaskRequest) -> String {
    server.admin.tasks().create_task(request.clone()).await.unwrap().into_inner().id
}

/// Decision 0004, architecture §3: while one server leads, the other is healthy but not ready and answers nobody; when the leader is killed, it takes over:
/// what was asked for is there once, the run that was at work is begun again, work lands once. The old leader stands by when it comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_takes_over() {
    let Some(database) = Home::postgres() else { return };
    let address = database.address();
    let config = "agents:\n  sandbox: none\n";
    let variables = [("AQ_DATABASE_URL", address.as_str())];
    let (one, two) = (Place::new(), Place::new());
    let first = Launched::on(Arc::clone(&one), config, &variables).serving().await;
    let project = first.project().await;
    let mut second = Launched::on(Arc::clone(&two), config, &variables);
    second.until("standing by").await;

    let gate = one.path().join("gate").display().to_string();
    let done = create(&first, &wanted(&project, "done", None, &[])).await;
    first.told(&done, "task.completed").await;
    let held = create(&first, &wanted(&project, "held", Some(&gate), &[])).await;
    first.said(&held, "begun-held").await;
    let later = create(&first, &wanted(&project, "later", None, &[&held])).await;
    let socket = two.path().join("home").join("aqd.sock").display().to_string();
    stands_by(&socket).await;

    // Keys are in the database: a client's key opens both servers, and names who asked.
    let key = std::fs::read_to_string(first.home().join("admin.key")).unwrap();
    drop(first);
    let mut second = second.serving().await;
    second.admin = second.with_key(&key).await;
    for (name, known) in [("done", &done), ("held", &held)] {
        let gate = (name == "held").then_some(gate.as_str());
        assert_eq!(create(&second, &wanted(&project, name, gate, &[])).await, *known, "the same request is answered the same");
    }
    let fresh = create(&second, &wanted(&project, "fresh", None, &[])).await;
    std::fs::write(&gate, "").unwrap();
    // Its first attempt is lost with the first server.
    second.events_until(&held, "task.completed").await;
    for task in [&later, &fresh] {
        second.told(task, "task.completed").await;
    }
    let list =
        second.admin.tasks().list_tasks(pb::ListTasksRequest { include_finished: true, ..Default::default() }).await.unwrap().into_inner();
    let mut tasks: Vec<_> = list.tasks.into_iter().map(|task| task.id).collect();
    tasks.sort();
    let mut expected = vec![done, held.clone(), later, fresh];
    expected.sort();
    assert_eq!(tasks, expected);
    let runs = second.admin.runs().list_runs(pb::ListRunsRequest { task_id: held, ..Default::default() }).await.unwrap().into_inner().runs;
    let done = runs.iter().filter(|run| run.outcome() == pb::RunOutcome::Succeeded);
    assert_eq!(done.count(), 1, "{runs:?}");
    // The run of the first server is lost, and what it did is tried again under the next number.
    let mut numbers: Vec<_> = runs.iter().map(|run| (run.number, run.outcome())).collect();
    numbers.sort_by_key(|(number, _)| *number);
    assert_eq!(numbers, [(1, pb::RunOutcome::Failed), (2, pb::RunOutcome::Succeeded)]);
    let log = Command::new("git").args(["log", "--format=%s", "main"]).current_dir(one.path().join("repository")).output().unwrap();
    let log = String::from_utf8(log.stdout).unwrap();
    for name in ["done", "held", "later", "fresh"] {
        assert_eq!(log.matches(&format!("did {name}\n")).count(), 1, "{log}");
    }
    let findings = second.admin.admin().check_invariants(pb::CheckInvariantsRequest::default()).await.unwrap().into_inner();
    assert!(findings.findings.is_empty(), "{findings:?}");

    let mut back = Launched::on(one, config, &variables);
    back.until("standing by").await;
    drop(second);
    let back = back.serving().await;
    let again = back.admin.tasks().create_task(wanted(&project, "again", None, &[])).await.unwrap().into_inner().id;
    back.told(&again, "task.completed").await;
}

/// It is there, and says that it is not ready; whoever calls it is told to try again.
async fn stands_by(socket: &str) {
    let endpoint = format!("unix://{socket}").parse().unwrap();
    let key = "aq_nobody_0123456789012345678901".parse().unwrap();
    let connection = Connection::connect(&Options::new(endpoint, Some(key))).await.unwrap();
    let mut health = HealthClient::new(connection.channel());
    assert_eq!(health.check(HealthCheckRequest::default()).await.unwrap().into_inner().status(), ServingStatus::NotServing);
    let refused = connection.tasks().list_tasks(pb::ListTasksRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
}
