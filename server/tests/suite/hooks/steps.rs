//! The looks of hooks: files, addresses, queries, diffs (F-142).

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use aq_core::hook::{ContextStep, Hook, Rules, Step, Trigger};
use aq_server::commands;
use aq_server::hooks::{HookEngine, Parts};
use serde_json::Value;

use super::world::{Outside, add, draft, fire, ledger, parts, rules};
use crate::harness::Harness;

fn plain(step: Step) -> ContextStep {
    ContextStep { step, skip_if_exit_zero: false, skip_if_empty: false, skip_if_status_ok: false }
}

/// Runs a hook with these steps by hand and gives their outcomes.
async fn outcomes(
    server: &Harness,
    project: &aq_core::ids::ProjectId,
    steps: Vec<Step>,
    rules: Rules,
    payload: Option<Value>,
) -> Vec<Value> {
    let outside = Arc::new(Outside::default());
    let id = format!("hk-{}", uuid::Uuid::new_v4().simple());
    let id = id.get(..12).unwrap();
    add(server, Hook { steps: steps.into_iter().map(plain).collect(), ..draft(project, id, Trigger::Manual, server) }).await;
    let mut hooks = HookEngine::new(Parts { rules, ..parts(server, &outside) }).await.unwrap();
    fire(server, id, &format!("hr-{id}"), payload).await.unwrap();
    hooks.settle().await.unwrap();
    ledger(server, id).await.remove(0).context
}

fn http(url: &str) -> Step {
    Step::Http { url: url.into(), timeout_ms: 5_000 }
}

/// An address that answers each connection with the next text.
fn serve(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let _read = stream.read(&mut [0; 4096]);
            let _gone = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// F-142, D-67: a file of the project's directory, cut at its lines; what leads out of it is an error.
#[tokio::test]
async fn files_are_read_inside_the_project() {
    let server = Harness::start().await;
    let project = server.project("App", 1).await;
    let directory = server.home.path().join("app-0");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("log.txt"), "one\ntwo\nthree\n").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", directory.join("link")).unwrap();
    let read = |path: &str, max_lines| Step::ReadFile { path: path.into(), max_lines };
    let found = outcomes(&server, &project, vec![read("log.txt", 2), read("link", 9), read("nothing", 9)], rules(), None).await;
    assert_eq!((found[0]["content"].as_str(), found[0]["_step_index"].as_u64()), (Some("one\ntwo"), Some(0)));
    assert!(found[1]["error"].as_str().unwrap().contains("link"), "{}", found[1]);
    assert!(found[2]["error"].as_str().unwrap().contains("not there"), "{}", found[2]);
}

/// F-142, hooks R9: status and body, cut; redirects are followed and looked at; this machine is out of reach unless allowed.
#[tokio::test]
async fn addresses_are_read_within_bounds() {
    let server = Harness::start().await;
    let project = server.project("App", 1).await;
    let long = "x".repeat(60_000);
    let here = serve(vec![
        "HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into(),
        "HTTP/1.1 503 Busy\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbusy".into(),
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{long}", long.len()),
    ]);
    let steps = vec![http(&here), http(&here), http("http://127.0.0.1:1/"), http("http://nothing.invalid/")];
    let found = outcomes(&server, &project, steps, rules(), None).await;
    assert_eq!((found[0]["status_code"].as_u64(), found[0]["body"].as_str()), (Some(503), Some("busy")));
    assert_eq!((found[1]["status_code"].as_u64(), found[1]["body"].as_str().unwrap().len()), (Some(200), 50_000));
    assert_eq!(found[2]["status_code"].as_u64(), Some(0));
    assert!(found[2]["error"].is_string() && found[3]["error"].is_string(), "{found:?}");

    let public = Rules { private_addresses: false, ..rules() };
    let here = serve(Vec::new());
    let steps = vec![http(&here), http("http://localhost:9/"), http("http://[::1]:9/"), http("http://169.254.169.254/latest/meta-data")];
    for found in outcomes(&server, &project, steps, public, None).await {
        assert!(found["error"].as_str().unwrap().contains("private network"), "{found}");
    }
}

/// F-142: four named queries with bound parameters, of the hook's project only.
#[tokio::test]
async fn queries_see_their_own_project() {
    let server = Harness::start().await;
    server.agents(1).await;
    let (project, other) = (server.project("App", 1).await, server.project("Other", 1).await);
    let task = server.task(&project, "Fix login", &[]).await;
    let order = server.start_order().await;
    server.succeed(&order.run).await;
    let foreign = server.task(&other, "Secret", &[]).await;
    let query = |name: &str, params: &[(&str, &str)]| Step::Query {
        name: name.into(),
        params: params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>(),
    };
    let steps = vec![
        query("recent_task_results", &[]),
        query("task_detail", &[("task_id", "{{event.task}}")]),
        query("task_detail", &[("task_id", foreign.as_str())]),
        query("task_detail", &[("task_id", "'; DROP TABLE tasks; --")]),
        query("recent_events", &[]),
        query("hook_runs", &[("hook_id", "hk-none")]),
    ];
    let payload = serde_json::json!({ "task": task.as_str() });
    let found = outcomes(&server, &project, steps, rules(), Some(payload)).await;
    assert_eq!((&found[0]["rows"][0]["task_id"], found[0]["count"].as_u64()), (&task.as_str().into(), Some(1)));
    assert_eq!(found[1]["rows"][0]["title"], "Fix login");
    assert_eq!((found[2]["count"].as_u64(), found[3]["count"].as_u64(), found[5]["count"].as_u64()), (Some(0), Some(0), Some(0)));
    let events = found[4]["rows"].as_array().unwrap();
    assert!(!events.is_empty() && events.len() <= 50 && events.iter().all(|event| event["project_id"] == project.as_str()));
}

/// F-142, hooks R11: what a branch changed since it left the default branch, also when that has moved on; the branch may come from the event.
#[tokio::test]
async fn a_diff_is_what_the_branch_changed() {
    let server = Harness::start().await;
    let project = server.project("App", 0).await;
    let repository = server.home.path().join("repository");
    std::fs::create_dir(&repository).unwrap();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost"];
        let mut command = std::process::Command::new("git");
        assert!(command.args(identity).args(arguments).current_dir(&repository).status().unwrap().success(), "{arguments:?}");
    };
    let commit = |file: &str, text: &str| {
        std::fs::write(repository.join(file), text).unwrap();
        git(&["add", "-A"]);
        git(&["commit", "-q", "-m", file]);
    };
    git(&["init", "-q", "-b", "main"]);
    commit("shared.txt", "one\n");
    git(&["checkout", "-q", "-b", "feature"]);
    commit("shared.txt", "one\ntwo of the feature\n");
    git(&["checkout", "-q", "main"]);
    commit("elsewhere.txt", "main went on\n");
    let url = repository.to_string_lossy().into_owned();
    let (id, fields) = (project.clone(), commands::projects::ProjectFields { repo_url: Some(url), ..Default::default() });
    server.command(move |tx, context| commands::projects::edit(tx, context, &id, &fields)).await.unwrap();
    // No directory of the project lies here: files are those of the default branch, and a program is given them.
    let read = |path: &str| Step::ReadFile { path: path.into(), max_lines: 9 };
    let found = outcomes(&server, &project, vec![read("shared.txt"), read("none.txt")], rules(), None).await;
    assert_eq!(found[0]["content"], "one", "what main has, not the feature");
    assert!(found[1]["error"].as_str().unwrap().contains("not there"), "{}", found[1]);
    let diff = |branch: &str| Step::GitDiff { branch: branch.into(), base: String::new() };
    let payload = serde_json::json!({ "branch": "feature" });
    let found =
        outcomes(&server, &project, vec![diff("feature"), diff("{{event.branch}}"), diff("no-such-branch")], rules(), Some(payload)).await;
    let text = found[0]["diff"].as_str().unwrap();
    assert!(text.contains("+two of the feature") && !text.contains("elsewhere"), "{text}");
    assert_eq!((found[0]["exit_code"].as_i64(), found[0]["files"].as_u64()), (Some(0), Some(1)));
    assert_eq!(found[1]["diff"], found[0]["diff"]);
    assert!(found[2]["error"].as_str().unwrap().contains("no-such-branch"), "{}", found[2]);
}

/// F-142: what a branch changed; a branch that is not there is an error of the step.
#[tokio::test]
async fn a_diff_that_cannot_be_made_is_an_outcome() {
    let server = Harness::start().await;
    let project = server.project("App", 0).await;
    let diff = |branch: &str| Step::GitDiff { branch: branch.into(), base: String::new() };
    let found = outcomes(&server, &project, vec![diff("main"), diff("{{event.branch}}")], rules(), None).await;
    assert!(found[0]["error"].as_str().unwrap().contains("no repository"), "{}", found[0]);
    assert!(found[1]["error"].as_str().unwrap().contains("names no branch"), "{}", found[1]);
}
