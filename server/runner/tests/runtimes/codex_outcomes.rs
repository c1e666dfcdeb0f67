//! F-098, F-099: what recordings of Codex come to.

use aq_core::output::{FailureClass, LimitStatus, OutputBody, TokenUsage};
use aq_core::runner_link::{RunOutcome, SessionOrder, StartRun, StopReason};
use aq_core::runtime::RuntimeKind;
use aq_core::time::Timestamp;
use aq_runner::runtimes::{ExitFacts, StdinWish};
use aq_runner::shim::TimedOut;
use aq_runner::spool::{RawKind, RawLine};

use crate::bench::{Played, SESSION, exit_code, json, play_to, raw, recording, start};

const THREAD: &str = "0199aaaa-0000-7000-8000-000000000001";
const TURN: &str = "0199aaaa-0000-7000-8000-000000000002";

fn codex() -> StartRun {
    start(RuntimeKind::Codex)
}

fn played(name: &str) -> Played {
    play_to(&codex(), &recording(name), &exit_code(0))
}

fn stdout(text: &str) -> RawLine {
    raw(RawKind::Stdout, text)
}

fn spent(items: &[OutputBody]) -> Vec<(String, TokenUsage)> {
    let usage = |item: &OutputBody| match item {
        OutputBody::Usage { message_id, tokens, .. } => Some((message_id.clone(), *tokens)),
        _ => None,
    };
    items.iter().filter_map(usage).collect()
}

fn limit(item: &OutputBody) -> Option<(&str, LimitStatus, Option<f64>, Option<i64>)> {
    let OutputBody::Limit(notice) = item else { return None };
    Some((notice.window.as_str(), notice.status, notice.used, notice.resets_at.map(|at| at.as_millis() / 1000)))
}

fn limits(items: &[OutputBody]) -> Vec<(&str, LimitStatus, Option<f64>, Option<i64>)> {
    items.iter().filter_map(limit).collect()
}

/// F-100, R6, R7: items of an ordinary run, in order; what the hand-shake says leads from one frame to the next.
#[test]
fn ordinary_work() {
    let played = played("codex_work");
    assert_eq!(played.end.outcome, RunOutcome::Succeeded { summary: "Done.".to_owned() });
    assert_eq!(played.wishes.stdin, StdinWish::CloseAfter { ms: 0 });
    let sent: Vec<_> = played.frames.iter().map(|frame| frame.id.as_str()).collect();
    assert_eq!(sent, ["aq-initialized", "aq-thread-start", "aq-turn-1"]);
    let usage = |total: u64, input, output, cache_read| OutputBody::Usage {
        message_id: format!("{TURN}/{total}"),
        model: "stub-model".to_owned(),
        tokens: TokenUsage { input, output, cache_read, cache_write: 0 },
        cost_micros: None,
    };
    let items: Vec<_> = played.items.iter().filter(|item| !matches!(item, OutputBody::Limit(_))).cloned().collect();
    let expected = [
        OutputBody::SessionStarted { session_id: THREAD.to_owned(), model: "stub-model".to_owned(), version: "0.169.0".to_owned() },
        OutputBody::Thinking { text: "A file.".to_owned() },
        OutputBody::Text { text: "I add a file.".to_owned() },
        OutputBody::ToolCall {
            call_id: "toolu_000001".to_owned(),
            name: "apply_patch".to_owned(),
            summary: "src/a.txt".to_owned(),
            input: r#"{"changes":[{"kind":"add","path":"/work/shop/src/a.txt"}]}"#.to_owned(),
        },
        OutputBody::ToolResult { call_id: "toolu_000001".to_owned(), is_error: false, text: "a\n".to_owned() },
        usage(1030, 900, 30, 100),
        usage(2090, 50, 10, 1000),
        OutputBody::ToolCall {
            call_id: "toolu_000009".to_owned(),
            name: "shell".to_owned(),
            summary: "echo fatal >&2; exit 3".to_owned(),
            input: r#"{"command":"/bin/bash -lc 'echo fatal >&2; exit 3'","cwd":"/work/shop"}"#.to_owned(),
        },
        OutputBody::ToolResult { call_id: "toolu_000009".to_owned(), is_error: true, text: "fatal\nexit code 3".to_owned() },
        usage(3212, 60, 12, 1050),
        OutputBody::Text { text: "Done.".to_owned() },
        usage(4350, 20, 8, 1110),
        OutputBody::Result { success: true, text: "Done.".to_owned() },
    ];
    assert_eq!(items, expected);
    // R7: windows are told when they change.
    let (soon, late) = (Some(1_900_000_000), Some(1_900_500_000));
    assert_eq!(
        limits(&played.items),
        [
            ("five_hour", LimitStatus::Allowed, Some(0.12), soon),
            ("seven_day", LimitStatus::Allowed, Some(0.04), late),
            ("five_hour", LimitStatus::Warning, Some(0.91), soon),
            ("seven_day", LimitStatus::Allowed, Some(0.05), late),
        ]
    );
}

/// R4, R6: a resumed thread keeps its id, and what its earlier turns spent is not spent again; one that is gone starts anew, once.
#[test]
fn sessions_are_taken_up() {
    let mut order = codex();
    order.session = SessionOrder::Resume { session_id: SESSION.to_owned() };
    let resumed = play_to(&order, &recording("codex_resumed"), &exit_code(0));
    assert!(matches!(&resumed.items[0], OutputBody::SessionStarted { session_id, .. } if session_id == THREAD));
    let tokens = TokenUsage { input: 40, output: 5, cache_read: 0, cache_write: 0 };
    assert_eq!(spent(&resumed.items).iter().map(|(_, tokens)| *tokens).collect::<Vec<_>>(), [tokens]);
    let gone = play_to(&order, &recording("codex_gone"), &exit_code(0));
    let sent: Vec<_> = gone.frames.iter().map(|frame| frame.id.as_str()).collect();
    assert_eq!(sent, ["aq-initialized", "aq-thread-resume", "aq-thread-start", "aq-turn-1"]);
    assert!(matches!(&gone.items[0], OutputBody::Note { text } if text.contains("no rollout found") && text.contains("new one")));
    assert!(matches!(&gone.items[1], OutputBody::SessionStarted { .. }));
    assert_eq!(gone.end.outcome, RunOutcome::Succeeded { summary: "Three.".to_owned() });
    assert_eq!(gone.end.relaunch, None);
    // A thread that cannot be started either ends the run instead of trying again.
    let refused = [
        stdout(r#"{"id":"aq-initialize","result":{}}"#),
        stdout(r#"{"id":"aq-thread-start","error":{"code":-32600,"message":"config is broken"}}"#),
    ];
    let refused = play_to(&codex(), &refused, &exit_code(0));
    assert_eq!(refused.wishes.stdin, StdinWish::CloseAfter { ms: 0 });
    assert!(matches!(refused.end.outcome, RunOutcome::Failed { class: FailureClass::Agent, ref message } if message == "config is broken"));
}

/// R8: the outcome table, failures by class; short throttles are no windows.
#[test]
fn failures_have_classes() {
    let cases = [
        ("codex_throttled", FailureClass::Overloaded),
        ("codex_auth", FailureClass::Auth),
        ("codex_quota", FailureClass::Billing),
        ("codex_overloaded", FailureClass::Overloaded),
        ("codex_server_error", FailureClass::Overloaded),
        ("codex_bad_request", FailureClass::InvalidRequest),
        ("codex_context", FailureClass::Exhausted),
        ("codex_no_model", FailureClass::InvalidRequest),
        ("codex_interrupted", FailureClass::Agent),
    ];
    for (name, expected) in cases {
        let played = played(name);
        assert!(matches!(played.end.outcome, RunOutcome::Failed { class, .. } if class == expected), "{name}: {:?}", played.end.outcome);
        assert_eq!(played.wishes.stdin, StdinWish::CloseAfter { ms: 0 }, "{name}");
        assert_eq!(limits(&played.items), [], "{name}");
        assert!(matches!(played.items.last(), Some(OutputBody::Result { success: false, .. })), "{name}");
    }
    let bad = played("codex_bad_request").end.outcome;
    assert!(matches!(bad, RunOutcome::Failed { ref message, .. } if message == "Bad request thing"), "{bad:?}");
    // Retries are told, and a run that the provider does not answer for five minutes is given up.
    let mut lines = recording("codex_outage");
    let short = play_to(&codex(), &lines, &exit_code(0));
    let notes = short.items.iter().filter(|item| matches!(item, OutputBody::Note { text } if text.contains("waiting for network")));
    assert_eq!((notes.count(), short.wishes.give_up), (2, false));
    lines.last_mut().unwrap().at_ms += 300_000;
    let long = play_to(&codex(), &lines, &ExitFacts { signal: Some(15), ..ExitFacts::default() });
    assert!(long.wishes.give_up);
    assert!(matches!(long.end.outcome, RunOutcome::Failed { class: FailureClass::Overloaded, .. }));
    lines.push(stdout(r#"{"method":"item/agentMessage/delta","params":{"delta":"back"}}"#));
    assert!(!play_to(&codex(), &lines, &exit_code(0)).wishes.give_up);
}

/// R7: a refusal names the full window and its reset; where none is known the words tell it, in the program's zone.
#[test]
fn refusals() {
    let at = |seconds: i64| Some(Timestamp::from_millis(seconds * 1000));
    let full = played("codex_limit");
    let RunOutcome::Limited { window, resets_at, .. } = full.end.outcome else { panic!("{:?}", full.end.outcome) };
    assert_eq!((window.as_str(), resets_at), ("five_hour", at(1_900_000_000)));
    assert_eq!(limits(&full.items).last(), Some(&("five_hour", LimitStatus::Rejected, Some(1.0), Some(1_900_000_000))));
    let words = played("codex_limit_in_words");
    let RunOutcome::Limited { window, resets_at, message } = words.end.outcome else { panic!("{:?}", words.end.outcome) };
    assert_eq!((window.as_str(), resets_at), ("usage_limit", at(1_795_910_280)), "{message}");
    assert_eq!(limits(&words.items), [("usage_limit", LimitStatus::Rejected, None, Some(1_795_910_280))]);
    let mut east = codex();
    east.profile.env.insert("TZ".to_owned(), "Europe/Vienna".to_owned());
    let earlier = play_to(&east, &recording("codex_limit_in_words"), &exit_code(0)).end.outcome;
    assert!(matches!(earlier, RunOutcome::Limited { resets_at, .. } if resets_at == at(1_795_906_680)), "{earlier:?}");
}

/// R7: windows have names by their length, and by their limit when it is a special one; an update that leaves a window out changes nothing.
#[test]
fn windows_have_names() {
    let told = |limit: &str, minutes: &str| {
        stdout(&format!(
            r#"{{"method":"account/rateLimits/updated","params":{{"rateLimits":{{"limitId":{limit},"primary":null,"secondary":{{"usedPercent":50,"windowDurationMins":{minutes},"resetsAt":0}}}}}}}}"#
        ))
    };
    let lines = [told("null", "1440"), told("\"codex\"", "720"), told("\"codex_mini\"", "300"), told("null", "90"), told("null", "null")];
    let played = play_to(&codex(), &lines, &exit_code(0));
    let names: Vec<_> = limits(&played.items).into_iter().map(|(name, ..)| name.to_owned()).collect();
    assert_eq!(names, ["1_day", "12_hour", "five_hour_codex_mini", "90_minute", "secondary"]);
}

/// F-098, R10: nothing unknown stops the stream; it is counted, kept or answered.
#[test]
fn unknown_messages_are_tolerated() {
    let mut lines = recording("codex_work");
    let end = lines.len() - 1;
    let strange = [
        r#"{"method":"thread/teleported","params":{"threadId":"x"}}"#,
        r#"{"method":"item/completed","params":{"item":{"type":"hologram","id":"h"}}}"#,
        r#"{"method":"item/tool/call","id":"a7","params":{"tool":"x"}}"#,
        r#"{"id":"nobody-asked","result":{}}"#,
        "{}",
        "plain words",
        "[1,2]",
    ];
    for line in strange {
        lines.insert(end, stdout(line));
    }
    let played = play_to(&codex(), &lines, &exit_code(0));
    assert!(matches!(played.end.outcome, RunOutcome::Succeeded { .. }));
    assert_eq!(played.items.iter().filter(|item| matches!(item, OutputBody::Line { .. })).count(), 2);
    let refused = played.frames.iter().find(|frame| frame.id == "answer-ask-a7").unwrap();
    assert_eq!((json(refused)["id"].as_str(), json(refused)["error"]["code"].as_i64()), (Some("a7"), Some(-32601)));
    let note = OutputBody::Note {
        text: "5 messages of kinds unknown to this version were skipped: item/hologram, item/tool/call, message, reply, thread/teleported"
            .to_owned(),
    };
    assert!(played.items.contains(&note), "{:?}", played.items);
    let mut cut = stdout("{\"method\":\"item/completed\",\"xxx");
    (cut.truncated, cut.dropped) = (true, 100);
    assert!(matches!(play_to(&codex(), &[cut], &exit_code(0)).items[0], OutputBody::Gap { .. }));
}

/// R6: helpers that the agent calls in have threads of their own: their tokens count, their turns decide nothing.
#[test]
fn helpers_do_not_decide() {
    let mut lines = recording("codex_work");
    let end = lines.len() - 1;
    lines.insert(
        end,
        stdout(
            r#"{"method":"thread/tokenUsage/updated","params":{"threadId":"helper","turnId":"h1","tokenUsage":{"total":{"totalTokens":70,"inputTokens":50,"cachedInputTokens":0,"outputTokens":20}}}}"#,
        ),
    );
    lines.insert(
        end,
        stdout(r#"{"method":"turn/completed","params":{"threadId":"helper","turn":{"id":"h1","status":"failed","error":null}}}"#),
    );
    lines.insert(
        end,
        stdout(r#"{"method":"item/completed","params":{"threadId":"helper","item":{"type":"agentMessage","id":"m","text":"helped"}}}"#),
    );
    let played = play_to(&codex(), &lines, &exit_code(0));
    assert_eq!(played.end.outcome, RunOutcome::Succeeded { summary: "Done.".to_owned() });
    assert!(spent(&played.items).contains(&("h1/70".to_owned(), TokenUsage { input: 50, output: 20, cache_read: 0, cache_write: 0 })));
}

/// Runtimes R5: the order of judgement.
#[test]
fn order_of_judgement() {
    let lines = recording("codex_work");
    let end = |lines: &[RawLine], exit: &ExitFacts| play_to(&codex(), lines, exit).end.outcome;
    let class = |outcome: RunOutcome| if let RunOutcome::Failed { class, .. } = outcome { Some(class) } else { None };
    let stopped = ExitFacts { stopped: Some(StopReason::Operator), ..exit_code(0) };
    assert_eq!(end(&lines, &stopped), RunOutcome::Stopped { reason: StopReason::Operator });
    let late = ExitFacts { timed_out: Some(TimedOut::Wall), ..ExitFacts::default() };
    assert!(matches!(end(&lines, &late), RunOutcome::Succeeded { .. }));
    assert_eq!(class(end(&lines[..9], &late)), Some(FailureClass::Timeout));
    assert_eq!(class(end(&lines[..9], &exit_code(0))), Some(FailureClass::Incomplete));
    let spawn = ExitFacts { spawn_error: Some("no such file".to_owned()), ..ExitFacts::default() };
    assert_eq!(class(end(&[], &spawn)), Some(FailureClass::Spawn));
    let flag = [raw(RawKind::Stderr, "error: unexpected argument '--x' found")];
    assert_eq!(class(end(&flag, &exit_code(2))), Some(FailureClass::InvalidRequest));
    assert_eq!(class(end(&[], &exit_code(0))), Some(FailureClass::Incomplete));
    // An error that was told as final counts although the program died before it ended the turn.
    let cut = recording("codex_auth");
    assert_eq!(class(end(&cut[..cut.len() - 1], &ExitFacts { signal: Some(9), ..ExitFacts::default() })), Some(FailureClass::Auth));
}

/// Warnings are notes, but not those about what we ourselves switched on, or about a sandbox that is not used.
#[test]
fn warnings() {
    let told = |method: &str, key: &str, words: &str| stdout(&format!(r#"{{"method":"{method}","params":{{"{key}":"{words}"}}}}"#));
    let lines = [
        told("warning", "message", "Under-development features enabled: default_mode_request_user_input. They are incomplete."),
        told("configWarning", "summary", "Codex could not find bubblewrap on PATH."),
        told("warning", "message", "Model metadata not found"),
        told("configWarning", "summary", "model: unknown key"),
    ];
    let played = play_to(&codex(), &lines, &exit_code(0));
    let notes: Vec<_> =
        played.items.iter().filter_map(|item| if let OutputBody::Note { text } = item { Some(text.as_str()) } else { None }).collect();
    assert_eq!(notes, ["Model metadata not found", "model: unknown key"]);
}

/// The checklist is shown as a tool that answers with the list.
#[test]
fn checklists() {
    let told = stdout(
        r#"{"method":"turn/plan/updated","params":{"turnId":"t","explanation":null,"plan":[{"step":"add","status":"completed"},{"step":"test","status":"inProgress"},{"step":"rest","status":"pending"}]}}"#,
    );
    let played = play_to(&codex(), &[told], &exit_code(0));
    assert!(
        matches!(&played.items[0], OutputBody::ToolCall { name, summary, .. } if name == "update_plan" && summary == "1 of 3 done: test")
    );
    assert!(matches!(&played.items[1], OutputBody::ToolResult { text, .. } if text == "[x] add\n[>] test\n[ ] rest"));
}
