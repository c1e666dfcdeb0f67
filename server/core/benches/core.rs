//! What the pure core costs: one decision of the scheduler, one move of a task, one plan read.
//!
//! `cargo bench -p aq-core --bench core -- [FILTER]`. Times of one machine are told beside each other, never judged here: the rows with floors are
//! those of the load program, which also has the decision with the ready tasks of a server behind it.
//!
//! Spec: specs/server/load.md

use std::fmt::Write as _;
use std::hint::black_box;

use aq_core::ids::{AgentId, ProjectId, TaskId};
use aq_core::plan::parse;
use aq_core::runtime::RuntimeKind;
use aq_core::schedule::{Head, IdleAgent, Lane, ProjectState, Snapshot, decide};
use aq_core::task::{TaskStatus, Trigger, settle};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Projects that each have as many heads as agents are idle: what a server with any number of READY tasks shows to a decision.
fn snapshot(projects: usize, agents: usize) -> Snapshot {
    let head = |project: usize, place: usize| {
        let key = i64::try_from(place * projects + project).unwrap_or(i64::MAX);
        Head { priority: 100, key, task: TaskId::from_trusted(&key.to_string()) }
    };
    let project = |number: usize| ProjectState {
        weight: f64::from(u32::try_from(number % 7 + 1).unwrap_or(1)),
        window_use: u64::try_from(number * 1009 % 50_000).unwrap_or(0),
        expected_next: 20_000,
        max_runs: 1000,
        completed_in_window: 1,
        lanes: vec![Lane {
            runtime: None,
            fallback: aq_core::runtime::RuntimeSet::EMPTY,
            filler: false,
            heads: (0..agents).map(|place| head(number, place)).collect(),
        }],
        ..ProjectState::new(ProjectId::from_trusted(&format!("project-{number}")))
    };
    let agent = |number: usize| IdleAgent::new(AgentId::from_trusted(&format!("agent-{number}")), RuntimeKind::Scripted);
    Snapshot {
        projects: (0..projects).map(project).collect(),
        agents: (0..agents).map(agent).collect(),
        guarantee: true,
        ..Snapshot::default()
    }
}

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    // The largest take long, and vary little.
    group.sample_size(10);
    for (projects, agents) in [(10, 1), (10, 4), (10, 64), (100, 4), (1_000, 4), (10_000, 4), (100_000, 4), (1_000_000, 1)] {
        let snapshot = snapshot(projects, agents);
        let id = BenchmarkId::from_parameter(format!("{projects} projects, {agents} idle agents"));
        group.bench_with_input(id, &snapshot, |bencher, snapshot| bencher.iter(|| decide(black_box(snapshot))));
    }
    group.finish();
}

fn moves(criterion: &mut Criterion) {
    let life = [
        (TaskStatus::Ready, Trigger::Assigned),
        (TaskStatus::Assigned, Trigger::AgentStarted),
        (TaskStatus::InProgress, Trigger::AgentCompleted),
        (TaskStatus::Verifying, Trigger::VerifyPassed),
    ];
    criterion.bench_function("settle: the four moves of a life", |bencher| {
        bencher.iter(|| life.map(|(from, trigger)| settle(black_box(from), black_box(trigger), true)));
    });
    criterion.bench_function("settle: a move that is refused", |bencher| {
        bencher.iter(|| settle(black_box(TaskStatus::Completed), black_box(Trigger::AgentStarted), true));
    });
}

/// A plan of this many steps, as agents write them.
fn plan(steps: usize) -> String {
    let mut text = "# Plan\n\nA few words about why.\n\n## Implementation plan\n\n".to_owned();
    for step in 1..=steps {
        // Writing into a text cannot fail.
        let _written = write!(
            text,
            "### Step {step}: Add the reader of kind {step}\n\nRead `src/reader_{step}.rs` and add the missing cases.\n\n\
             ```rust\nfn read(text: &str) -> usize {{ text.len() }}\n```\n\n- tests for each case\n- a sentence in the manual\n\n"
        );
    }
    text
}

fn plans(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse a plan");
    for steps in [5, 50] {
        let text = plan(steps);
        group.bench_with_input(BenchmarkId::from_parameter(format!("{steps} steps")), &text, |bencher, text| {
            bencher.iter(|| parse(black_box(text), 100));
        });
    }
    group.finish();
}

criterion_group!(core, decisions, moves, plans);
criterion_main!(core);
