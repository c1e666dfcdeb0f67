//! Gemini: how it is started, and what recordings of Gemini CLI 0.61 come to.

use aq_core::output::{FailureClass, OutputBody, TokenUsage};
use aq_core::profile::{McpServer, McpTransport};
use aq_core::runner_link::{RunOutcome, SessionOrder, StartRun};
use aq_core::runtime::RuntimeKind;
use aq_runner::runtimes::{ExitFacts, LaunchRefused, StdinWish};
use aq_runner::spool::RawKind;

use crate::bench::{SESSION, exit_code, json, plan, play_to, raw, recording, start};

fn gemini() -> StartRun {
    start(RuntimeKind::Gemini)
}

/// R1 to R4: natively in the mode that never asks, over the protocol in the others; always the model that was named.
#[test]
fn two_ways_to_start() {
    let mut start = gemini();
    start.profile.model = "gemini-2.5-pro".to_owned();
    start.profile.system_prompt_suffix = "Be brief.".to_owned();
    start.profile.env.insert("GEMINI_API_KEY".to_owned(), "key-of-mine".to_owned());
    let transport = McpTransport::Stdio { command: "tools".to_owned(), args: vec!["-v".to_owned()], env: [].into() };
    start.profile.mcp_servers = vec![McpServer { name: "lab".to_owned(), transport }];
    let native = plan(&start).unwrap();
    assert_eq!(native.argv.join(" "), format!("gemini -o stream-json --session-id {SESSION} --approval-mode yolo -m gemini-2.5-pro"));
    assert_eq!((native.frames[0].bytes.as_slice(), native.close_stdin), (b"Be brief.\n\nDo it\n".as_slice(), true));
    assert_eq!(native.env.get("GEMINI_CLI_NO_RELAUNCH").map(String::as_str), Some("true"));
    let (path, settings) = &native.files[0];
    let settings: serde_json::Value = serde_json::from_str(settings).unwrap();
    assert_eq!(path, std::path::Path::new("/home/of/task/.gemini/settings.json"));
    assert_eq!(settings["security"]["auth"]["selectedType"], "gemini-api-key");
    assert_eq!((&settings["mcpServers"]["lab"]["command"], &settings["mcpServers"]["lab"]["trust"]), (&"tools".into(), &true.into()));
    start.session = SessionOrder::Resume { session_id: SESSION.to_owned() };
    assert!(plan(&start).unwrap().argv.join(" ").contains(&format!("--resume {SESSION}")));
    start.profile.permission_mode = "default".to_owned();
    let asking = plan(&start).unwrap();
    assert_eq!(asking.argv.join(" "), "gemini --acp --approval-mode default -m gemini-2.5-pro");
    assert_eq!((json(&asking.frames[0])["method"].as_str(), asking.close_stdin), (Some("initialize"), false));
    start.profile.login_dir = "/logins/a/.gemini".to_owned();
    let login = plan(&start).unwrap();
    assert_eq!(login.env.get("GEMINI_CLI_HOME").map(String::as_str), Some("/logins/a"));
    assert_eq!(login.env.get("GEMINI_CLI_SYSTEM_SETTINGS_PATH").map(String::as_str), Some("/home/of/task/.aq-gemini.json"));
    start.profile.model = "--yolo".to_owned();
    assert!(matches!(plan(&start), Err(LaunchRefused::LooksLikeOption { .. })));
}

/// R5: items of an ordinary run; what came from the cache is taken out of the input.
#[test]
fn ordinary_work() {
    let played = play_to(&gemini(), &recording("gemini_work"), &exit_code(0));
    let kinds: Vec<_> = played.items.iter().map(|item| format!("{item:?}").split_whitespace().next().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["SessionStarted", "Text", "ToolCall", "ToolResult", "ToolCall", "ToolResult", "Text", "Usage", "Result"]);
    let OutputBody::Usage { message_id, tokens, .. } = &played.items[7] else { panic!("{:?}", played.items[7]) };
    assert_eq!(message_id, "turn-1/gemini-2.5-pro");
    assert_eq!(*tokens, TokenUsage { input: 1300, output: 57, cache_read: 500, cache_write: 0 });
    assert_eq!(
        (played.end.outcome, played.wishes.stdin),
        (RunOutcome::Succeeded { summary: "Done.".to_owned() }, StdinWish::CloseAfter { ms: 0 })
    );
}

/// R6: outcomes by result, exit code (the status in eight bits) and words.
#[test]
fn failures_have_classes() {
    let quota = play_to(&gemini(), &recording("gemini_quota"), &exit_code(173));
    assert!(matches!(quota.end.outcome, RunOutcome::Limited { window, .. } if window == "day"));
    assert!(quota.items.iter().any(|item| matches!(item, OutputBody::Limit(_))));
    let key = play_to(&gemini(), &recording("gemini_bad_key"), &exit_code(144));
    assert!(
        matches!(&key.end.outcome, RunOutcome::Failed { class: FailureClass::Auth, message } if message.starts_with("API key not valid"))
    );
    let error = r#"{"type":"result","status":"error","error":{"type":"unknown","message":"[API Error: try later]"},"stats":{}}"#;
    for (code, expected) in
        [(145, FailureClass::Auth), (247, FailureClass::Overloaded), (148, FailureClass::InvalidRequest), (1, FailureClass::Agent)]
    {
        let played = play_to(&gemini(), &[raw(RawKind::Stdout, error)], &exit_code(code));
        assert!(matches!(played.end.outcome, RunOutcome::Failed { class, .. } if class == expected), "{code}");
    }
    for (code, expected) in
        [(41, FailureClass::Auth), (42, FailureClass::InvalidRequest), (53, FailureClass::Exhausted), (0, FailureClass::Incomplete)]
    {
        let said = raw(RawKind::Stderr, "something on standard error");
        let played = play_to(&gemini(), &[said], &exit_code(code));
        assert!(
            matches!(&played.end.outcome, RunOutcome::Failed { class, message } if *class == expected && message.contains("something"))
        );
        assert_eq!(played.end.relaunch, None);
    }
}

/// R6: throttles that the CLI waits out by itself leave no line behind: the run succeeds, and no window of the account is said to be used up.
#[test]
fn a_throttle_that_was_waited_out_is_no_limit() {
    let played = play_to(&gemini(), &recording("gemini_throttled"), &exit_code(0));
    assert!(matches!(&played.end.outcome, RunOutcome::Succeeded { summary } if summary == "Done."), "{:?}", played.end.outcome);
    assert!(!played.items.iter().any(|item| matches!(item, OutputBody::Limit(_) | OutputBody::Error { .. })), "{:?}", played.items);
}

/// R3: a session that is gone starts fresh under its id; one that exists is resumed; a stopped run is not started again.
#[test]
fn sessions_are_tried_both_ways() {
    let session_id = SESSION.to_owned();
    for (said, expected) in [
        ("Error resuming session: No previous sessions found for this project.", SessionOrder::Fresh { session_id: session_id.clone() }),
        ("Error starting session: Session ID \"x\" already exists. Use --resume", SessionOrder::Resume { session_id }),
    ] {
        let lines = [raw(RawKind::Stderr, said)];
        assert_eq!(play_to(&gemini(), &lines, &exit_code(42)).end.relaunch, Some(expected));
        let stopped = ExitFacts { stopped: Some(aq_core::runner_link::StopReason::Operator), ..exit_code(42) };
        assert_eq!(play_to(&gemini(), &lines, &stopped).end.relaunch, None);
    }
}

/// R1: in a mode that asks, the protocol's machine does the reading, also after a restart.
#[test]
fn asking_modes_speak_the_protocol() {
    let mut start = gemini();
    start.profile.permission_mode = "default".to_owned();
    let played = play_to(&start, &recording("acp_gemini_refused"), &exit_code(0));
    let Some(OutputBody::Question(question)) = played.items.iter().find(|item| matches!(item, OutputBody::Question(_))) else {
        panic!("{:?}", played.items)
    };
    assert_eq!((question.tool.as_str(), question.options.len()), ("execute", 3));
}
