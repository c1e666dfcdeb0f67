//! What a person may do to a task in which status, and the exact words of each refusal (F-163).

use aq_core::ids::{ProjectId, TaskId};
use aq_core::runner_link::Answer;
use aq_core::task::TaskStatus::{self, AwaitingApproval, Blocked, Completed, Defined, Failed, InProgress, Ready};
use aq_server::commands::{self, CommandError, control};

use crate::harness::Harness;

/// The commands of a task, in the order of the tables below.
const COMMANDS: [&str; 8] = ["stop", "restart", "reopen", "skip", "approve", "reject", "answer", "delete"];

/// Gives a command; what the task is then, or the reason and the words of the refusal.
async fn give(server: &Harness, command: &'static str, id: &TaskId) -> Result<TaskStatus, (&'static str, String)> {
    let id = id.clone();
    let done = server.command(move |tx, context| {
        let record = match command {
            "stop" => control::stop(tx, context, &id, "")?,
            "restart" => control::restart(tx, context, &id, "")?,
            "reopen" => control::restart(tx, context, &id, "the colour is wrong")?,
            "skip" => control::skip(tx, context, &id)?.record,
            "approve" => control::approve(tx, context, &id)?,
            "reject" => control::reject(tx, context, &id, "no")?,
            "answer" => commands::questions::answer(tx, context, &id, "", Answer::Text("yes".into()), None)?.0,
            _ => control::delete(tx, context, &id)?,
        };
        Ok::<_, CommandError>(record.task.status)
    });
    done.await.map_err(|error| match error {
        CommandError::Precondition { reason, message } => (reason, message),
        other => panic!("{command}: {other:?}"),
    })
}

async fn in_status(server: &Harness, project: &ProjectId, status: TaskStatus) -> TaskId {
    if status == Defined {
        let first = server.task(project, "first", &[]).await;
        return server.task(project, "waits", &[&first]).await;
    }
    let id = server.task(project, "a task", &[]).await;
    if status != Ready {
        let moved = id.clone();
        server.command(move |tx, context| control::set_status(tx, context, &moved, status, "by hand")).await.unwrap();
    }
    id
}

/// Tries every command on a task of its own; a refused one must change nothing and say the task's name and status.
async fn check(server: &Harness, id: &TaskId, command: &'static str, expected: Result<TaskStatus, &'static str>) {
    let before = server.get(id).await;
    let given = give(server, command, id).await;
    let brief = given.as_ref().copied().map_err(|(reason, _)| *reason);
    assert_eq!(brief, expected, "{command} in {}: {given:?}", before.status);
    if let Err((reason, words)) = given {
        assert_eq!(server.get(id).await, before, "{command} was refused and changed something");
        if reason != "NOTHING_TO_LAND" {
            assert!(words.starts_with(&format!("task `{id}` is {}: ", before.status)), "{words}");
        }
    }
}

/// F-163, commands, table: every command in every status that stays as it is while no agent stands behind it. (A pause that was written by hand ends by
/// itself.)
#[tokio::test]
async fn commands_are_guarded_by_the_status() {
    let server = Harness::start().await;
    let project = server.project("App", 1).await;
    let (none, skip, wait) = (Err("NO_OPEN_QUESTION"), Err("TASK_NOT_SKIPPABLE"), Err("TASK_NOT_AWAITING_APPROVAL"));
    let over = Err("TASK_NOT_STOPPABLE");
    let table: [(TaskStatus, [Result<TaskStatus, &'static str>; 8]); 5] = [
        (Ready, [Ok(Blocked), Err("TASK_READY"), Err("TASK_READY"), skip, wait, wait, none, Ok(Blocked)]),
        (AwaitingApproval, [Ok(Blocked), Ok(Ready), Ok(Ready), skip, Err("NOTHING_TO_LAND"), Ok(Blocked), none, Ok(Blocked)]),
        (Completed, [over, Ok(Ready), Ok(Ready), skip, wait, wait, none, Ok(Completed)]),
        (Failed, [over, Ok(Ready), Ok(Ready), Ok(Completed), wait, wait, none, Ok(Failed)]),
        (Blocked, [over, Ok(Ready), Ok(Ready), Ok(Completed), wait, wait, none, Ok(Blocked)]),
    ];
    for (status, expected) in table {
        for (command, expected) in COMMANDS.into_iter().zip(expected) {
            let id = in_status(&server, &project, status).await;
            check(&server, &id, command, expected).await;
        }
    }
    let waits = [("stop", Ok(Blocked)), ("reopen", Err("TASK_NOT_STARTED")), ("skip", skip), ("approve", wait), ("answer", none)];
    for (command, expected) in waits {
        let id = in_status(&server, &project, Defined).await;
        check(&server, &id, command, expected).await;
    }
}

/// F-163: a task that an agent works on is stopped or deleted, and nothing else.
#[tokio::test]
async fn a_running_task_is_stopped_first() {
    let server = Harness::start().await;
    let project = server.project("App", 1).await;
    server.agents(1).await;
    let id = server.task(&project, "a task", &[]).await;
    let start = server.start_order().await;
    server.running(&start.run).await;
    assert_eq!(server.get(&id).await.status, InProgress);
    let refused = [
        ("restart", "TASK_RUNNING"),
        ("reopen", "TASK_RUNNING"),
        ("skip", "TASK_NOT_SKIPPABLE"),
        ("approve", "TASK_NOT_AWAITING_APPROVAL"),
        ("reject", "TASK_NOT_AWAITING_APPROVAL"),
        ("answer", "NO_OPEN_QUESTION"),
    ];
    for (command, reason) in refused {
        check(&server, &id, command, Err(reason)).await;
    }
    check(&server, &id, "stop", Ok(Blocked)).await;
}
