//! Rows: from a task that may start to its claim, and to its process. One task at a time on an idle system, seen from outside by a client that follows
//! the events: from the event that the task is READY to the event of its claim, both on their way through the same stream, and from before the call
//! that creates the task, so that its own commit is counted too.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aq_core::ids::RunRef;
use aq_core::runner_link::{BoxFuture, LinkClosed, RunReport, RunnerLink, RunnerOrder, RunnerSink};
use aq_proto::v1 as pb;
use aq_runner::service::{RunnerConfig, RunnerService};
use pb::watch_events_response::Event as Told;
use tokio::runtime::Runtime;

use super::fill;
use super::house::House;
use super::player::Player;
use super::sample::{Turns, now, percentile};
use super::table::{Floor, Line};

/// When a run came how far.
#[derive(Clone, Copy, Debug, Default)]
struct Stamps {
    ordered: Option<Instant>,
    prepared: Option<Instant>,
    started: Option<Instant>,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<HashMap<RunRef, Stamps>>>);

impl Log {
    fn note(&self, run: &RunRef, set: impl FnOnce(&mut Stamps)) {
        set(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(run.clone()).or_default());
    }

    fn of(&self, task: &str) -> Stamps {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().find(|(run, _)| run.task.as_str() == task).map(|(_, stamps)| *stamps).unwrap_or_default()
    }
}

/// Notes when reports leave the runner.
struct Noted {
    inner: Arc<dyn RunnerSink>,
    log: Log,
}

impl RunnerSink for Noted {
    fn report(&self, run: RunRef, report: RunReport) -> BoxFuture<'_, Result<(), LinkClosed>> {
        match &report {
            RunReport::Prepared { .. } => self.log.note(&run, |stamps| stamps.prepared = Some(now())),
            RunReport::Started { .. } => self.log.note(&run, |stamps| stamps.started = Some(now())),
            _ => {}
        }
        self.inner.report(run, report)
    }
}

/// The real runner, with a note of when it was ordered to start.
struct Real {
    runner: Arc<RunnerService>,
    log: Log,
}

impl RunnerLink for Real {
    fn order(&self, order: RunnerOrder) {
        if let RunnerOrder::Start(start) = &order {
            self.log.note(&start.run, |stamps| stamps.ordered = Some(now()));
        }
        self.runner.order(order);
    }
}

/// Times of one task.
struct Times {
    task: String,
    sent: Instant,
    /// The event of its creation was seen: it is READY, durably.
    ready: Instant,
    claimed: Instant,
}

/// Creates `count` tasks one after the other and waits for each until it is done.
async fn one_by_one(house: &House, count: usize, description: &str) -> Result<Vec<Times>, String> {
    let said = |status: tonic::Status| status.to_string();
    let connection = house.connect().await?;
    let types = ["task.created", "task.assigned", "task.completed", "task.failed", "task.blocked"].map(str::to_owned).to_vec();
    let filter = pb::EventFilter { types, ..Default::default() };
    let request = pb::WatchEventsRequest { filter: Some(filter), follow: true, ..Default::default() };
    let mut events = connection.events().watch_events(request).await.map_err(said)?.into_inner();
    connection.admin().resume_scheduling(pb::ResumeSchedulingRequest::default()).await.map_err(said)?;
    let mut times = Vec::new();
    for number in 0..count {
        let request = pb::CreateTaskRequest {
            project_id: fill::project(0).to_string(),
            title: format!("Task {number} of one by one"),
            description: description.to_owned(),
            request_id: format!("latency-{number}"),
            ..Default::default()
        };
        let sent = now();
        let mut tasks = connection.tasks();
        let created = tokio::spawn(async move { tasks.create_task(request).await });
        let (mut ready, mut claimed) = (None, None);
        loop {
            let message = tokio::time::timeout(Duration::from_secs(30), events.message()).await;
            let message = message.map_err(|_| format!("task {number} did not end"))?.map_err(said)?;
            let Some(Told::Item(event)) = message.and_then(|message| message.event) else { continue };
            match event.r#type.as_str() {
                "task.created" => ready = Some(now()),
                "task.assigned" => claimed = Some(now()),
                "task.completed" => break,
                other => return Err(format!("task {number}: {other}")),
            }
        }
        let task = created.await.map_err(|error| error.to_string())?.map_err(said)?.into_inner();
        let (Some(ready), Some(claimed)) = (ready, claimed) else { return Err(format!("task {number} was never claimed")) };
        times.push(Times { task: task.id, sent, ready, claimed });
        // The next one meets a system at rest.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // The first ones warm up.
    times.drain(..(count / 10));
    Ok(times)
}

fn fresh(turns: &Turns) -> Result<tempfile::TempDir, String> {
    let home = tempfile::tempdir_in(&turns.folder).map_err(|error| error.to_string())?;
    fill::copy(&fill::filled(&turns.folder, 0)?, &home.path().join("aq.db"))?;
    Ok(home)
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn line(what: &str, times: &[f64], floor: Floor) -> Line {
    let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| percentile(times, share));
    let beside = format!("p50 {p50:.2} ms, most {most:.2} ms, {} tasks", times.len());
    Line { what: format!("{what}, p99"), value: p99, unit: "ms", floor, beside }
}

/// Measures claims with a runner that is played, and starts with real processes.
pub(crate) fn measure(runtime: &Runtime, turns: &Turns, count: usize, program: Option<&Path>) -> Result<Vec<Line>, String> {
    let home = fresh(turns)?;
    let claims = runtime.block_on(async {
        let house = House::open(home.path(), 4, |sink| Player::new(sink, false)).await?;
        let times = one_by_one(&house, count, "Nothing is to be done.").await;
        house.close().await;
        times
    })?;
    let claimed = |since: fn(&Times) -> Instant| claims.iter().map(|times| ms(times.claimed - since(times))).collect::<Vec<_>>();
    let mut lines = vec![
        line("READY to claimed, both seen by a client", &claimed(|times| times.ready), Floor::AtMost(2.5)),
        line("create called to claim seen by a client", &claimed(|times| times.sent), Floor::Told),
    ];
    let Some(program) = program else { return Ok(lines) };
    let home = fresh(turns)?;
    let (times, log) = runtime.block_on(real(home.path(), program, count.min(200)))?;
    let (mut preparing, mut starting) = (Vec::new(), Vec::new());
    for one in &times {
        let Stamps { ordered: Some(ordered), prepared: Some(prepared), started: Some(started) } = log.of(&one.task) else { continue };
        preparing.push(ms(prepared - ordered));
        starting.push(ms(started - one.sent) - ms(prepared - ordered));
    }
    lines.push(line("create called to process started, workspace prepared", &starting, Floor::AtMost(15.0)));
    lines.push(line("preparing a workspace", &preparing, Floor::Told));
    Ok(lines)
}

async fn real(home: &Path, program: &Path, count: usize) -> Result<(Vec<Times>, Log), String> {
    let log = Log::default();
    let (noted, config) = (log.clone(), RunnerConfig::new(home, program));
    let repository = home.join("repository");
    make_repository(&repository)?;
    let house = House::open(home, 4, |sink| {
        let sink = Arc::new(Noted { inner: sink, log: noted.clone() });
        Real { runner: RunnerService::start(config, sink), log: noted }
    })
    .await?;
    let connection = house.connect().await?;
    let project = pb::Project { id: fill::project(0).to_string(), repo_url: repository.display().to_string(), ..Default::default() };
    let update = pb::UpdateProjectRequest {
        project: Some(project),
        update_mask: Some(prost_types::FieldMask { paths: vec!["repo_url".to_owned()] }),
        ..Default::default()
    };
    connection.projects().update_project(update).await.map_err(|status| status.to_string())?;
    let times = one_by_one(&house, count, "A task.\n\n```aq-script\nsay hello\n```\n").await;
    house.close().await;
    Ok((times?, log))
}

fn make_repository(folder: &PathBuf) -> Result<(), String> {
    let git = |arguments: &[&str]| {
        let done = std::process::Command::new("git").arg("-C").arg(folder).args(arguments).output();
        done.map_err(|error| error.to_string())
            .and_then(|done| if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned()) })
    };
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    std::fs::write(folder.join("README.md"), "A repository.\n").map_err(|error| error.to_string())?;
    git(&["init", "--quiet", "--initial-branch", "main"])?;
    git(&["add", "."])?;
    git(&["-c", "user.name=Load", "-c", "user.email=load@localhost", "commit", "--quiet", "--message", "first commit"])
}
