//! A disk that takes nothing more, and a database that another program holds, under a server with work in hand.

use std::path::PathBuf;

use aq_proto::error_detail::ErrorDetail;
use aq_proto::v1 as pb;
use aq_server::clock::{Clock as _, SystemClock};
use aq_server::store::{Connection, DatabaseUrl, open_migrated};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tonic::{Code, Status};

use super::world::Served;

const CONFIG: &str = "agents:\n  sandbox: none\n";

fn database(served: &Served) -> PathBuf {
    served.home().join("db/agent-queue.db")
}

/// From now on no file of the server grows beyond `bytes`; `None`: there is room again.
fn room(served: &Served, bytes: Option<u64>) {
    let server = Pid::from_child(&served.process.child);
    // The server has the limit of this process, and only root could raise it.
    let maximum = getrlimit(Resource::Fsize).maximum;
    prlimit(Some(server), Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}

fn wanted(project: &str, request_id: &str) -> pb::CreateTaskRequest {
    let description = "```aq-script\nwrite b.txt hello\ncommit Add b\n```\n".to_owned();
    let (project_id, request_id) = (project.to_owned(), request_id.to_owned());
    pb::CreateTaskRequest { project_id, title: "later".to_owned(), description, request_id, ..Default::default() }
}

/// Why a call was refused: the reason for programs, and the sentence.
fn told(status: &Status) -> (String, String) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    (ErrorDetail::of(status).unwrap().reason, status.message().to_owned())
}

/// A task at work that says `begun` and waits for its gate.
async fn at_work(served: &Served, project: &str) -> String {
    let task = served.task(project, "say begun\nwait-file gate\nsay ended\nwrite a.txt hello\ncommit Add a\ndone All done.").await;
    served.said(&task, "begun").await;
    task
}

fn open_gate(served: &Served, project: &str, task: &str) {
    std::fs::write(served.home().join("workspaces").join(project).join(task).join("gate"), "").unwrap();
}

/// Nothing is lost: the work of `task` lands in one run and its words are there, the refused call passes under its old id, and everything is sound.
async fn goes_on(served: &Served, project: &str, task: &str) {
    served.told(task, "task.completed").await;
    served.said(task, "ended").await;
    let answer = served.admin.tasks().get_task(pb::GetTaskRequest { task_id: task.to_owned() }).await.unwrap().into_inner();
    assert_eq!(answer.runs.len(), 1, "{:?}", answer.runs);
    let made = served.admin.tasks().create_task(wanted(project, "again")).await.unwrap().into_inner();
    served.told(&made.id, "task.completed").await;
    let all =
        served.admin.tasks().list_tasks(pb::ListTasksRequest { include_finished: true, ..Default::default() }).await.unwrap().into_inner();
    assert_eq!(all.tasks.len(), 2, "{:?}", all.tasks);
    let found = served.admin.admin().check_invariants(pb::CheckInvariantsRequest::default()).await.unwrap().into_inner();
    assert!(found.findings.is_empty(), "{:?}", found.findings);
}

/// Bad input (a full disk), F-021, orchestrator R12: a call that cannot be stored is told why and what to do, and leaves nothing; reading goes on; an agent that ends
/// meanwhile loses neither words nor work; when there is room again everything goes on, the same call included.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_loses_nothing() {
    let mut served = Served::start(CONFIG).await;
    let project = served.project().await;
    let task = at_work(&served, &project).await;
    let log = database(&served).with_extension("db-wal");
    room(&served, Some(std::fs::metadata(&log).unwrap().len()));
    let (reason, sentence) = told(&served.admin.tasks().create_task(wanted(&project, "again")).await.unwrap_err());
    assert_eq!(reason, "DISK_FULL");
    assert!(sentence.contains("make room on the disk") && !sentence.contains("agent-queue.db"), "{sentence}");
    let listed = served.admin.tasks().list_tasks(pb::ListTasksRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.tasks.len(), 1, "reading goes on");

    open_gate(&served, &project, &task);
    served.process.until("a report cannot be written yet").await;
    room(&served, None);
    goes_on(&served, &project, &task).await;
}

/// Bad input (a locked database), F-017, store R22: while another program holds the lock, calls are told so after a wait, all together and not one after the
/// other; nothing is lost, and everything goes on when the lock is free.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_database_is_told_and_loses_nothing() {
    let mut served = Served::start(CONFIG).await;
    let project = served.project().await;
    let task = at_work(&served, &project).await;
    let url = DatabaseUrl::sqlite(&database(&served));
    let backups = served.home().join("backups");
    let mut theirs: Connection = open_migrated(&url, &backups, SystemClock.now()).unwrap().0;
    theirs.batch("BEGIN IMMEDIATE").unwrap();
    let calls = (0..8).map(|_| {
        let (tasks, request) = (served.admin.tasks(), wanted(&project, "again"));
        async move {
            let mut tasks = tasks;
            tasks.create_task(request).await.unwrap_err()
        }
    });
    for refused in futures_util::future::join_all(calls).await {
        let (reason, sentence) = told(&refused);
        assert_eq!(reason, "DATABASE_LOCKED");
        assert!(sentence.contains("end it or wait for it"), "{sentence}");
    }
    open_gate(&served, &project, &task);
    served.process.until("a report cannot be written yet").await;
    theirs.batch("COMMIT").unwrap();
    goes_on(&served, &project, &task).await;
}
