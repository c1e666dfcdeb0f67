//! An agent without a sandbox: nothing but keys stands between it and everything else, and the server says so.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use tonic::{Code, Status};

use super::place::Place;
use super::world::Launched;
use crate::api::raw::Raw;

/// Every Unix socket below a folder.
fn sockets(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(sockets(&entry.path())),
            Ok(kind) if kind.is_socket() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

/// What a socket says to some lines, until it hangs up.
fn answer(socket: &Path, lines: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // It may hang up before everything was said.
    let _hung_up = stream.write_all(lines.as_bytes());
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    heard
}

/// The status of a call without a request, taking the first message of a stream.
async fn call(connection: &Connection, path: &str, body: Vec<u8>) -> Result<(), Status> {
    let mut grpc = tonic::client::Grpc::new(connection.channel());
    grpc.ready().await.unwrap();
    let answer = grpc.server_streaming(tonic::Request::new(body), path.parse().unwrap(), Raw).await?;
    answer.into_inner().message().await.map(|_| ())
}

/// Architecture §9, I-44, F-058: two agents work while calls are answered. Without a sandbox the server warns at its start. A shim's socket does nothing for who has not its key. With an agent's key every call
/// of the contract is refused except those that it is made for: its own run and task, questions, proposals, and the notes of its project, and the key dies with the run.
#[tokio::test(flavor = "multi_thread")]
async fn keys_alone_keep_an_agent_out() {
    let mut launched = Launched::on(Place::new(), "agents:\n  sandbox: none\n  own_key: true\n", &[]);
    launched.until("agents are not contained").await;
    let served = launched.serving().await;
    let project = served.project().await;
    let agent = pb::CreateAgentRequest { runtime: pb::Runtime::Scripted.into(), ..Default::default() };
    served.admin.agents().create_agent(agent).await.unwrap();
    let victim = served.task(&project, "say victim-works\nwait-file gate").await;
    served.said(&victim, "victim-works").await;
    let spy = served.task(&project, "shell printf %s \"$AQ_API_KEY\" > key.txt\nsay spy-works\nwait-file gate").await;
    served.said(&spy, "spy-works").await;
    let directory = |task: &str| served.home().join("workspaces").join(&project).join(task);
    let key = std::fs::read_to_string(directory(&spy).join("key.txt")).unwrap();

    let found = sockets(&served.home().join("runs"));
    assert_eq!(found.len(), 2, "{found:?}");
    for socket in &found {
        let hello = format!("{{\"op\":\"hello\",\"key\":\"{key}\",\"epoch\":99}}\n{{\"op\":\"stop\",\"reason\":\"x\",\"grace_ms\":0}}\n");
        let watch = format!("{{\"op\":\"watch\",\"key\":\"{key}\"}}\n");
        let stop = "{\"op\":\"stop\",\"reason\":\"x\",\"grace_ms\":0}\n".to_owned();
        let input = "{\"op\":\"stdin\",\"id\":\"1\",\"data\":\"eA==\"}\n".to_owned();
        for lines in [hello, watch, stop, input] {
            let heard = answer(socket, &lines);
            assert_eq!((heard.lines().count(), heard.contains("bad_key")), (1, true), "{lines} {heard}");
        }
    }

    let agent = served.with_key(&key).await;
    let mut answered = Vec::new();
    for path in aq_proto::methods::methods().keys() {
        match call(&agent, path, Vec::new()).await {
            Err(status) if status.code() == Code::PermissionDenied => {}
            _ => answered.push(path.rsplit('/').next().unwrap()),
        }
    }
    answered.sort_unstable();
    let own = [
        "AppendNote",
        "AskHuman",
        "ExchangeMcpMessage",
        "GetNote",
        "GetRun",
        "GetServerInfo",
        "GetTask",
        "GetTaskResult",
        "ListNotes",
        "ProposeTask",
        "ReportProgress",
        "WriteNote",
    ];
    assert_eq!(answered, own);
    let task = |id: &str| pb::GetTaskRequest { task_id: id.into() };
    let run = |id: &str| pb::GetRunRequest { task_id: id.into(), run_number: 1 };
    assert!(agent.tasks().get_task(task(&spy)).await.is_ok() && agent.runs().get_run(run(&spy)).await.is_ok());
    assert_eq!(agent.tasks().get_task(task(&victim)).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(agent.runs().get_run(run(&victim)).await.unwrap_err().code(), Code::NotFound);

    for task in [&victim, &spy] {
        std::fs::write(directory(task).join("gate"), "").unwrap();
        served.told(task, "task.completed").await;
    }
    // The server trusts what it read of a key for five seconds.
    let died = async {
        loop {
            match agent.tasks().get_task(task(&spy)).await {
                Err(status) if status.code() == Code::Unauthenticated => return,
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), died).await.unwrap();
    let runs = served.admin.runs().list_runs(pb::ListRunsRequest::default()).await.unwrap().into_inner().runs;
    assert_eq!(runs.len(), 2, "nobody was stopped: {runs:?}");
}
