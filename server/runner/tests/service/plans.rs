//! The plan of a run reaches the server, whole and however often the conclusion is ordered.

use aq_core::runner_link::{Conclusion, PlanSearch, RunReport, RunnerLink, RunnerOrder};

use crate::world::{World, begin};

const SCRIPT: &str = "write .aq/plan.md ## Phase 1: Add it\\n\\nThis is what has to be done.\\n\nwrite a.txt hello";

fn concluding(world: &World) -> RunnerOrder {
    let RunnerOrder::Conclude(mut order) = world.conclude(&[]) else { panic!("no conclusion") };
    order.plan = Some(PlanSearch { patterns: vec![".aq/plan.md".into()], anywhere: false });
    RunnerOrder::Conclude(order)
}

fn found(reports: &[RunReport]) -> Vec<(String, String)> {
    let plans = reports.iter().filter_map(|report| match report {
        RunReport::PlanFound { path, text, truncated: false } => Some((path.clone(), text.clone())),
        _ => None,
    });
    plans.collect()
}

/// F-116, D-52, runner plans R1, R5, R6: reported before the conclusion, once for each order, and not landed.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_reported_and_not_landed() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start(SCRIPT));
    memory.finished().await;
    service.order(concluding(&world));
    let conclusion = memory.concluded().await;
    assert!(matches!(conclusion, Conclusion::Done { .. }), "{conclusion:?}");
    let plans = memory.until(|reports| Some(found(reports))).await;
    let expected = (".aq/plan.md".to_owned(), "## Phase 1: Add it\n\nThis is what has to be done.\n".to_owned());
    assert_eq!(plans, std::slice::from_ref(&expected));
    assert_eq!((world.landed(".aq/plan.md"), world.landed("a.txt").as_deref()), (None, Some("hello")));
    service.shutdown().await;
    // The server died before it heard the conclusion: the same order gives the same plan.
    let (service, memory) = world.service();
    service.order(concluding(&world));
    assert!(matches!(memory.concluded().await, Conclusion::Done { .. }));
    assert_eq!(memory.until(|reports| Some(found(reports))).await, [expected]);
    service.shutdown().await;
}

/// Plans R9: where no plan is asked for, none is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_has_no_plan_of_its_own() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start(SCRIPT));
    memory.finished().await;
    service.order(world.conclude(&[]));
    memory.concluded().await;
    assert_eq!(memory.until(|reports| Some(found(reports))).await, []);
    service.shutdown().await;
}
