//! What a test leaves behind.

use super::place::at_work_in;
use super::world::Served;

/// Style R18: a server that is killed leaves its runs alive, and the end of its folder ends them, so that no test leaves a process behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_test_leaves_no_process_behind() {
    let served = Served::start("agents:\n  sandbox: none\n").await;
    let project = served.project().await;
    let task = served.task(&project, "say here\nshell sleep 1000 & wait").await;
    served.said(&task, "here").await;
    let folder = served.process.folder.clone();
    let path = folder.path().to_owned();
    drop(served);
    assert!(at_work_in(&path).len() >= 2, "the shim and its agent go on");
    drop(folder);
    assert_eq!(at_work_in(&path), []);
}
