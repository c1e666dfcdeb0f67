//! Codex R1, R2, R3, R11: how the program is started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aq_core::profile::{McpServer, McpTransport};
use aq_core::runner_link::{SessionOrder, StartRun};
use aq_core::runtime::RuntimeKind;
use aq_runner::runtimes::{LaunchOrder, LaunchRefused, runtime};
use aq_runner::shim::StdinMode;

use crate::bench::{SESSION, json, order, plan, recording, start};

/// R1, R2: defaults, then everything that a profile may say.
#[test]
fn arguments_follow_the_profile() {
    let mut start = start(RuntimeKind::Codex);
    let plain = plan(&start).unwrap();
    let settings = "-c check_for_update_on_startup=false -c features.default_mode_request_user_input=true";
    assert_eq!(plain.argv.join(" "), format!("codex app-server {settings}"));
    assert_eq!((plain.stdin, plain.close_stdin, plain.files.len()), (StdinMode::Held, false, 0));
    assert!(!plain.env.contains_key("CODEX_HOME"));
    let first = json(&plain.frames[0]);
    assert_eq!((plain.frames.len(), first["method"].as_str(), first["id"].as_str()), (1, Some("initialize"), Some("aq-initialize")));
    assert_eq!(first["params"]["capabilities"]["experimentalApi"], true);
    start.profile.command = vec!["/opt/codex".to_owned(), "--strict-config".to_owned()];
    start.profile.login_dir = "/logins/a".to_owned();
    start.profile.env.insert("OPENAI_API_KEY".to_owned(), "secret-secret".to_owned());
    let full = plan(&start).unwrap();
    assert!(full.argv.join(" ").starts_with("/opt/codex --strict-config app-server -c "));
    assert_eq!(full.env.get("CODEX_HOME").map(String::as_str), Some("/logins/a"));
    assert_eq!(full.writable, [PathBuf::from("/logins/a")]);
    assert_eq!(full.secrets, ["secret-secret"]);
    assert_eq!(full.files, [], "the login of an account is not touched");
}

/// R11: a key of the profile becomes the login of the task's own home.
#[test]
fn keys_become_a_login() {
    let mut start = start(RuntimeKind::Codex);
    start.profile.env.insert("OPENAI_API_KEY".to_owned(), "second".to_owned());
    start.profile.env.insert("CODEX_API_KEY".to_owned(), "first".to_owned());
    let files = plan(&start).unwrap().files;
    assert_eq!(files[0].0, Path::new("/home/of/task/.codex/auth.json"));
    let login: serde_json::Value = serde_json::from_str(&files[0].1).unwrap();
    assert_eq!((login["auth_mode"].as_str(), login["OPENAI_API_KEY"].as_str()), (Some("apikey"), Some("first")));
    start.profile.env.insert("CODEX_HOME".to_owned(), "/elsewhere".to_owned());
    assert_eq!(plan(&start).unwrap().files, []);
}

/// Failures: what would be read as an option, and modes that nobody knows, are refused before anything starts.
#[test]
fn nonsense_is_refused() {
    let changes: [fn(&mut StartRun); 3] = [
        |start| start.profile.model = "--yolo".to_owned(),
        |start| start.session = SessionOrder::Resume { session_id: String::new() },
        |start| start.session = SessionOrder::Fresh { session_id: "-x".to_owned() },
    ];
    for change in changes {
        let mut start = start(RuntimeKind::Codex);
        change(&mut start);
        assert!(matches!(plan(&start), Err(LaunchRefused::LooksLikeOption { .. })));
    }
    let mut start = start(RuntimeKind::Codex);
    start.profile.permission_mode = "acceptEdits".to_owned();
    assert!(matches!(plan(&start), Err(LaunchRefused::Unknown { field: "profile.permission_mode", .. })));
    start.profile.permission_mode = String::new();
    start.profile.command = vec![" ".to_owned()];
    assert_eq!(plan(&start), Err(LaunchRefused::NoCommand));
}

/// R2, R3, R4: the hand-shake asks for the thread as the profile wants it, and then says the prompt.
#[test]
fn the_hand_shake() {
    let mut start = start(RuntimeKind::Codex);
    start.profile.model = "big".to_owned();
    start.profile.system_prompt_suffix = "- be brief".to_owned();
    for (contained, sandbox, approval) in [(true, "danger-full-access", "never"), (false, "workspace-write", "on-request")] {
        let order = LaunchOrder { contained, ..order(&start, false, false) };
        let mut normalizer = runtime(RuntimeKind::Codex).normalizer(&order);
        let lines = recording("codex_work");
        let frames = normalizer.line(&lines[0]).frames;
        assert_eq!(json(&frames[0])["method"], "initialized");
        let thread = json(&frames[1]);
        assert_eq!((thread["method"].as_str(), frames.len()), (Some("thread/start"), 2));
        let asked = &thread["params"];
        assert_eq!((asked["sandbox"].as_str(), asked["approvalPolicy"].as_str()), (Some(sandbox), Some(approval)));
        assert_eq!((asked["model"].as_str(), asked["developerInstructions"].as_str()), (Some("big"), Some("- be brief")));
        let turn = json(&normalizer.line(&lines[2]).frames[0]);
        assert_eq!(turn["params"]["input"][0]["text"], "Do it");
        assert_eq!(turn["params"]["threadId"], "0199aaaa-0000-7000-8000-000000000001");
        // Codex's own sandbox would keep the agent from committing.
        let roots = &turn["params"]["sandboxPolicy"]["writableRoots"];
        assert_eq!(roots.as_array().map(Vec::len), (!contained).then_some(1), "{roots}");
        assert!(contained || roots[0] == "/work/shop/.git");
    }
    // R14: MCP servers are settings of the thread, and their secrets are not kept after it is there.
    let server = |name: &str, transport| McpServer { name: name.to_owned(), transport };
    let secret = |name: &str| BTreeMap::from([(name.to_owned(), "secret-secret".to_owned())]);
    start.profile.mcp_servers = vec![
        server("a", McpTransport::Stdio { command: "srv".to_owned(), args: vec!["-x".to_owned()], env: secret("K") }),
        server("b", McpTransport::Http { url: "https://b.invalid/".to_owned(), headers: secret("H") }),
    ];
    let mut normalizer = runtime(RuntimeKind::Codex).normalizer(&order(&start, false, false));
    let lines = recording("codex_work");
    let asked = json(&normalizer.line(&lines[0]).frames[1]);
    let servers = &asked["params"]["config"]["mcp_servers"];
    assert_eq!((servers["a"]["command"].as_str(), servers["a"]["env"]["K"].as_str()), (Some("srv"), Some("secret-secret")));
    assert_eq!(
        (servers["b"]["url"].as_str(), servers["b"]["http_headers"]["H"].as_str()),
        (Some("https://b.invalid/"), Some("secret-secret"))
    );
    assert!(normalizer.state().to_string().contains("secret-secret"));
    drop(normalizer.line(&lines[2]));
    assert!(!normalizer.state().to_string().contains("secret-secret"));
    assert_eq!(plan(&start).unwrap().secrets.len(), 2);
    start.session = SessionOrder::Resume { session_id: SESSION.to_owned() };
    let mut normalizer = runtime(RuntimeKind::Codex).normalizer(&order(&start, false, false));
    let resume = json(&normalizer.line(&recording("codex_work")[0]).frames[1]);
    assert_eq!((resume["method"].as_str(), resume["params"]["threadId"].as_str()), (Some("thread/resume"), Some(SESSION)));
}
