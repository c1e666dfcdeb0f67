//! From start to finish, stop and release.

use aq_core::output::{FailureClass, OutputBody};
use aq_core::runner_link::{RunOutcome, RunReport, RunnerLink, RunnerOrder, StopReason};
use aq_core::runtime::RuntimeKind;

use crate::world::{World, assert_gapless, begin, limits, nobody_in, project, run};

/// F-095, scripted R1, service R3, R10: started, heard and waited for through the port of all runtimes: the default script writes a note, says so, spends a few tokens, and its work lands.
#[tokio::test(flavor = "multi_thread")]
async fn the_default_script_lands() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start(""));
    let (outcome, exit_code) = memory.finished().await;
    assert!(matches!(&outcome, RunOutcome::Succeeded { summary } if summary.contains("swift-fox.md")), "{outcome:?}");
    assert_eq!(exit_code, Some(0));
    service.order(world.conclude(&["test -f swift-fox.md"]));
    let conclusion = memory.concluded().await;
    assert!(
        matches!(&conclusion, aq_core::runner_link::Conclusion::Done { files_changed, pushed: false, .. } if files_changed == &["swift-fox.md"]),
        "{conclusion:?}"
    );
    assert_eq!(world.landed("swift-fox.md").as_deref(), Some("# Write a note\n"));
    let items = memory.items();
    assert_gapless(&items, 1);
    let has = |find: fn(&OutputBody) -> bool| items.iter().any(|item| find(&item.body));
    assert!(has(|body| matches!(body, OutputBody::SessionStarted { .. })));
    assert!(has(|body| matches!(body, OutputBody::Usage { tokens, .. } if tokens.total() == 160)));
    assert!(has(|body| matches!(body, OutputBody::ToolCall { name, .. } if name == "Write")));
    assert!(has(|body| matches!(body, OutputBody::Result { success: true, .. })));
    assert!(has(|body| matches!(body, OutputBody::Note { text } if text.starts_with("check passed"))));
    service.order(RunnerOrder::Release { run: run(), project: project(), task_ended: true });
    while world.home().join("runs/swift-fox.1").exists() || world.directory().exists() {
        tokio::task::yield_now().await;
    }
    service.shutdown().await;
}

/// Service R1: a start given twice starts once.
#[tokio::test(flavor = "multi_thread")]
async fn starting_twice_starts_once() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start("say one"));
    begin(&service, world.start("say two"));
    memory.finished().await;
    memory.said("one").await;
    assert_eq!(memory.count(|report| matches!(report, RunReport::Started { .. })), 1);
    service.shutdown().await;
}

/// F-095, service R8: an agent that hears is interrupted, one that does not is ended; nothing is left behind.
#[tokio::test(flavor = "multi_thread")]
async fn stop_ends_polite_and_deaf_agents() {
    for script in ["say here\nsleep 60000", "say here\nhang", "say here\nshell sleep 600"] {
        let world = World::new();
        let (service, memory) = world.service();
        begin(&service, world.start(script));
        memory.said("here").await;
        service.order(RunnerOrder::Stop { run: run(), reason: StopReason::Operator });
        let (outcome, _) = memory.finished().await;
        assert_eq!(outcome, RunOutcome::Stopped { reason: StopReason::Operator }, "{script}");
        assert!(nobody_in(&world.directory()), "{script}");
        service.shutdown().await;
    }
}

/// F-099: each way to end has its outcome.
#[tokio::test(flavor = "multi_thread")]
async fn endings_have_outcomes() {
    let cases = [
        ("exit 0", FailureClass::Incomplete),
        ("crash", FailureClass::Incomplete),
        ("fail auth: no key", FailureClass::Auth),
        ("fail broken", FailureClass::Agent),
        ("shell false", FailureClass::Agent),
        ("sing", FailureClass::InvalidRequest),
    ];
    for (script, expected) in cases {
        let world = World::new();
        let (service, memory) = world.service();
        begin(&service, world.start(script));
        let (outcome, _) = memory.finished().await;
        assert!(matches!(&outcome, RunOutcome::Failed { class, .. } if *class == expected), "{script}: {outcome:?}");
        service.shutdown().await;
    }
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start("limit five_hour 60"));
    let (outcome, _) = memory.finished().await;
    assert!(matches!(&outcome, RunOutcome::Limited { window, resets_at: Some(_), .. } if window == "five_hour"), "{outcome:?}");
    service.shutdown().await;
}

/// Runtimes, `command`: the prompt is the input, lines come out, the exit code decides; secrets never come out.
#[tokio::test(flavor = "multi_thread")]
async fn commands_run_too() {
    let world = World::new();
    let (service, memory) = world.service();
    let mut start = world.start("");
    start.runtime = RuntimeKind::Command;
    start.prompt = "hello\nfrom the prompt".to_owned();
    start.profile.command =
        ["sh", "-c", "cat; echo \"key $API_KEY for {title}\" >&2; echo note > note.txt; echo all done"].map(str::to_owned).into();
    start.profile.env.insert("API_KEY".to_owned(), "hunter2-hunter2".to_owned());
    begin(&service, start);
    let (outcome, exit_code) = memory.finished().await;
    assert_eq!(outcome, RunOutcome::Succeeded { summary: "all done".to_owned() });
    assert_eq!(exit_code, Some(0));
    let lines: Vec<_> = memory
        .items()
        .into_iter()
        .filter_map(|item| match item.body {
            OutputBody::Line { text, .. } => Some(text),
            _ => None,
        })
        .collect();
    assert!(lines.contains(&"hello".to_owned()) && lines.contains(&"key [redacted] for Write a note".to_owned()), "{lines:?}");
    service.shutdown().await;
}

/// Failures table: a program that is not there, a repository that is not there.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_fails_in_words() {
    let world = World::new();
    let (service, memory) = world.service();
    let mut start = world.start("");
    start.runtime = RuntimeKind::Command;
    start.profile.command = vec!["no-such-program-anywhere".to_owned()];
    begin(&service, start);
    let (outcome, _) = memory.finished().await;
    assert!(matches!(outcome, RunOutcome::Failed { class: FailureClass::Spawn, .. }), "{outcome:?}");
    service.shutdown().await;
    let world = World::new();
    let (service, memory) = world.service();
    std::fs::remove_dir_all(world.repository()).unwrap();
    begin(&service, world.start(""));
    let (outcome, _) = memory.finished().await;
    assert!(matches!(outcome, RunOutcome::Failed { class: FailureClass::Workspace, .. }), "{outcome:?}");
    service.shutdown().await;
}

/// Service R6: an agent that floods is not held up, what is too much is a gap, its result is still seen.
#[tokio::test(flavor = "multi_thread")]
async fn floods_are_bounded() {
    let world = World::new();
    let (service, memory) = world.service();
    let mut start = world.start("flood 3000000\ngarbage\ndone still here");
    start.limits = aq_core::runner_link::RunLimits { output_bytes: 1 << 20, ..limits() };
    begin(&service, start);
    let (outcome, _) = memory.finished().await;
    assert_eq!(outcome, RunOutcome::Succeeded { summary: "still here".to_owned() });
    let items = memory.items();
    assert_gapless(&items, 1);
    assert!(items.iter().any(|item| matches!(item.body, OutputBody::Gap { bytes, .. } if bytes > 1_000_000)));
    service.shutdown().await;
}
