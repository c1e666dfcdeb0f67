//! Where runners report: makes each report durable, then hands on the orders that follow from it.

use std::sync::Arc;
use std::time::Duration;

use aq_core::ids::RunRef;
use aq_core::output::{OutputBody, OutputItem};
use aq_core::runner_link::{BoxFuture, LinkClosed, RunReport, RunnerOrder, RunnerSink};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::items;
use super::plans;
use super::policy::Policy;
use super::reports::{self, Circumstances, Followed};
use crate::clock::SharedClock;
use crate::events::{OutputHub, Wake};
use crate::lifecycle::{Engine, LifecycleError};

/// First wait before a report is written again that could not be; doubled up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Longest wait between two attempts to write a report.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The server's end of the link to its runners.
pub struct Sink {
    pub(super) engine: Engine,
    pub(super) hub: OutputHub,
    pub(super) clock: SharedClock,
    pub(super) policy: Arc<Policy>,
    pub(super) wake: Wake,
    pub(super) orders: mpsc::UnboundedSender<RunnerOrder>,
    /// Set when the server ends: reports are refused from then on, and the runner keeps what it has.
    pub(super) closed: CancellationToken,
}

impl RunnerSink for Sink {
    fn report(&self, run: RunRef, report: RunReport) -> BoxFuture<'_, Result<(), LinkClosed>> {
        Box::pin(async move {
            let mut wait = FIRST_WAIT;
            loop {
                if self.closed.is_cancelled() {
                    return Err(LinkClosed);
                }
                match self.take(&run, &report).await {
                    Ok(followed) => {
                        self.follow(&run, followed);
                        return Ok(());
                    }
                    Err(Refused::Later(reason)) => {
                        tracing::warn!(%run, %reason, "a report cannot be written yet");
                        tokio::select! {
                            () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
                            () = self.closed.cancelled() => return Err(LinkClosed),
                        }
                    }
                    Err(Refused::Never(reason)) => {
                        // Repeating it would give the same answer for ever.
                        tracing::error!(%run, %reason, "a report was refused");
                        if matches!(report, RunReport::Finished { .. } | RunReport::Concluded { .. }) {
                            self.give_up(&run, reason).await;
                        }
                        return Ok(());
                    }
                }
            }
        })
    }
}

/// Why a report was not taken.
enum Refused {
    /// The disk or the database refuses for now.
    Later(String),
    /// It contradicts what is stored.
    Never(String),
}

impl From<LifecycleError> for Refused {
    fn from(error: LifecycleError) -> Self {
        match error {
            LifecycleError::Store(error) if error.is_transient() => Self::Later(error.to_string()),
            other => Self::Never(other.to_string()),
        }
    }
}

impl Sink {
    fn follow(&self, run: &RunRef, followed: Followed) {
        if followed.ended
            && let Err(error) = self.hub.end(run)
        {
            tracing::warn!(%run, %error, "output of an ended run is not yet durable");
        }
        for order in followed.orders {
            // The receiver lives as long as the orchestrator; after it the orders are made again at the next start.
            let _ending = self.orders.send(order);
        }
        if followed.ended {
            self.wake.ring();
        }
    }

    async fn take(&self, run: &RunRef, report: &RunReport) -> Result<Followed, Refused> {
        let now = self.clock.now();
        let run = run.clone();
        let followed = match report {
            RunReport::Prepared { directory, base_commit } => {
                let (directory, base_commit) = (directory.clone(), base_commit.clone());
                self.engine.submit(move |tx| reports::prepared(tx, &run, directory.clone(), base_commit.clone())).await?
            }
            RunReport::Started { pid } => {
                let pid = *pid;
                self.engine.submit(move |tx| reports::started(tx, &run, pid, now)).await?
            }
            RunReport::Output { items } => return self.output(&run, items).await,
            RunReport::Finished { outcome, exit_code } => {
                let (policy, outcome, exit_code, at) = (Arc::clone(&self.policy), outcome.clone(), *exit_code, self.circumstances(&run)?);
                self.engine.submit(move |tx| reports::finished(tx, &policy, &run, outcome.clone(), exit_code, at)).await?
            }
            RunReport::PlanFound { path, text, truncated: _ } => {
                let archive = plans::archive(&self.policy.plans, &run.task, text).map_err(|error| Refused::Later(error.to_string()))?;
                let (policy, path, text) = (Arc::clone(&self.policy), path.clone(), text.clone());
                self.engine.submit(move |tx| plans::found(tx, &policy, &run, (&path, &text, &archive), now)).await?;
                Followed::default()
            }
            RunReport::Concluded { conclusion } => {
                let (policy, conclusion, at) = (Arc::clone(&self.policy), conclusion.clone(), self.circumstances(&run)?);
                self.engine.submit(move |tx| reports::concluded(tx, &policy, &run, conclusion.clone(), at)).await?
            }
        };
        Ok(followed)
    }

    /// Ends a run whose end could not be recorded, so that its task does not wait for it for ever.
    async fn give_up(&self, run: &RunRef, reason: String) {
        let Ok(at) = self.circumstances(run) else { return };
        let (policy, owned) = (Arc::clone(&self.policy), run.clone());
        match self.engine.submit(move |tx| reports::given_up(tx, &policy, &owned, &reason, at)).await {
            Ok(followed) => self.follow(run, followed),
            // The run stays open and shows in the checks; the next start of the server takes it up again.
            Err(error) => tracing::error!(%run, %error, "a run could not be ended either"),
        }
    }

    async fn output(&self, run: &RunRef, items: &[OutputItem]) -> Result<Followed, Refused> {
        // Output of a run that is over would open its channel again, and nobody would ever close it.
        if !self.hub.is_live(run) {
            let asked = run.clone();
            let open = self.engine.submit(move |tx| Ok::<_, LifecycleError>(tx.state.runs.values().any(|open| open.run == asked))).await?;
            if !open {
                return Ok(Followed::default());
            }
        }
        self.hub.append(run, items).map_err(|error| match error {
            crate::events::OutputError::Io { .. } => Refused::Later(error.to_string()),
            crate::events::OutputError::Hole { .. } => Refused::Never(error.to_string()),
        })?;
        let matter: Vec<_> = items.iter().filter(|item| items::matters(item)).cloned().collect();
        if !matter.is_empty() {
            let (policy, run, now) = (Arc::clone(&self.policy), run.clone(), self.clock.now());
            let (orders, wake) = self.engine.submit(move |tx| items::act(tx, &policy, &run, &matter, now)).await?;
            // Something to start or to stop, or a deadline that is earlier than what the loop sleeps for.
            if wake || items.iter().any(|item| matches!(item.body, OutputBody::Question(_))) {
                self.wake.ring();
            }
            return Ok(Followed { orders, ended: false });
        }
        Ok(Followed::default())
    }

    fn circumstances(&self, run: &RunRef) -> Result<Circumstances, Refused> {
        let read = |error: crate::events::OutputError| Refused::Later(error.to_string());
        Ok(Circumstances {
            now: self.clock.now(),
            jitter: rand::random(),
            items: self.hub.log().last_seq(run).map_err(read)?,
            bytes: self.hub.log().bytes(run).map_err(read)?,
        })
    }
}
