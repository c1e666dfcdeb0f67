//! Claude R1, R2, R12: how the program is started.

use std::collections::BTreeMap;

use aq_core::profile::{McpServer, McpTransport};
use aq_core::runner_link::SessionOrder;
use aq_core::runtime::RuntimeKind;
use aq_runner::runtimes::{LaunchRefused, runtime};
use aq_runner::shim::StdinMode;

use crate::bench::{SESSION, json, order, plan, start};

/// R1: defaults, then everything that a profile may say; the tools come last.
#[test]
fn arguments_follow_the_profile() {
    let mut start = start(RuntimeKind::Claude);
    let plain = plan(&start).unwrap();
    let line = plain.argv.join(" ");
    assert_eq!(
        line,
        format!(
            "claude -p --input-format stream-json --output-format stream-json --verbose --permission-prompt-tool stdio --replay-user-messages \
             --session-id {SESSION} --permission-mode acceptEdits --allowedTools Read Write Edit Bash Glob Grep"
        )
    );
    assert_eq!((plain.stdin, plain.close_stdin), (StdinMode::Held, false));
    assert_eq!(plain.env.get("DISABLE_AUTOUPDATER").map(String::as_str), Some("1"));
    assert!(!plain.env.contains_key("CLAUDE_CONFIG_DIR"));
    start.session = SessionOrder::Resume { session_id: SESSION.to_owned() };
    start.profile.command = vec!["/opt/claude".to_owned(), "--debug".to_owned()];
    start.profile.model = "big".to_owned();
    start.profile.permission_mode = "plan".to_owned();
    start.profile.allowed_tools = vec!["Bash(git log:*)".to_owned(), "--sneaky".to_owned()];
    start.profile.system_prompt_suffix = "- be brief".to_owned();
    start.profile.login_dir = "/logins/a".to_owned();
    start.profile.env.insert("CLAUDECODE".to_owned(), "1".to_owned());
    start.profile.env.insert("ANTHROPIC_API_KEY".to_owned(), "secret-secret".to_owned());
    let full = plan(&start).unwrap();
    let line = full.argv.join(" ");
    assert!(line.starts_with("/opt/claude --debug -p "));
    assert!(line.ends_with(&format!(
        "--resume {SESSION} --permission-mode plan --model big --append-system-prompt - be brief --allowedTools Bash(git log:*)"
    )));
    assert_eq!(full.env.get("CLAUDE_CONFIG_DIR").map(String::as_str), Some("/logins/a"));
    assert!(!full.env.contains_key("CLAUDECODE"));
    assert!(full.secrets.contains(&"secret-secret".to_owned()));
    assert_eq!(full.writable, [std::path::PathBuf::from("/logins/a")]);
}

/// R14: MCP servers stand in a private file, never in the arguments; their tools need no permission.
#[test]
fn servers_of_tools() {
    let mut start = start(RuntimeKind::Claude);
    let secret = |name: &str| BTreeMap::from([(name.to_owned(), "s3cret-value".to_owned())]);
    let transports = [
        ("lab", McpTransport::Stdio { command: "tools".to_owned(), args: vec!["-v".to_owned()], env: secret("TOKEN") }),
        ("far", McpTransport::Http { url: "https://x".to_owned(), headers: secret("Authorization") }),
    ];
    start.profile.mcp_servers = transports.map(|(name, transport)| McpServer { name: name.to_owned(), transport }).into();
    let plan = plan(&start).unwrap();
    let line = plan.argv.join(" ");
    assert!(line.contains(" --mcp-config /home/of/task/.aq-mcp.json --strict-mcp-config --allowedTools "), "{line}");
    assert!(line.ends_with(" mcp__lab mcp__far") && !line.contains("s3cret"), "{line}");
    let file: serde_json::Value = serde_json::from_str(&plan.files[0].1).unwrap();
    assert_eq!(file["mcpServers"]["lab"]["env"]["TOKEN"], "s3cret-value");
    assert_eq!((&file["mcpServers"]["far"]["type"], &file["mcpServers"]["far"]["url"]), (&"http".into(), &"https://x".into()));
    assert_eq!(plan.secrets, ["s3cret-value", "s3cret-value"]);
}

/// R2: initialise, then the prompt as a message.
#[test]
fn input_starts_with_the_prompt() {
    let start = start(RuntimeKind::Claude);
    let frames = plan(&start).unwrap().frames;
    assert_eq!(frames.iter().map(|frame| frame.id.as_str()).collect::<Vec<_>>(), ["initialize", "message-swift-fox/1/0/prompt"]);
    assert_eq!(json(&frames[0])["request"]["subtype"], "initialize");
    assert_eq!(json(&frames[1])["message"]["content"], "Do it");
}

/// Failures: what would be read as an option is refused.
#[test]
fn options_are_not_values() {
    for change in [
        |start: &mut aq_core::runner_link::StartRun| start.profile.model = "--dangerously-skip-permissions".to_owned(),
        |start: &mut aq_core::runner_link::StartRun| start.session = SessionOrder::Fresh { session_id: String::new() },
        |start: &mut aq_core::runner_link::StartRun| start.profile.permission_mode = "-x".to_owned(),
    ] {
        let mut start = start(RuntimeKind::Claude);
        change(&mut start);
        assert!(matches!(plan(&start), Err(LaunchRefused::LooksLikeOption { .. })));
    }
}

/// R12: the mark of a sandbox needs all three: the mode, root, and the configuration's word.
#[test]
fn root_bypass_needs_the_configuration() {
    for (mode, is_root, allowed, expected) in [
        ("bypassPermissions", true, true, true),
        ("bypassPermissions", true, false, false),
        ("bypassPermissions", false, true, false),
        ("acceptEdits", true, true, false),
    ] {
        let mut start = start(RuntimeKind::Claude);
        start.profile.permission_mode = mode.to_owned();
        let plan = runtime(RuntimeKind::Claude).plan(&order(&start, is_root, allowed)).unwrap();
        assert_eq!(plan.env.contains_key("IS_SANDBOX"), expected, "{mode} {is_root} {allowed}");
    }
}
