//! Acp: what recordings of real agents come to. Trimmed from runs of claude-agent-acp 0.49, codex-acp 2.6, OpenCode 1.18 and Gemini CLI 0.61.

use aq_core::output::{FailureClass, LimitStatus, OutputBody, TokenUsage};
use aq_core::runner_link::{RunOutcome, SessionOrder, StartRun, StopReason};
use aq_core::runtime::RuntimeKind;
use aq_core::time::Timestamp;
use aq_runner::runtimes::{ExitFacts, StdinWish};
use aq_runner::spool::RawKind;

use crate::bench::{Played, exit_code, json, play_to, raw, recording, start};

pub(crate) fn acp() -> StartRun {
    let mut start = start(RuntimeKind::Acp);
    start.profile.command = vec!["agent".to_owned()];
    start
}

fn played(name: &str) -> Played {
    play_to(&acp(), &recording(name), &exit_code(0))
}

fn text(text: &str) -> OutputBody {
    OutputBody::Text { text: text.to_owned() }
}

fn sent(played: &Played) -> Vec<String> {
    played.frames.iter().map(|frame| json(frame)["method"].as_str().unwrap_or("answer").to_owned()).collect()
}

fn spent(played: &Played) -> Vec<(String, TokenUsage, Option<u64>)> {
    let usage = |item: &OutputBody| match item {
        OutputBody::Usage { message_id, tokens, cost_micros, .. } => Some((message_id.clone(), *tokens, *cost_micros)),
        _ => None,
    };
    played.items.iter().filter_map(usage).collect()
}

/// R2, R4, R5, R6: greeting, session, prompt; pieces are joined; a call is shown once, with its input; what is allowed is answered by kind.
#[test]
fn an_ordinary_turn() {
    let lines = recording("acp_claude_turns");
    let first = play_to(&acp(), &lines[..18], &exit_code(0));
    assert_eq!(sent(&first), ["session/new", "session/prompt", "answer"]);
    let new = json(&first.frames[0]);
    assert_eq!((&new["params"]["cwd"], &new["params"]["mcpServers"]), (&"/work/shop".into(), &serde_json::json!([])));
    assert_eq!(json(&first.frames[1])["params"]["prompt"], serde_json::json!([{"type": "text", "text": "Do it"}]));
    let answer = json(&first.frames[2]);
    assert_eq!((&answer["id"], &answer["result"]["outcome"]["optionId"]), (&0.into(), &"allow".into()));
    let expected = [
        OutputBody::SessionStarted { session_id: "ses_1".to_owned(), model: "default".to_owned(), version: "0.49.0".to_owned() },
        text("I will make it."),
        OutputBody::ToolCall {
            call_id: "toolu_000001".to_owned(),
            name: "Bash".to_owned(),
            summary: "echo hi > hello.txt".to_owned(),
            input: r#"{"command":"echo hi > hello.txt"}"#.to_owned(),
        },
        OutputBody::ToolResult { call_id: "toolu_000001".to_owned(), is_error: false, text: "(Bash completed with no output)".to_owned() },
        text("Done."),
        OutputBody::Usage {
            message_id: "turn-1/default".to_owned(),
            model: "default".to_owned(),
            tokens: TokenUsage { input: 1200, output: 37, cache_read: 500, cache_write: 0 },
            cost_micros: Some(7175),
        },
        OutputBody::Result { success: true, text: "Done.".to_owned() },
    ];
    assert_eq!(first.items, expected);
    assert_eq!(first.wishes.stdin, StdinWish::CloseAfter { ms: 0 });
    assert_eq!(first.end.outcome, RunOutcome::Succeeded { summary: "Done.".to_owned() });
    assert_eq!(play_to(&acp(), &lines[..17], &exit_code(0)).wishes.stdin, StdinWish::Hold);
}

/// R4: usage in every spelling; reasoning of the exit code where an agent counts every command as completed.
#[test]
fn usage_is_read_in_every_spelling() {
    let tokens = |input, output, cache_read| TokenUsage { input, output, cache_read, cache_write: 0 };
    assert_eq!(spent(&played("acp_codex_turn")), [("turn-1/stub-model".to_owned(), tokens(1200, 37, 500), None)]);
    assert_eq!(spent(&played("acp_gemini_refused"))[0].1, tokens(1700, 37, 0));
    // What a loaded session cost before is not known, so its first turn has no cost.
    let mut start = acp();
    start.session = SessionOrder::Resume { session_id: "ses_1".to_owned() };
    let loaded = play_to(&start, &recording("acp_opencode_loaded"), &exit_code(0));
    assert_eq!(spent(&loaded), [("turn-1/stub/stub-model".to_owned(), tokens(300, 9, 0), None)]);
}

/// R3: a session is loaded where the agent can do so, and its history is not told twice; one that is gone starts anew.
#[test]
fn sessions_go_on() {
    let mut start = acp();
    start.session = SessionOrder::Resume { session_id: "ses_1".to_owned() };
    let loaded = play_to(&start, &recording("acp_opencode_loaded"), &exit_code(0));
    assert_eq!(sent(&loaded), ["session/load", "session/prompt"]);
    let texts: Vec<_> = loaded.items.iter().filter(|item| matches!(item, OutputBody::Text { .. } | OutputBody::ToolCall { .. })).collect();
    assert_eq!(texts, [&text("Second.")]);
    assert!(matches!(&loaded.items[0], OutputBody::SessionStarted { session_id, .. } if session_id == "ses_1"));
    let gone = play_to(&start, &recording("acp_claude_gone"), &exit_code(0));
    assert_eq!(sent(&gone), ["session/load", "session/new"]);
    assert_eq!(gone.items[0], OutputBody::Note { text: "the session is gone; starting a new one".to_owned() });
    assert_eq!((gone.wishes.stdin, gone.end.relaunch), (StdinWish::Hold, None));
}

/// R10: limits and classes of failures, from the kind, the code and the words.
#[test]
fn failures_have_classes() {
    let limit = played("acp_claude_limit");
    let reset = "2026-11-20T23:31:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    assert!(limit.items.iter().any(|item| matches!(item, OutputBody::Limit(notice) if notice.status == LimitStatus::Rejected)));
    let RunOutcome::Limited { window, resets_at, .. } = limit.end.outcome else { panic!("{:?}", limit.end) };
    assert_eq!((window.as_str(), resets_at), ("five_hour", Some(Timestamp::from_millis(reset))));
    for (name, window) in [("acp_gemini_quota", "day"), ("acp_codex_limit", "unknown")] {
        assert!(matches!(played(name).end.outcome, RunOutcome::Limited { window: found, .. } if found == window), "{name}");
    }
    for (name, expected) in [("acp_gemini_no_key", FailureClass::Auth), ("acp_gemini_bad_key", FailureClass::Auth)] {
        let played = played(name);
        assert_eq!(played.wishes.stdin, StdinWish::CloseAfter { ms: 0 }, "{name}");
        assert!(matches!(played.end.outcome, RunOutcome::Failed { class, .. } if class == expected), "{name}");
    }
}

/// R10: an end without an answer is incomplete; a stop of ours and an answer that came before a limit count.
#[test]
fn ends() {
    let lines = recording("acp_claude_turns");
    let cut = play_to(&acp(), &lines[..12], &exit_code(0));
    assert!(matches!(cut.end.outcome, RunOutcome::Failed { class: FailureClass::Incomplete, .. }));
    // R4: a turn without an answer has spent at least its largest request.
    assert_eq!(spent(&cut), [("turn-1/unanswered".to_owned(), TokenUsage { input: 1530, ..TokenUsage::default() }, None)]);
    let stopped = ExitFacts { stopped: Some(StopReason::Operator), ..exit_code(0) };
    assert_eq!(play_to(&acp(), &lines[..12], &stopped).end.outcome, RunOutcome::Stopped { reason: StopReason::Operator });
    let killed = ExitFacts { signal: Some(9), ..ExitFacts::default() };
    assert!(matches!(play_to(&acp(), &lines[..18], &killed).end.outcome, RunOutcome::Succeeded { .. }));
    for (stop, class) in [("max_tokens", FailureClass::Exhausted), ("refusal", FailureClass::Agent), ("cancelled", FailureClass::Agent)] {
        let mut turn = lines[..17].to_vec();
        turn.push(raw(RawKind::Stdout, &format!(r#"{{"jsonrpc":"2.0","id":"aq-prompt-1","result":{{"stopReason":"{stop}"}}}}"#)));
        let played = play_to(&acp(), &turn, &exit_code(0));
        assert!(matches!(played.end.outcome, RunOutcome::Failed { class: found, .. } if found == class), "{stop}");
    }
}

/// F-098, R9: requests that nobody announced are refused, unknown messages are counted, and nonsense becomes lines.
#[test]
fn strangers_are_answered() {
    let mut lines = recording("acp_claude_turns")[..6].to_vec();
    for line in [
        r#"{"jsonrpc":"2.0","id":7,"method":"fs/read_text_file","params":{"path":"/etc/passwd"}}"#,
        r#"{"jsonrpc":"2.0","id":"t","method":"terminal/create","params":{"command":"sh"}}"#,
        r#"{"jsonrpc":"2.0","method":"session/surprise"}"#,
        r#"{"jsonrpc":"2.0","method":"_vendor/anything"}"#,
        r#"{"jsonrpc":"2.0","id":99,"result":{}}"#,
        r#"{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"ses_1","update":{"sessionUpdate":"hologram"}}}"#,
        "[1,2]",
        "not json at all",
    ] {
        lines.push(raw(RawKind::Stdout, line));
    }
    let played = play_to(&acp(), &lines, &exit_code(1));
    let refused: Vec<_> = played.frames.iter().map(json).filter(|frame| frame["error"]["code"] == -32601).collect();
    assert_eq!(refused.iter().map(|frame| frame["id"].clone()).collect::<Vec<_>>(), [serde_json::json!(7), serde_json::json!("t")]);
    assert_eq!(played.items.iter().filter(|item| matches!(item, OutputBody::Line { .. })).count(), 2);
    let Some(OutputBody::Note { text }) = played.items.last() else { panic!("{:?}", played.items) };
    assert!(text.starts_with("5 messages of kinds unknown") && text.contains("update/hologram"), "{text}");
}

/// R5: a checklist is told when it changes.
#[test]
fn checklists_are_notes() {
    let mut lines = recording("acp_claude_turns")[..3].to_vec();
    let plan = |status: &str| {
        let entries = format!(r#"[{{"content":"dig","status":"{status}","priority":"high"}},{{"content":"fill","status":"pending"}}]"#);
        let update = format!(r#"{{"sessionId":"ses_1","update":{{"sessionUpdate":"plan","entries":{entries}}}}}"#);
        raw(RawKind::Stdout, &format!(r#"{{"jsonrpc":"2.0","method":"session/update","params":{update}}}"#))
    };
    lines.extend([plan("in_progress"), plan("in_progress"), plan("completed")]);
    let notes = play_to(&acp(), &lines, &exit_code(1)).items;
    let notes: Vec<_> =
        notes.iter().filter_map(|item| if let OutputBody::Note { text } = item { Some(text.as_str()) } else { None }).collect();
    assert_eq!(notes, ["plan: [>] dig; [ ] fill", "plan: [x] dig; [ ] fill"]);
}
