//! Work that waits for room.

use aq_core::task::TaskStatus;
use aq_server::store::events;

use crate::harness::Harness;

/// F-066, D-09: a task without a free workspace waits, and takes no agent along: the agent works for another project meanwhile; passes tell nothing about it
/// again and again; when the workspace is free it starts by itself.
#[tokio::test]
async fn a_task_waits_for_a_workspace_without_an_agent() {
    let server = Harness::start().await;
    server.agents(2).await;
    let (narrow, other) = (server.project("Narrow", 1).await, server.project("Other", 1).await);
    let first = server.task(&narrow, "first", &[]).await;
    let run = server.start_order().await.run;
    server.running(&run).await;
    let second = server.task(&narrow, "second", &[]).await;
    assert!(server.nothing_started().await);
    let told = server.bus.last();
    for _ in 0..5 {
        server.clock.advance(60_000);
        assert!(server.nothing_started().await);
    }
    assert_eq!(server.bus.last(), told, "waiting is no event");
    assert_eq!(server.get(&second).await.status, TaskStatus::Ready);

    let elsewhere = server.task(&other, "elsewhere", &[]).await;
    let beside = server.start_order().await.run;
    assert_eq!(beside.task, elsewhere, "the second agent is free");
    server.succeed(&run).await;
    server.until(&first, TaskStatus::Completed).await;
    assert_eq!(server.start_order().await.run.task, second);
    let all = server.reader.read(|db| events::after(db, 0, i64::MAX)).await.unwrap();
    let of_second: Vec<_> = all.iter().filter(|event| event.task.as_ref() == Some(&second)).map(|event| event.kind.as_str()).collect();
    assert_eq!(of_second.iter().filter(|kind| kind.starts_with("task.")).count(), 2, "created, assigned: {of_second:?}");
}
