//! F-098, F-099: what recordings come to.

use aq_core::output::{FailureClass, LimitStatus, OutputBody, TokenUsage};
use aq_core::runner_link::{RunOutcome, SessionOrder, StopReason};
use aq_core::time::Timestamp;
use aq_runner::runtimes::{ExitFacts, StdinWish};
use aq_runner::shim::TimedOut;
use aq_runner::spool::RawKind;

use crate::bench::{SESSION, exit_code, play, raw, recording};

/// R4, R13, F-097, F-100: items of an ordinary run, in order.
#[test]
fn ordinary_work() {
    let played = play(&recording("work"), &exit_code(0));
    assert_eq!(played.end.outcome, RunOutcome::Succeeded { summary: "Done.".to_owned() });
    assert_eq!(played.wishes.stdin, StdinWish::CloseAfter { ms: 0 });
    let call = |call_id: &str, name: &str, summary: &str, input: &str| OutputBody::ToolCall {
        call_id: call_id.to_owned(),
        name: name.to_owned(),
        summary: summary.to_owned(),
        input: input.to_owned(),
    };
    let result =
        |call_id: &str, is_error, text: &str| OutputBody::ToolResult { call_id: call_id.to_owned(), is_error, text: text.to_owned() };
    let expected = [
        OutputBody::SessionStarted { session_id: SESSION.to_owned(), model: "test-model".to_owned(), version: "2.9.0".to_owned() },
        OutputBody::Note { text: "the MCP server docs could not be started".to_owned() },
        OutputBody::Thinking { text: "A file.".to_owned() },
        OutputBody::Text { text: "I add a file.".to_owned() },
        call("c1", "Write", "src/a.txt", r#"{"content":"a","file_path":"/work/shop/src/a.txt"}"#),
        result("c1", false, "written"),
        call("c2", "Bash", "git commit -am x", r#"{"command":"git commit -am x"}"#),
        result("c2", true, "fatal\n[image]"),
        OutputBody::Text { text: "Done.".to_owned() },
        OutputBody::Usage {
            message_id: "turn-1/test-model".to_owned(),
            model: "test-model".to_owned(),
            tokens: TokenUsage { input: 30, output: 12, cache_read: 5, cache_write: 2 },
            cost_micros: Some(2500),
        },
        OutputBody::Note { text: "not allowed in this turn: WebFetch (2×)".to_owned() },
        OutputBody::Result { success: true, text: "Done.".to_owned() },
    ];
    assert_eq!(played.items, expected);
}

/// R3, R4: a result is not the end while a background task runs; the second turn's usage is the difference.
#[test]
fn background_tasks_hold_the_input_open() {
    let lines = recording("two_turns");
    let first = play(&lines[..5], &exit_code(0));
    assert_eq!(first.wishes.stdin, StdinWish::CloseAfter { ms: 9000 });
    assert_eq!(play(&lines[..7], &exit_code(0)).wishes.stdin, StdinWish::CloseAfter { ms: 0 });
    assert_eq!(play(&lines[..8], &exit_code(0)).wishes.stdin, StdinWish::Hold);
    let played = play(&lines, &exit_code(0));
    assert_eq!(played.end.outcome, RunOutcome::Succeeded { summary: "It is built.".to_owned() });
    let spent: Vec<_> = played
        .items
        .iter()
        .filter_map(|item| match item {
            OutputBody::Usage { message_id, tokens, cost_micros, .. } => {
                Some((message_id.as_str(), tokens.input, tokens.output, *cost_micros))
            }
            _ => None,
        })
        .collect();
    assert_eq!(spent, [("turn-1/test-model", 20, 4, Some(1000)), ("turn-2/test-model", 30, 5, Some(2000))]);
    // A turn that began and never ended leaves the work unfinished.
    let cut = play(&lines[..9], &exit_code(0));
    assert!(matches!(cut.end.outcome, RunOutcome::Failed { class: FailureClass::Incomplete, .. }));
}

/// The outcome table, failures by class.
#[test]
fn failures_have_classes() {
    let cases = [
        ("auth", FailureClass::Auth),
        ("key_refused", FailureClass::Auth),
        ("key_refused_ended", FailureClass::Auth),
        ("billing", FailureClass::Billing),
        ("overloaded", FailureClass::Overloaded),
        ("too_long", FailureClass::Exhausted),
        ("max_turns", FailureClass::Exhausted),
        ("no_model", FailureClass::InvalidRequest),
        ("interrupted", FailureClass::Agent),
        ("died", FailureClass::Incomplete),
    ];
    for (name, expected) in cases {
        let played = play(&recording(name), &exit_code(1));
        assert!(matches!(played.end.outcome, RunOutcome::Failed { class, .. } if class == expected), "{name}: {:?}", played.end.outcome);
        assert_eq!(played.wishes.give_up, name.starts_with("key_refused"), "{name}");
    }
}

/// R4: a turn without a result is settled with what its messages stated.
#[test]
fn unfinished_turns_are_settled() {
    let played = play(&recording("died"), &ExitFacts { signal: Some(9), ..ExitFacts::default() });
    let spent: u64 = played.items.iter().map(|item| if let OutputBody::Usage { tokens, .. } = item { tokens.total() } else { 0 }).sum();
    assert_eq!(spent, 18 + 11);
}

/// R5: rejected is limited, with window and instant; overage goes on; words serve where no event came.
#[test]
fn limits() {
    let at = |seconds: i64| Some(Timestamp::from_millis(seconds * 1000));
    let played = play(&recording("limit"), &exit_code(1));
    let RunOutcome::Limited { window, resets_at, .. } = played.end.outcome else { panic!("{:?}", played.end.outcome) };
    assert_eq!((window.as_str(), resets_at), ("five_hour", at(1_900_000_000)));
    let told: Vec<_> = played
        .items
        .iter()
        .filter_map(|item| match item {
            OutputBody::Limit(notice) => Some((notice.window.as_str(), notice.status, notice.used, notice.resets_at)),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            ("five_hour", LimitStatus::Warning, Some(0.93), at(1_900_000_000)),
            ("five_hour", LimitStatus::Rejected, Some(1.0), at(1_900_000_000)),
            ("seven_day", LimitStatus::Allowed, Some(0.4), at(1_900_500_000)),
        ]
    );
    let overage = play(&recording("overage"), &exit_code(0));
    assert!(matches!(overage.end.outcome, RunOutcome::Succeeded { .. }));
    assert!(overage.items.iter().any(|item| matches!(item, OutputBody::Limit(notice) if notice.status == LimitStatus::Warning)));
    let words = play(&recording("limit_in_words"), &exit_code(1));
    let RunOutcome::Limited { window, resets_at, .. } = words.end.outcome else { panic!("{:?}", words.end.outcome) };
    assert_eq!((window.as_str(), resets_at), ("seven_day", at(1_795_395_480)));
    assert!(words.items.iter().any(|item| matches!(item, OutputBody::Limit(notice) if notice.source == "text")));
}

/// F-098: nothing unknown stops the stream; it is counted, kept or answered.
#[test]
fn unknown_messages_are_tolerated() {
    let played = play(&recording("from_the_future"), &exit_code(0));
    assert!(matches!(played.end.outcome, RunOutcome::Succeeded { .. }));
    assert_eq!(played.items.iter().filter(|item| matches!(item, OutputBody::Line { .. })).count(), 3);
    assert_eq!(played.frames.len(), 1, "the request of the CLI is answered");
    let note = OutputBody::Note {
        text: "4 messages of kinds unknown to this version were skipped: hologram, hook_callback, system/teleported".to_owned(),
    };
    assert!(played.items.contains(&note), "{:?}", played.items);
    let mut cut = raw(RawKind::Stdout, "{\"type\":\"user\",\"message\":\"xxx");
    (cut.truncated, cut.dropped) = (true, 100);
    assert!(matches!(play(&[cut], &exit_code(0)).items[0], OutputBody::Gap { bytes: 129, .. }));
}

/// R10: a session that is gone starts fresh, one that is taken is resumed.
#[test]
fn sessions_fall_back() {
    let gone = play(&recording("gone"), &exit_code(1));
    assert_eq!(gone.end.relaunch, Some(SessionOrder::Fresh { session_id: SESSION.to_owned() }));
    let taken = [raw(RawKind::Stderr, &format!("Error: Session ID {SESSION} is already in use."))];
    let taken = play(&taken, &exit_code(1));
    assert_eq!(taken.end.relaunch, Some(SessionOrder::Resume { session_id: SESSION.to_owned() }));
    assert_eq!(play(&recording("work"), &exit_code(0)).end.relaunch, None);
}

/// Runtimes R5: the order of judgement.
#[test]
fn order_of_judgement() {
    let lines = recording("work");
    let stopped = ExitFacts { stopped: Some(StopReason::Operator), ..exit_code(0) };
    assert_eq!(play(&lines, &stopped).end.outcome, RunOutcome::Stopped { reason: StopReason::Operator });
    let late = ExitFacts { timed_out: Some(TimedOut::Wall), ..ExitFacts::default() };
    assert!(matches!(play(&lines, &late).end.outcome, RunOutcome::Succeeded { .. }));
    assert!(matches!(play(&lines[..5], &late).end.outcome, RunOutcome::Failed { class: FailureClass::Timeout, .. }));
    let spawn = ExitFacts { spawn_error: Some("no such file".to_owned()), ..ExitFacts::default() };
    assert!(matches!(play(&[], &spawn).end.outcome, RunOutcome::Failed { class: FailureClass::Spawn, .. }));
    let flag = [raw(RawKind::Stderr, "error: unknown option '--x'")];
    assert!(matches!(play(&flag, &exit_code(1)).end.outcome, RunOutcome::Failed { class: FailureClass::InvalidRequest, .. }));
    assert!(matches!(play(&[], &exit_code(0)).end.outcome, RunOutcome::Failed { class: FailureClass::Incomplete, .. }));
}
