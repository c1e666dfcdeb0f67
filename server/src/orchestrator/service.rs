//! The loop: woken by commits and by a slow timer, it looks at what is and what should be, and gives orders.

use std::sync::Arc;
use std::time::Duration;

use aq_core::runner_link::{RunnerLink, RunnerOrder};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::outlet::Outlet;
use super::parts::Parts;
use super::pass::{self, Passed};
use super::recover;
use super::sink::Sink;
use crate::lifecycle::LifecycleError;
use crate::store::StoreError;

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
            self.parts.wake.gone_round();
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
            .submit(move |tx| pass::pass(tx, &policy, now))
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
        self.sink.starter().start(link, passed.begun).await;
        let safety = Duration::from_millis(self.parts.policy.safety_timer_ms);
        let next = passed.next.map(|at| Duration::from_millis(u64::try_from(at.millis_since(now)).unwrap_or(0)));
        Ok(next.unwrap_or(safety).min(safety))
    }
}
