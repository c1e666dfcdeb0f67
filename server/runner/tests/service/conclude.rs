//! Checks and landing.

use aq_core::output::OutputBody;
use aq_core::runner_link::{Conclusion, RunnerLink, RunnerOrder, StopReason};

use crate::world::{World, assert_gapless, begin, run};

/// F-084: a failing test command keeps the work from landing, and says why.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_check_lands_nothing() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start("write a.txt hello\ncommit Add a"));
    memory.finished().await;
    service.order(world.conclude(&["true", "echo looking; echo no good >&2; exit 3", "touch never"]));
    let conclusion = memory.concluded().await;
    let Conclusion::VerifyFailed { command, exit_code, tail } = conclusion else { panic!("{conclusion:?}") };
    assert!(command.contains("no good") && exit_code == 3);
    assert!(tail.contains("looking\n") && tail.contains("no good\n"), "{tail}");
    assert_eq!(world.landed("a.txt"), None);
    assert!(!world.directory().join("never").exists());
    assert_gapless(&memory.items(), 1);
    service.shutdown().await;
}

/// Service R10: nothing changed, nothing to do; no check is run for it.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_changed_is_nothing_to_do() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start("say nothing to do here"));
    memory.finished().await;
    service.order(world.conclude(&["false"]));
    assert_eq!(memory.concluded().await, Conclusion::NothingToDo);
    service.shutdown().await;
}

/// Service R10: files that are new through the merge are checked again, in the merged state.
#[tokio::test(flavor = "multi_thread")]
async fn a_moved_target_is_checked_again() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start("write a.txt hello"));
    memory.finished().await;
    std::fs::write(world.repository().join("b.txt"), "meanwhile\n").unwrap();
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "-m", "meanwhile"]);
    service.order(world.conclude(&["ls"]));
    let conclusion = memory.concluded().await;
    assert!(matches!(conclusion, Conclusion::Done { .. }), "{conclusion:?}");
    assert_eq!(world.landed("a.txt").as_deref(), Some("hello"));
    let shown = memory.items().iter().filter(|item| matches!(&item.body, OutputBody::Line { text, .. } if text == "b.txt")).count();
    assert_eq!(shown, 1, "the second check sees both files");
    service.shutdown().await;
}

/// Service R10: a conclusion that a crash cut off in the middle of a check goes on with that check.
#[tokio::test(flavor = "multi_thread")]
async fn a_conclusion_is_taken_up() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start("write a.txt hello"));
    memory.finished().await;
    let check = "echo begun; while [ ! -e ../gate ]; do sleep 0.02; done; echo ended; echo x >> ../count";
    service.order(world.conclude(&[check]));
    memory.item(|body| matches!(body, OutputBody::Line { text, .. } if text == "begun").then_some(())).await;
    service.shutdown().await;
    let had = memory.items();
    let (service, memory) = world.service();
    std::fs::write(world.directory().parent().unwrap().join("gate"), "").unwrap();
    service.order(world.conclude(&[check]));
    assert!(matches!(memory.concluded().await, Conclusion::Done { .. }));
    assert_eq!(std::fs::read_to_string(world.directory().parent().unwrap().join("count")).unwrap(), "x\n");
    // The last batch may be told twice, under the same numbers.
    let mut all = had;
    for item in memory.items() {
        match all.iter().find(|known| known.seq == item.seq) {
            Some(known) => assert_eq!(known.body, item.body),
            None => all.push(item),
        }
    }
    assert_gapless(&all, 1);
    let lines = all.iter().filter(|item| matches!(&item.body, OutputBody::Line { text, .. } if text == "begun" || text == "ended")).count();
    assert_eq!(lines, 2);
    service.shutdown().await;
}

/// Service R8: a stop while a check runs ends the check and the conclusion.
#[tokio::test(flavor = "multi_thread")]
async fn checks_can_be_stopped() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start("write a.txt hello"));
    memory.finished().await;
    service.order(world.conclude(&["echo begun; sleep 600"]));
    memory.item(|body| matches!(body, OutputBody::Line { text, .. } if text == "begun").then_some(())).await;
    service.order(RunnerOrder::Stop { run: run(), reason: StopReason::Operator });
    assert!(matches!(memory.concluded().await, Conclusion::Error { .. }));
    assert_eq!(world.landed("a.txt"), None);
    service.shutdown().await;
}
