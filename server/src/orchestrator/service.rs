//! The loop: woken by commits and by a slow timer, it looks at what is and what should be, and gives orders.

use std::sync::Arc;
use std::time::Duration;

use aq_core::output::FailureClass;
use aq_core::runner_link::{RunOutcome, RunReport, RunnerLink, RunnerOrder, RunnerSink as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::orders::{self, Draft, OrderError};
use super::outlet::Outlet;
use super::pass::{self, Passed};
use super::policy::Policy;
use super::recover;
use super::sink::Sink;
use crate::clock::SharedClock;
use crate::events::{OutputHub, Wake};
use crate::lifecycle::{Engine, LifecycleError};
use crate::store::{Connection, Reader, StoreError};

/// What the orchestrator works with.
#[derive(Clone)]
pub struct Parts {
    /// The writer with the hot state.
    pub engine: Engine,
    /// The readers.
    pub reader: Reader,
    /// Run output.
    pub hub: OutputHub,
    /// The clock.
    pub clock: SharedClock,
    /// The figures decisions are made with.
    pub policy: Arc<Policy>,
    /// Rung whenever something may have become possible.
    pub wake: Wake,
}

/// Decides what runs, and follows what runners report.
pub struct Orchestrator {
    parts: Parts,
    /// Where it reports itself what keeps a run from being ordered.
    sink: Arc<Sink>,
    outlet: Outlet,
    early: mpsc::UnboundedReceiver<RunnerOrder>,
}

impl Orchestrator {
    /// The orchestrator and the end of the link that runners report to. `closed` ends the taking of reports.
    #[must_use]
    pub fn new(parts: Parts, closed: CancellationToken) -> (Self, Arc<Sink>) {
        let (outlet, early) = Outlet::new();
        let sink = Arc::new(Sink { parts: parts.clone(), outlet: outlet.clone(), closed, plan_parser: Arc::default() });
        (Self { parts, sink: Arc::clone(&sink), outlet, early }, sink)
    }

    /// After a start: takes up every open run, and lets the runner clear away what belongs to none.
    ///
    /// # Errors
    /// When the rows cannot be read or written; the server must not serve then.
    pub async fn recover(&self, link: &dyn RunnerLink) -> Result<recover::Recovered, LifecycleError> {
        let (policy, now) = (Arc::clone(&self.parts.policy), self.parts.clock.now());
        let found = self.parts.engine.submit(move |tx| recover::look(tx, &policy, now)).await?;
        recover::take_up(&self.parts, &self.sink, link, found).await
    }

    /// Runs until `stop`. Everything that is possible at the start is done at once.
    ///
    /// # Errors
    /// [`StoreError::Closed`] when the writer has ended.
    pub async fn run(mut self, link: Arc<dyn RunnerLink>, stop: CancellationToken) -> Result<(), StoreError> {
        self.outlet.open(Arc::clone(&link));
        let ended = self.decide(link.as_ref(), &stop).await;
        // What is reported from here on starts nothing: the server goes down.
        self.outlet.decide(false);
        ended
    }

    async fn decide(&mut self, link: &dyn RunnerLink, stop: &CancellationToken) -> Result<(), StoreError> {
        loop {
            let wait = match self.pass(link).await {
                Ok(wait) => wait,
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(error) => {
                    tracing::error!(%error, "a pass of the orchestrator failed; it is tried again");
                    Duration::from_secs(1)
                }
            };
            let timer = tokio::time::sleep(wait);
            tokio::pin!(timer);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = self.parts.wake.rung() => break,
                    () = &mut timer => break,
                    Some(order) = self.early.recv() => link.order(order),
                }
            }
        }
    }

    /// Does what is possible now and says how long there will be nothing to do without a wake-up.
    async fn pass(&self, link: &dyn RunnerLink) -> Result<Duration, StoreError> {
        let (policy, now) = (Arc::clone(&self.parts.policy), self.parts.clock.now());
        let passed: Passed = self
            .parts
            .engine
            .submit(move |tx| pass::pass(tx, &policy, now, &mut || uuid::Uuid::new_v4().to_string()))
            .await
            .map_err(|error: LifecycleError| StoreError::from(error))?;
        for (run, reason) in passed.stop {
            link.order(RunnerOrder::Stop { run, reason });
        }
        for order in passed.answers {
            link.order(order);
        }
        for order in passed.conclude {
            if let RunnerOrder::Conclude(conclude) = &order
                && let Err(error) = self.parts.hub.begin(&conclude.run)
            {
                tracing::warn!(run = %conclude.run, %error, "the output of a run cannot be opened yet");
            }
            link.order(order);
        }
        start(&self.parts, &self.sink, link, passed.begun).await;
        let safety = Duration::from_millis(self.parts.policy.safety_timer_ms);
        let next = passed.next.map(|at| Duration::from_millis(u64::try_from(at.millis_since(now)).unwrap_or(0)));
        Ok(next.unwrap_or(safety).min(safety))
    }
}

/// Completes drafts and orders their starts.
pub(super) async fn start(parts: &Parts, sink: &Sink, link: &dyn RunnerLink, drafts: Vec<Draft>) {
    if drafts.is_empty() {
        return;
    }
    for draft in &drafts {
        let run = &draft.order.run;
        if let Err(error) = parts.hub.begin(run) {
            tracing::warn!(%run, %error, "the output of a run cannot be opened yet");
        }
    }
    let policy = Arc::clone(&parts.policy);
    let complete = move |db: &mut Connection| {
        let completed = drafts.into_iter().map(|draft| (draft.order.run.clone(), orders::complete(db, &policy, draft)));
        Ok::<_, StoreError>(completed.collect::<Vec<_>>())
    };
    let completed = match parts.reader.read(complete).await {
        Ok(completed) => completed,
        Err(error) => {
            tracing::error!(%error, "runs cannot be ordered");
            return;
        }
    };
    for (run, order) in completed {
        match order {
            Ok(order) => link.order(RunnerOrder::Start(Box::new(order))),
            Err(OrderError::Store(error)) if error.is_transient() => {
                // The database is going or away for a moment; the run stays open and is ordered again at the next start of the server.
                tracing::error!(%run, %error, "a run cannot be ordered");
            }
            Err(error) => {
                tracing::error!(%run, %error, "a run cannot be ordered; it ends as failed");
                let class = match error {
                    OrderError::Credential(_) => FailureClass::Auth,
                    OrderError::Store(_) => FailureClass::Internal,
                };
                let outcome = RunOutcome::Failed { class, message: error.to_string() };
                // Refused only while the server ends; the next start orders the run again.
                let _ending = sink.report(run, RunReport::Finished { outcome, exit_code: None }).await;
            }
        }
    }
}
