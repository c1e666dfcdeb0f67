//! The server of the streams: a hundred open runs, each of which says a hundred lines a second.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aq_core::ids::RunRef;
use aq_core::output::{LineStream, OutputBody, OutputItem};
use aq_core::runner_link::{RunReport, RunnerLink, RunnerOrder, RunnerSink};
use aq_core::time::Timestamp;
use aq_proto::client::Endpoint;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::house::House;
use super::sample::nanos;

/// Runs that are open.
const RUNS: usize = 100;
/// Time between two lines of a run.
const EVERY: Duration = Duration::from_millis(10);

struct Starts(mpsc::UnboundedSender<RunRef>);

impl RunnerLink for Starts {
    fn order(&self, order: RunnerOrder) {
        if let RunnerOrder::Start(start) = order {
            // The measurement may be over.
            let _over = self.0.send(start.run);
        }
    }
}

async fn speak(sink: Arc<dyn RunnerSink>, run: RunRef) {
    let mut timer = tokio::time::interval(EVERY);
    for seq in 1.. {
        timer.tick().await;
        let text = format!("{} {}", nanos(), "a line of output, as programs write them when they work; ".repeat(4));
        let body = OutputBody::Line { stream: LineStream::Stdout, text, truncated: false };
        let items = vec![OutputItem { seq, at: Timestamp::from_millis(1), body }];
        if sink.report(run.clone(), RunReport::Output { items }).await.is_err() {
            return;
        }
    }
}

/// Opens the runs, says on standard output how to reach them, and lets them speak until the process is ended.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub(crate) async fn runs(home: &Path) -> Result<(), String> {
    let (sender, mut started) = mpsc::unbounded_channel();
    let house = House::open(home, RUNS, |_| Starts(sender)).await?;
    let connection = house.connect().await?;
    let resumed = connection.admin().resume_scheduling(aq_proto::v1::ResumeSchedulingRequest::default()).await;
    resumed.map_err(|status| status.to_string())?;
    let mut open = Vec::new();
    while open.len() < RUNS {
        let run = started.recv().await.ok_or("no run was started")?;
        let report = |report| house.sink.report(run.clone(), report);
        let prepared = RunReport::Prepared { directory: "/nowhere".to_owned(), base_commit: "0".repeat(40) };
        report(prepared).await.map_err(|error| error.to_string())?;
        report(RunReport::Started { pid: 1 }).await.map_err(|error| error.to_string())?;
        open.push(run);
    }
    let Endpoint::Unix(socket) = &house.options.endpoint else { return Err("not a socket".to_owned()) };
    let key = house.options.api_key.as_ref().ok_or("no key")?.reveal();
    let names: Vec<_> = open.iter().map(|run| run.task.to_string()).collect();
    println!("{}\n{key}\n{}", socket.display(), names.join(" "));
    let mut speaking: JoinSet<()> = open.into_iter().map(|run| speak(Arc::clone(&house.sink), run)).collect();
    while speaking.join_next().await.is_some() {}
    Ok(())
}
