//! The runner's part, played in process: every order is answered at once, and no process is started.

use std::sync::Arc;

use aq_core::output::{OutputBody, OutputItem, TokenUsage};
use aq_core::runner_link::{Conclusion, RunOutcome, RunReport, RunnerLink, RunnerOrder, RunnerSink};
use aq_core::time::Timestamp;
use tokio::runtime::Handle;

/// Answers orders; cheap to clone.
#[derive(Clone)]
pub(crate) struct Player {
    sink: Arc<dyn RunnerSink>,
    runtime: Handle,
    /// Every run reports the tokens of one message, which is an item of output too.
    tokens: bool,
}

impl Player {
    pub(crate) fn new(sink: Arc<dyn RunnerSink>, tokens: bool) -> Self {
        Self { sink, runtime: Handle::current(), tokens }
    }
}

fn usage() -> RunReport {
    let tokens = TokenUsage { input: 800, output: 200, ..TokenUsage::default() };
    let body = OutputBody::Usage { message_id: "m1".to_owned(), model: "scripted".to_owned(), tokens, cost_micros: None };
    RunReport::Output { items: vec![OutputItem { seq: 1, at: Timestamp::from_millis(1), body }] }
}

impl RunnerLink for Player {
    fn order(&self, order: RunnerOrder) {
        let sink = Arc::clone(&self.sink);
        match order {
            RunnerOrder::Start(start) => {
                let tokens = self.tokens;
                self.runtime.spawn(async move {
                    let run = start.run;
                    let outcome = RunOutcome::Succeeded { summary: "Done".to_owned() };
                    let directory = format!("/nowhere/{run}");
                    // A closed link is the end of the measurement.
                    let _closed = sink.report(run.clone(), RunReport::Prepared { directory, base_commit: "0".repeat(40) }).await;
                    let _closed = sink.report(run.clone(), RunReport::Started { pid: 1 }).await;
                    if tokens {
                        let _closed = sink.report(run.clone(), usage()).await;
                    }
                    let _closed = sink.report(run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
                });
            }
            RunnerOrder::Conclude(order) => {
                self.runtime.spawn(async move {
                    let conclusion = Conclusion::Done {
                        commit: "1".repeat(40),
                        files_changed: vec!["a.txt".to_owned()],
                        lines_changed: 0,
                        pushed: false,
                    };
                    let _closed = sink.report(order.run, RunReport::Concluded { conclusion }).await;
                });
            }
            RunnerOrder::Attach { .. }
            | RunnerOrder::Stop { .. }
            | RunnerOrder::Answer { .. }
            | RunnerOrder::Message { .. }
            | RunnerOrder::Release { .. }
            | RunnerOrder::Retire { .. }
            | RunnerOrder::Clear { .. }
            | RunnerOrder::Sweep { .. } => {}
        }
    }
}
