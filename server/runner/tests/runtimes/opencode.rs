//! OpenCode: how it is started, and what recordings of OpenCode 1.18 come to.

use aq_core::output::{FailureClass, OutputBody};
use aq_core::profile::{McpServer, McpTransport};
use aq_core::runner_link::{RunOutcome, SessionOrder, StartRun};
use aq_core::runtime::RuntimeKind;
use aq_core::time::Timestamp;
use aq_runner::spool::RawKind;

use crate::bench::{exit_code, json, plan, play_to, raw, recording, start};

fn opencode() -> StartRun {
    start(RuntimeKind::OpenCode)
}

fn config(start: &StartRun) -> serde_json::Value {
    let files = plan(start).unwrap().files;
    let (_, text) = files.iter().find(|(path, _)| path.ends_with(".aq-opencode.json")).unwrap();
    serde_json::from_str(text).unwrap()
}

/// R1 to R4: natively where it never asks, over the protocol where it does; everything else stands in its configuration.
#[test]
fn two_ways_to_start() {
    let mut start = opencode();
    start.profile.model = "anthropic/claude".to_owned();
    start.profile.system_prompt_suffix = "Be brief.".to_owned();
    let transport = McpTransport::Stdio { command: "tools".to_owned(), args: vec!["-v".to_owned()], env: [].into() };
    start.profile.mcp_servers = vec![McpServer { name: "lab".to_owned(), transport }];
    let native = plan(&start).unwrap();
    assert_eq!(native.argv.join(" "), "opencode run --format json --auto -m anthropic/claude");
    assert_eq!((native.frames[0].bytes.as_slice(), native.close_stdin), (b"Do it\n".as_slice(), true));
    assert_eq!(native.env.get("OPENCODE_CONFIG").map(String::as_str), Some("/home/of/task/.aq-opencode.json"));
    let all = config(&start);
    assert_eq!(all["mcp"]["lab"]["command"], serde_json::json!(["tools", "-v"]));
    assert_eq!((&all["instructions"][0], all.get("permission")), (&"/home/of/task/.aq-opencode.md".into(), None));
    start.session = SessionOrder::Resume { session_id: "ses_1".to_owned() };
    assert!(plan(&start).unwrap().argv.join(" ").ends_with(" -s ses_1"));
    // An id of ours was never a session of OpenCode's.
    start.session = SessionOrder::Resume { session_id: "5e551011".to_owned() };
    assert!(!plan(&start).unwrap().argv.contains(&"-s".to_owned()));
    start.profile.permission_mode = "ask".to_owned();
    start.profile.allowed_tools = vec!["edit".to_owned()];
    let asking = plan(&start).unwrap();
    assert_eq!((asking.argv.join(" ").as_str(), asking.close_stdin), ("opencode acp", false));
    assert_eq!(json(&asking.frames[0])["method"], "initialize");
    let permission = &config(&start)["permission"];
    let rule = |tool: &str| permission[tool].as_str().unwrap_or_default().to_owned();
    assert_eq!([rule("*"), rule("read"), rule("edit"), rule("lab_*"), rule("bash")], ["ask", "allow", "allow", "allow", ""]);
    start.profile.login_dir = "/logins/a/opencode".to_owned();
    assert_eq!(plan(&start).unwrap().env.get("XDG_DATA_HOME").map(String::as_str), Some("/logins/a"));
}

/// R5: every step's tokens count, under the step's own name.
#[test]
fn ordinary_work() {
    let played = play_to(&opencode(), &recording("opencode_work"), &exit_code(0));
    let spent = played.items.iter().filter_map(|item| match item {
        OutputBody::Usage { tokens, cost_micros, .. } => Some((tokens.input, tokens.output, tokens.cache_read, cost_micros.unwrap())),
        _ => None,
    });
    assert_eq!(spent.collect::<Vec<_>>(), [(1000, 30, 500, 1060), (100, 20, 0, 140), (200, 7, 0, 214)]);
    assert!(matches!(&played.items[0], OutputBody::SessionStarted { session_id, .. } if session_id == "ses_1"));
    let calls: Vec<_> = played
        .items
        .iter()
        .filter_map(|item| match item {
            OutputBody::ToolCall { name, summary, .. } => Some((name.as_str(), summary.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [("bash", "echo hi > hello.txt"), ("lab_echo", "hey")]);
    assert_eq!(played.end.outcome, RunOutcome::Succeeded { summary: "Done.".to_owned() });
    assert_eq!(played.items.last(), Some(&OutputBody::Result { success: true, text: "Done.".to_owned() }));
}

/// R6: exit code 0 is not success; limits have their wait from the provider's header.
#[test]
fn failures_have_classes() {
    let limit = play_to(&opencode(), &recording("opencode_limit"), &exit_code(1));
    // The bench reads every line at 2026-11-20T17:30:00Z.
    let until = Timestamp::from_millis(1_795_195_800_000 + 5000);
    assert!(matches!(limit.end.outcome, RunOutcome::Limited { resets_at: Some(at), .. } if at == until));
    let key = play_to(&opencode(), &recording("opencode_bad_key"), &exit_code(1));
    assert!(matches!(key.end.outcome, RunOutcome::Failed { class: FailureClass::Auth, .. }));
    let rejected = recording("opencode_rejected");
    let silent = play_to(&opencode(), &rejected, &exit_code(0));
    assert!(matches!(silent.end.outcome, RunOutcome::Failed { class: FailureClass::Incomplete, .. }));
    let said = raw(RawKind::Stderr, "permission requested: bash (touch x); auto-rejecting");
    let told = play_to(&opencode(), &[rejected, vec![said]].concat(), &exit_code(0));
    assert!(matches!(told.end.outcome, RunOutcome::Failed { class: FailureClass::Agent, .. }));
    let cut = play_to(&opencode(), &recording("opencode_work")[..4], &exit_code(0));
    assert!(matches!(cut.end.outcome, RunOutcome::Failed { class: FailureClass::Incomplete, .. }));
    let died = play_to(&opencode(), &recording("opencode_work"), &exit_code(137));
    assert!(matches!(died.end.outcome, RunOutcome::Failed { class: FailureClass::Incomplete, .. }));
}

/// R6: throttles that the CLI waits out by itself leave no line behind: the run succeeds, and no window of the account is said to be used up.
#[test]
fn a_throttle_that_was_waited_out_is_no_limit() {
    let played = play_to(&opencode(), &recording("opencode_throttled"), &exit_code(0));
    assert!(matches!(&played.end.outcome, RunOutcome::Succeeded { summary } if summary == "Done."), "{:?}", played.end.outcome);
    assert!(!played.items.iter().any(|item| matches!(item, OutputBody::Limit(_) | OutputBody::Error { .. })), "{:?}", played.items);
}

/// R3: a session that is gone starts anew; a run that never resumed one does not.
#[test]
fn a_session_that_is_gone() {
    let lines = [raw(RawKind::Stderr, "Error: Session not found")];
    assert_eq!(play_to(&opencode(), &lines, &exit_code(1)).end.relaunch, None);
    let mut start = opencode();
    start.session = SessionOrder::Resume { session_id: "ses_9".to_owned() };
    let expected = Some(SessionOrder::Fresh { session_id: "ses_9".to_owned() });
    assert_eq!(play_to(&start, &lines, &exit_code(1)).end.relaunch, expected);
}

/// R1: in the mode that asks, the protocol's machine does the reading, also after a restart.
#[test]
fn asking_speaks_the_protocol() {
    let mut start = opencode();
    start.profile.permission_mode = "ask".to_owned();
    let played = play_to(&start, &recording("acp_opencode_refused"), &exit_code(0));
    assert!(played.items.iter().any(|item| matches!(item, OutputBody::Question(_))));
}
