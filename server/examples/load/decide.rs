//! Rows of the core: what one decision costs with much READY, and what one completion costs that many wait for.

use std::sync::Arc;

use aq_core::agent::Agent;
use aq_core::ids::{AgentId, RunRef, WorkspaceId};
use aq_core::principal::Principal;
use aq_core::project::Project;
use aq_core::runner_link::{Conclusion, RunOutcome, RunReport, RunnerLink, RunnerOrder, RunnerSink};
use aq_core::runtime::RuntimeKind;
use aq_core::schedule::decide;
use aq_core::time::Timestamp;
use aq_core::workspace::{Workspace, WorkspaceKind};
use aq_server::commands::Context;
use aq_server::lifecycle::{Figures, Hot};
use aq_server::orchestrator::{Policy, snapshot};
use aq_server::store::task_figures;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::fill;
use super::house::House;
use super::sample::{Turns, median, now, percentile};
use super::table::{Floor, Line};

/// Figures of ten projects with `ready` tasks and `agents` idle agents.
fn figures(ready: i64, agents: usize) -> Hot {
    let at = Timestamp::from_millis(1);
    let mut hot = Hot::new(Figures { span_ms: 86_400_000, ..Figures::default() });
    for number in 0..fill::PROJECTS {
        let project = fill::project(number);
        hot.put_project(Project::new(project.clone(), "A project", at));
        for place in 0..8 {
            let id = WorkspaceId::from_trusted(&format!("ws-{number}-{place}"));
            let (name, path) = (String::new(), String::new());
            let space =
                Workspace { id: id.clone(), project: project.clone(), name, kind: WorkspaceKind::Clone, path, lease: None, created_at: at };
            hot.put_workspace(id, Some(space));
        }
    }
    for number in 0..agents {
        let id = AgentId::from_trusted(&format!("agent-{number}"));
        hot.put_agent(id.clone(), Some(Agent::new(id, "An agent", RuntimeKind::Scripted, at)));
    }
    for key in 1..=ready {
        hot.add_ready(&fill::project(key % fill::PROJECTS), aq_core::task::Needs::default(), 100, key);
        if key % 10_000 == 0 {
            aq_server::store::State::settle(&mut hot);
        }
    }
    aq_server::store::State::settle(&mut hot);
    hot
}

/// Microseconds of one decision, from the figures to its assignments, for each assignment made.
fn decisions(ready: i64, agents: usize) -> Vec<f64> {
    let (hot, policy, at) = (figures(ready, agents), Policy::default(), Timestamp::from_millis(2));
    let mut times = Vec::new();
    for _ in 0..2000 {
        let begin = now();
        let decision = decide(&snapshot(&hot, &policy, at));
        let made = decision.assignments.len().max(1);
        let made = f64::from(u32::try_from(made).unwrap_or(u32::MAX));
        times.push(begin.elapsed().as_secs_f64() * 1e6 / made);
    }
    times
}

/// Takes orders and does nothing with them.
struct Quiet(mpsc::UnboundedSender<RunnerOrder>);

impl RunnerLink for Quiet {
    fn order(&self, order: RunnerOrder) {
        // The measurement may be over.
        let _over = self.0.send(order);
    }
}

/// Milliseconds from the report that a task is landed to its acknowledgement, while `waiting` tasks wait for it.
async fn unblock(turns: &Turns, waiting: i64) -> Result<f64, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let home = tempfile::tempdir_in(&turns.folder).map_err(|error| told(&error))?;
    fill::copy(&fill::filled(&turns.folder, 0)?, &home.path().join("aq.db"))?;
    let (sender, mut orders) = mpsc::unbounded_channel();
    let house = House::open(home.path(), 1, |_| Quiet(sender)).await?;
    let context = Context::new(Principal::server(), Timestamp::from_millis(2));
    house
        .engine
        .submit(move |tx| {
            let mut wanted = fill::new_task("The one that all wait for");
            let first = aq_server::commands::create::create(tx, &context, std::slice::from_ref(&wanted))?;
            let first = first.first().map(|record| record.task.id.to_string()).unwrap_or_default();
            wanted.after = vec![first];
            for _ in 0..waiting {
                aq_server::commands::create::create(tx, &context, std::slice::from_ref(&wanted))?;
            }
            Ok::<_, aq_server::commands::CommandError>(())
        })
        .await
        .map_err(|error| told(&error))?;
    let connection = house.connect().await?;
    connection.admin().resume_scheduling(aq_proto::v1::ResumeSchedulingRequest::default()).await.map_err(|status| told(&status))?;
    let sink: Arc<dyn RunnerSink> = Arc::clone(&house.sink);
    let run = loop {
        match orders.recv().await {
            Some(RunnerOrder::Start(start)) => break start.run,
            Some(_) => {}
            None => return Err("no task was started".to_owned()),
        }
    };
    report(&sink, &run, RunReport::Prepared { directory: "/nowhere".to_owned(), base_commit: "0".repeat(40) }).await?;
    report(&sink, &run, RunReport::Started { pid: 1 }).await?;
    let outcome = RunOutcome::Succeeded { summary: String::new() };
    report(&sink, &run, RunReport::Finished { outcome, exit_code: Some(0) }).await?;
    let begin = now();
    report(&sink, &run, RunReport::Concluded { conclusion: Conclusion::NothingToDo }).await?;
    let taken = begin.elapsed().as_secs_f64() * 1e3;
    let count = |tx: &mut aq_server::lifecycle::Tx<'_>| {
        let mut ready = 0;
        task_figures::each_ready(tx.db, &mut |_| ready += 1)?;
        Ok::<_, aq_server::store::StoreError>(ready)
    };
    let ready: i64 = house.engine.submit(count).await.map_err(|error| told(&error))?;
    house.close().await;
    // The agent took one of them at once.
    if ready < waiting - 1 {
        return Err(format!("{ready} of {waiting} tasks became READY"));
    }
    Ok(taken)
}

async fn report(sink: &Arc<dyn RunnerSink>, run: &RunRef, report: RunReport) -> Result<(), String> {
    sink.report(run.clone(), report).await.map_err(|error| error.to_string())
}

/// Measures both.
pub(crate) fn measure(runtime: &Runtime, turns: &Turns) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for (ready, agents) in [(1_000, 4), (100_000, 4), (1_000_000, 4), (1_000_000, 1), (1_000_000, 64)] {
        let times = decisions(ready, agents);
        lines.push(Line {
            what: format!("one decision, {ready} READY, {agents} idle agents"),
            value: median(&times),
            unit: "us",
            floor: if ready == 1_000_000 && agents == 4 { Floor::AtMost(5.0) } else { Floor::Told },
            beside: format!("p99 {:.1} us", percentile(&times, 0.99)),
        });
    }
    let mut taken = Vec::new();
    for _ in 0..turns.rounds {
        taken.push(runtime.block_on(unblock(turns, 10_000))?);
    }
    lines.push(Line {
        what: "one completion frees 10,000 tasks".to_owned(),
        value: median(&taken),
        unit: "ms",
        floor: Floor::AtMost(100.0),
        beside: format!("from the report to its acknowledgement, durable; {} rounds", turns.rounds),
    });
    Ok(lines)
}
