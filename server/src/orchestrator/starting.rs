//! From drafts to orders: what a run's start still lacks is read, and its output opened, outside the writer.

use std::sync::Arc;
use std::time::Duration;

use aq_core::output::FailureClass;
use aq_core::runner_link::{RunOutcome, RunReport, RunnerLink, RunnerOrder, RunnerSink};
use tokio_util::sync::CancellationToken;

use super::orders::{self, Draft, OrderError};
use super::outlet::Outlet;
use super::parts::Parts;
use crate::store::{Connection, StoreError};

/// First wait before what could not be read or written is tried again; doubled up to [`LONGEST_WAIT`].
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Longest wait between two attempts.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What orders starts, also those that cannot be ordered at once.
#[derive(Clone)]
pub(super) struct Starter {
    /// What it works with.
    pub parts: Parts,
    /// Where it reports what keeps a run from being ordered.
    pub sink: Arc<dyn RunnerSink>,
    /// Where orders go that come later.
    pub outlet: Outlet,
    /// Set when the server ends.
    pub closed: CancellationToken,
}

impl Starter {
    /// Completes drafts and orders their starts. What cannot be read for now is tried again until the server ends: a run that began always gets its
    /// order (orchestrator R26).
    pub(super) async fn start(self, link: &dyn RunnerLink, drafts: Vec<Draft>) {
        let left = self.order(link, drafts).await;
        if !left.is_empty() {
            tokio::spawn(self.later(left));
        }
    }

    /// Orders starts that could not be ordered at once, as soon as that is possible. When the server ends first, the next one orders them.
    async fn later(self, mut left: Vec<Draft>) {
        let mut wait = FIRST_WAIT;
        while !left.is_empty() {
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
                () = self.closed.cancelled() => return,
            }
            let runs: Vec<_> = left.iter().map(|draft| draft.order.run.clone()).collect();
            let open = self.parts.engine.submit(move |tx| {
                let open = runs.iter().map(|run| tx.state.open_run(run).is_some());
                Ok::<_, StoreError>(open.collect::<Vec<_>>())
            });
            // What was given up meanwhile is not started any more. Where that cannot be told now, it is asked again.
            let Ok(open) = open.await else { continue };
            let still = left.into_iter().zip(open).filter_map(|(draft, open)| open.then_some(draft)).collect();
            left = self.order(&self.outlet, still).await;
            // A stop that was ordered before its start found nobody; it is ordered again.
            self.parts.wake.ring();
        }
    }

    /// Completes drafts and orders their starts; those come back that cannot be completed for now.
    async fn order(&self, link: &dyn RunnerLink, drafts: Vec<Draft>) -> Vec<Draft> {
        if drafts.is_empty() {
            return drafts;
        }
        for draft in &drafts {
            let run = &draft.order.run;
            if let Err(error) = self.parts.hub.begin(run) {
                tracing::warn!(%run, %error, "the output of a run cannot be opened yet");
            }
        }
        let (policy, kept) = (Arc::clone(&self.parts.policy), drafts.clone());
        let complete = move |db: &mut Connection| {
            Ok::<_, StoreError>(drafts.into_iter().map(|draft| orders::complete(db, &policy, draft)).collect::<Vec<_>>())
        };
        let completed = match self.parts.reader.read(complete).await {
            Ok(completed) => completed,
            Err(error) => {
                tracing::error!(%error, "runs cannot be ordered yet");
                return kept;
            }
        };
        let mut left = Vec::new();
        for (draft, order) in kept.into_iter().zip(completed) {
            let run = draft.order.run.clone();
            match order {
                Ok(order) => link.order(RunnerOrder::Start(Box::new(order))),
                Err(OrderError::Store(error)) if error.is_transient() => {
                    tracing::error!(%run, %error, "a run cannot be ordered yet");
                    left.push(draft);
                }
                Err(error) => {
                    tracing::error!(%run, %error, "a run cannot be ordered; it ends as failed");
                    let class = match error {
                        OrderError::Credential(_) => FailureClass::Auth,
                        OrderError::Store(_) => FailureClass::Internal,
                    };
                    let outcome = RunOutcome::Failed { class, message: error.to_string() };
                    // Refused only while the server ends; the next start orders the run again.
                    let _ending = self.sink.report(run, RunReport::Finished { outcome, exit_code: None }).await;
                }
            }
        }
        left
    }
}
