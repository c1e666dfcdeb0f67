//! How a served `aqd` ends when it is asked to: told as an event, with runs that are stopped or left to their shims.

use std::sync::Arc;

use aq_proto::v1 as pb;

use super::place::Place;
use super::world::{Launched, Served};

const CONFIG: &str = "agents:\n  sandbox: none\n";

/// A server with a run that goes on for ever, and what it would print next.
async fn at_work() -> (Served, String) {
    let served = Launched::on(Place::new(), CONFIG, &[]).serving().await;
    let project = served.project().await;
    let task = served.task(&project, "say at work\nwait-file never").await;
    served.said(&task, "at work").await;
    (served, task)
}

/// Asks the server to end, waits until it has, by itself, and starts it again. The kinds of the events of the last life from its end on, and of the task.
async fn ended(mut served: Served, task: &str, stop_runs: bool) -> (Served, Vec<String>) {
    let request = pb::ShutdownRequest { stop_runs, request_id: "end".into(), ..Default::default() };
    served.admin.admin().shutdown(request).await.unwrap();
    served.process.until("everything stopped by itself").await;
    let mut process = served.process;
    let folder = Arc::clone(&process.folder);
    tokio::task::spawn_blocking(move || assert!(process.child.wait().unwrap().success())).await.unwrap();
    let next = Launched::on(folder, CONFIG, &[]).serving().await;
    let listed =
        next.admin.events().list_events(pb::ListEventsRequest { page_size: 200, ..Default::default() }).await.unwrap().into_inner();
    let mut kinds: Vec<_> = listed.events.into_iter().filter(|event| event.task_id.is_empty() || event.task_id == task).collect();
    kinds.sort_by_key(|event| event.seq);
    let from = kinds.iter().position(|event| event.r#type == "system.stopping").unwrap_or_else(|| panic!("{kinds:#?}"));
    (next, kinds.into_iter().skip(from).map(|event| event.r#type).collect())
}

/// Shutdown R7: runs that are to be stopped have ended before the server has, although nobody is connected any more.
#[tokio::test(flavor = "multi_thread")]
async fn runs_are_stopped_when_asked() {
    let (served, task) = at_work().await;
    let (_next, kinds) = ended(served, &task, true).await;
    let place = |kind: &str| kinds.iter().position(|told| told == kind).unwrap_or_else(|| panic!("no {kind}: {kinds:?}"));
    assert!(place("run.finished") < place("system.started"), "{kinds:?}");
}

/// F-093, shutdown R2, R7: otherwise the end is told and the run goes on; the next server has it.
#[tokio::test(flavor = "multi_thread")]
async fn runs_are_left_when_not_asked() {
    let (served, task) = at_work().await;
    let (next, kinds) = ended(served, &task, false).await;
    assert!(!kinds.iter().any(|kind| kind == "run.finished"), "{kinds:?}");
    let directory = next.home().join("workspaces");
    let project =
        next.admin.tasks().get_task(pb::GetTaskRequest { task_id: task.clone() }).await.unwrap().into_inner().task.unwrap().project_id;
    std::fs::write(directory.join(project).join(&task).join("never"), "").unwrap();
    next.told(&task, "task.completed").await;
}
