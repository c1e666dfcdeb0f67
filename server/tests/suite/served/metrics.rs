//! Figures of a real server, read as a monitoring program reads them.

use std::time::Duration;

use aq_proto::v1 as pb;

use super::place::Place;
use super::world::{Launched, Served};

/// The URL that the log names.
fn url(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line.get("url").and_then(serde_json::Value::as_str).unwrap_or_else(|| panic!("{line}")).to_owned()
}

/// The value of a figure with these labels, by its whole beginning.
fn value(text: &str, figure: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(' ')?.parse().ok())
}

/// metrics R1 to R3: figures follow a task from its creation to its end; foreign hosts, other paths and other methods get a sentence.
#[tokio::test(flavor = "multi_thread")]
async fn figures_follow_a_task_to_its_end() {
    let mut launched = Launched::on(Place::new(), "agents:\n  sandbox: none\nmetrics:\n  listen: 127.0.0.1:0\n", &[]);
    let url = url(&launched.until("figures are served").await);
    let served = launched.serving().await;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let read = async || {
        let answer = http.get(&url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
        answer.text().await.unwrap()
    };
    let before = read().await;
    assert_eq!(value(&before, r#"aq_tasks{status="COMPLETED"}"#), Some(0.0), "{before}");
    assert!(before.ends_with("# EOF\n") && value(&before, "aq_open_runs") == Some(0.0), "{before}");

    let project = served.project().await;
    let task = served.task(&project, "usage 120 30\nwrite a.txt hello\ncommit Greet\ndone It greets.").await;
    served.told(&task, "task.completed").await;
    served.told(&task, "run.ended").await;
    let missing = served.admin.tasks().get_task(pb::GetTaskRequest { task_id: "nobody-here".into() }).await;
    assert_eq!(missing.unwrap_err().code(), tonic::Code::NotFound);
    // The events are counted behind their commit.
    let counted = async {
        loop {
            let text = read().await;
            if value(&text, r#"aq_run_seconds_count{runtime="scripted",result="done"}"#).is_some() {
                return text;
            }
        }
    };
    let after = tokio::time::timeout(Duration::from_secs(60), counted).await.unwrap();
    let figures = [
        (r#"aq_tasks{status="COMPLETED"}"#, 1.0),
        (r#"aq_run_seconds_count{runtime="scripted",result="done"}"#, 1.0),
        ("aq_queue_wait_seconds_count", 1.0),
        (r#"aq_grpc_requests_total{method="agentqueue.v1.TaskService/CreateTask",code="Ok"}"#, 1.0),
        (r#"aq_grpc_requests_total{method="agentqueue.v1.TaskService/GetTask",code="NotFound"}"#, 1.0),
        (r#"aq_grpc_request_seconds_count{method="agentqueue.v1.TaskService/CreateTask"}"#, 1.0),
    ];
    for (figure, expected) in figures {
        assert_eq!(value(&after, figure), Some(expected), "{figure}\n{after}");
    }
    let tokens = |kind: &str| after.lines().filter(|line| line.starts_with("aq_tokens_total{") && line.contains(kind)).count();
    assert!(tokens(r#"kind="input"} 120"#) == 1 && tokens(r#"kind="output"} 30"#) == 1, "{after}");
    assert!(!after.contains(&task) && !after.contains(&project), "no ids in labels\n{after}");

    // An agent whose program is not there is tried again at an instant, the other one has nothing to wait for.
    let profile = Some(pb::RuntimeProfile { command: vec!["/nowhere/agent".into()], ..Default::default() });
    let broken = pb::CreateAgentRequest { name: "Broken".into(), runtime: pb::Runtime::Command.into(), profile, ..Default::default() };
    served.admin.agents().create_agent(broken).await.unwrap();
    let wanted = pb::CreateTaskRequest {
        project_id: project.clone(),
        title: "x".into(),
        runtime: pb::Runtime::Command.into(),
        ..Default::default()
    };
    let id = served.admin.tasks().create_task(wanted).await.unwrap().into_inner().id;
    served.events_until(&id, "task.paused").await;
    let text = read().await;
    let faults: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("aq_agent_fault_until_seconds{agent=")).collect();
    assert!(faults.len() == 2 && faults.iter().filter(|line| line.ends_with(" 0.0")).count() == 1, "{text}");
    assert!(value(&text, r#"aq_agent_fault_until_seconds{agent="broken"}"#).unwrap() > 1e9, "{text}");

    let foreign = http.get(&url).header("host", "figures.example.org").send().await.unwrap();
    assert_eq!(
        (foreign.status().as_u16(), foreign.text().await.unwrap()),
        (403, "the request names a foreign host; ask for localhost".into())
    );
    let elsewhere = http.get(url.replace("/metrics", "/")).send().await.unwrap();
    assert_eq!(
        (elsewhere.status().as_u16(), elsewhere.text().await.unwrap()),
        (404, "there is nothing here; the figures are at /metrics".into())
    );
    assert_eq!(http.post(&url).send().await.unwrap().status(), 405);
}

/// metrics R1: nothing is served unless the configuration says so.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_unasked() {
    let served = Served::start("agents:\n  sandbox: none\n").await;
    let open = std::fs::read_dir(format!("/proc/{}/fd", served.process.child.id())).unwrap().flatten();
    let sockets: Vec<String> = open
        .filter_map(|entry| std::fs::read_link(entry.path()).ok()?.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned))
        .collect();
    let listening = |table: &str| {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        let rows = text.lines().skip(1).map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        // State 0A is LISTEN; the tenth column is the socket's inode.
        rows.filter(|row| row[3] == "0A" && sockets.contains(&row[9])).count()
    };
    // The one listener is that of the assistants.
    assert_eq!(listening("/proc/net/tcp") + listening("/proc/net/tcp6"), 1);
}
