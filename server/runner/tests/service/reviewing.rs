//! A review by the scripted agent, with real processes and real git (F-084).

use aq_core::ids::RunRef;
use aq_core::output::OutputBody;
use aq_core::runner_link::{Conclusion, LandMode, RunOutcome, RunnerLink, RunnerOrder};
use aq_core::task::{Verdict, read_verdict};

use crate::world::{World, begin, run};

/// service R18, F-084: the work is kept, a reviewer looks at it and meddles, its verdict comes as the summary; the conclusion lands the work without what
/// the reviewer did, and without running the checks again that passed on it. The run that follows a failing review starts afresh as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_changes_nothing() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start("write a.txt hello\ncommit Add a"));
    memory.finished().await;
    let RunnerOrder::Conclude(mut keep) = world.conclude(&["test -f a.txt"]) else { panic!() };
    keep.land = LandMode::KeepBranch;
    service.order(RunnerOrder::Conclude(keep.clone()));
    let Conclusion::Done { commit, .. } = memory.concluded().await else { panic!() };
    service.order(RunnerOrder::Release { run: run(), project: keep.project.clone(), task_ended: false });
    service.shutdown().await;

    let (service, memory) = world.service();
    let review = RunRef { number: 2, ..run() };
    let script = "write a.txt meddled\ncommit Mend it\nwrite notes.txt thoughts\n\
                  done Fine.\\n\\n```verdict\\n{\"verdict\": \"pass\"}\\n```\\n";
    let mut start = world.start(script);
    (start.run, start.afresh) = (review.clone(), true);
    begin(&service, start);
    let (outcome, _) = memory.finished().await;
    let RunOutcome::Succeeded { summary } = outcome else { panic!("{outcome:?}") };
    assert_eq!(read_verdict(&summary), Ok(Verdict::Pass), "{summary}");
    let RunnerOrder::Conclude(mut land) = world.conclude(&["echo checked again; false"]) else { panic!() };
    (land.run, land.reviewed) = (review, Some(commit));
    service.order(RunnerOrder::Conclude(land));
    let conclusion = memory.concluded().await;
    let Conclusion::Done { files_changed, .. } = conclusion else { panic!("{conclusion:?}") };
    assert_eq!(files_changed, ["a.txt"]);
    assert_eq!((world.landed("a.txt").as_deref(), world.landed("notes.txt")), (Some("hello"), None));
    let ran = memory.items().iter().any(|item| matches!(&item.body, OutputBody::Line { text, .. } if text == "checked again"));
    assert!(!ran, "the checks passed on this very commit");
    service.shutdown().await;
}
