//! What an agent finds of the server from inside its run, and what its own key lets it do.

use aq_proto::v1 as pb;
use aq_server::config::{Environment, find_program};
use tonic::Code;

use super::world::Served;

/// Architecture §9, I-44: from inside a served run, under Landlock, an agent reads neither key files nor run folders nor other tasks' directories
/// nor the server's environment; what it may do with its own key is read its task and propose one, which waits for a person.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_finds_nothing_and_proposes() {
    finds_nothing_and_proposes("landlock").await;
}

/// Sandbox R8: the same within namespaces, where the server's socket has another name. With `AQ_TEST_BWRAP` there has to be a `bwrap`.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_namespaces_finds_nothing_and_proposes() {
    let environment = Environment::of_process();
    let found = find_program("bwrap", &environment);
    match found.ok_or_else(|| "it is not on PATH".to_owned()).and_then(|bwrap| aq_runner::sandbox::try_out(&bwrap)) {
        Ok(_version) => finds_nothing_and_proposes("bwrap").await,
        Err(why) => {
            assert!(environment.get("AQ_TEST_BWRAP").is_none(), "AQ_TEST_BWRAP asks for bwrap: {why}");
            println!("without bwrap: {why}");
        }
    }
}

async fn finds_nothing_and_proposes(level: &str) {
    let served = Served::start(&format!("agents:\n  sandbox: {level}\n")).await;
    let project = served.project().await;
    let (home, pid) = (served.home().display().to_string(), served.process.child.id());
    let look = format!(
        "shell {{ cat {home}/admin.key; ls {home}; ls {home}/runs; cat {home}/runs/*/run.json; cat {home}/db/*; ls {home}/workspaces/{project}; \
         cat /proc/{pid}/environ; }} > found.txt 2>&1; true"
    );
    let script = format!(
        "{look}\nshell printf %s \"$AQ_API_KEY\" > key.txt\nshell test -S \"$AQ_SOCKET\" && echo yes > socket.txt; true\nsay looked-around-now\nwait-file gate"
    );
    let task = served.task(&project, &script).await;
    served.said(&task, "looked-around-now").await;
    let directory = served.home().join("workspaces").join(&project).join(&task);
    let found = std::fs::read_to_string(directory.join("found.txt")).unwrap();
    let admin_key = std::fs::read_to_string(served.home().join("admin.key")).unwrap();
    assert!(!found.contains(admin_key.trim()), "the administrator's key was read");
    if level == "bwrap" {
        assert!(!found.contains("aq-shim") && !found.contains("agent-queue.db") && !found.contains("SQLite"), "{found}");
        assert!(!found.contains("admin.key\n"), "{found}");
    } else if aq_runner::sandbox::probe().landlock > 0 {
        // Each of the seven says one line: refused, or its pattern stays a pattern because the folder cannot be listed.
        let unseen = |line: &str| line.contains('*') && line.contains("No such file");
        let refused = found.lines().filter(|line| line.contains("ermission denied") || unseen(line)).count();
        assert_eq!((refused, found.lines().count()), (7, 7), "{found}");
        assert!(!found.contains("aq-shim") && !found.contains("agent-queue.db") && !found.contains("SQLite"), "{found}");
    }

    let key = std::fs::read_to_string(directory.join("key.txt")).unwrap();
    assert_eq!(std::fs::read_to_string(directory.join("socket.txt")).unwrap(), "yes\n", "AQ_SOCKET names the server's socket");
    let agent = served.with_key(&key).await;
    let own = agent.tasks().get_task(pb::GetTaskRequest { task_id: task.clone() }).await.unwrap().into_inner();
    assert_eq!(own.task.unwrap().id, task);
    let list = agent.tasks().list_tasks(pb::ListTasksRequest::default()).await.unwrap_err();
    assert_eq!(list.code(), Code::PermissionDenied);
    let stop = agent.tasks().stop_task(pb::StopTaskRequest { task_id: task.clone(), ..Default::default() }).await.unwrap_err();
    assert_eq!(stop.code(), Code::PermissionDenied);
    let propose = pb::ProposeTaskRequest { title: "And this".into(), ..Default::default() };
    let proposed = agent.tasks().propose_task(propose).await.unwrap().into_inner();
    assert!(proposed.waits_for_approval);
    let wanted = pb::GetTaskRequest { task_id: proposed.task_id.clone() };
    let waiting = served.admin.tasks().get_task(wanted.clone()).await.unwrap().into_inner().task.unwrap();
    assert_eq!((waiting.status(), waiting.block_reason()), (pb::TaskStatus::Blocked, pb::BlockReason::Proposed));
    assert_eq!((waiting.parent_task_id.as_str(), waiting.created_by.as_str()), (task.as_str(), "agent"));
    assert_eq!(agent.tasks().get_task(wanted).await.unwrap_err().code(), Code::NotFound, "not even its own proposal");

    std::fs::write(directory.join("gate"), "").unwrap();
    served.told(&task, "task.completed").await;
}
