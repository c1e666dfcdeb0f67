//! Where runners report: makes each report durable, then hands on the orders that follow from it.

use std::sync::{Arc, OnceLock};

use aq_core::ids::RunRef;
use aq_core::output::{OutputBody, OutputItem};
use aq_core::plan::{PlanParser, ProposedStep, within_limit};
use aq_core::runner_link::{BoxFuture, LinkClosed, RunReport, RunnerLink as _, RunnerSink};
use tokio_util::sync::CancellationToken;

use super::failures;
use super::followed::{Circumstances, Followed};
use super::items;
use super::outlet::Outlet;
use super::parts::Parts;
use super::plans;
use super::reports;
use super::starting::{FIRST_WAIT, LONGEST_WAIT, Starter};
use crate::lifecycle::{LifecycleError, Tx};
use crate::store::StoreError;

/// The server's end of the link to its runners; cheap to clone.
#[derive(Clone)]
pub struct Sink {
    pub(super) parts: Parts,
    pub(super) outlet: Outlet,
    /// Set when the server ends: reports are refused from then on, and the runner keeps what it has.
    pub(super) closed: CancellationToken,
    /// Reads plans with a model, where one is given.
    pub(super) plan_parser: Arc<OnceLock<Arc<dyn PlanParser>>>,
}

impl RunnerSink for Sink {
    fn report(&self, run: RunRef, report: RunReport) -> BoxFuture<'_, Result<(), LinkClosed>> {
        Box::pin(async move {
            let mut wait = FIRST_WAIT;
            loop {
                if self.closed.is_cancelled() {
                    return Err(LinkClosed);
                }
                let taken = match self.take(&run, &report).await {
                    Err(Refused::Never(reason)) => {
                        // Repeating it would give the same answer for ever.
                        tracing::error!(%run, %reason, "a report was refused");
                        match report {
                            RunReport::Finished { .. } | RunReport::Concluded { .. } => self.given_up(&run, reason).await,
                            _ => return Ok(()),
                        }
                    }
                    taken => taken,
                };
                match taken {
                    Ok(followed) => {
                        self.follow(&run, followed).await;
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
                        // The run stays open and shows in the checks; the next start of the server takes it up again.
                        tracing::error!(%run, %reason, "a run could not be ended either");
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
            // A report is not at fault when the file of the database is, or when the disk cannot read it: it is kept until that is mended.
            LifecycleError::Store(error) if error.is_transient() || matches!(error, StoreError::Damaged(_)) => {
                Self::Later(error.to_string())
            }
            other => Self::Never(other.to_string()),
        }
    }
}

impl Sink {
    /// What orders the starts of runs that reports and passes begin.
    pub(super) fn starter(&self) -> Starter {
        Starter { parts: self.parts.clone(), sink: Arc::new(self.clone()), outlet: self.outlet.clone(), closed: self.closed.clone() }
    }

    async fn follow(&self, run: &RunRef, followed: Followed) {
        if followed.ended {
            self.end_output(run).await;
        }
        for order in followed.orders {
            self.outlet.order(order);
        }
        if followed.look {
            self.parts.wake.ring();
        }
        if !followed.begun.is_empty() {
            // The report is durable; whoever sent it does not wait for what it made possible.
            let (starter, outlet) = (self.starter(), self.outlet.clone());
            tokio::spawn(async move { starter.start(&outlet, followed.begun).await });
        }
    }

    /// Ends the followers of a run, and makes its output durable before the runner may forget it.
    async fn end_output(&self, run: &RunRef) {
        let (hub, ended) = (self.parts.hub.clone(), run.clone());
        // Without anything to synchronise nothing blocks.
        let closed = if hub.log().is_settled(run) {
            hub.end(run)
        } else {
            tokio::task::spawn_blocking(move || hub.end(&ended)).await.unwrap_or(Ok(()))
        };
        if let Err(error) = closed {
            tracing::warn!(%run, %error, "output of an ended run is not yet durable");
        }
    }

    async fn take(&self, run: &RunRef, report: &RunReport) -> Result<Followed, Refused> {
        let now = self.parts.clock.now();
        let run = run.clone();
        let engine = &self.parts.engine;
        let followed = match report {
            RunReport::Prepared { directory, base_commit } => {
                let (directory, base_commit) = (directory.clone(), base_commit.clone());
                engine.submit(move |tx| reports::prepared(tx, &run, directory.clone(), base_commit.clone())).await?
            }
            RunReport::Started { pid } => {
                let pid = *pid;
                engine.submit(move |tx| reports::started(tx, &run, pid, now)).await?
            }
            RunReport::Output { items } => return self.output(&run, items).await,
            RunReport::Finished { outcome, exit_code } => {
                let (policy, outcome, exit_code) = (Arc::clone(&self.parts.policy), outcome.clone(), *exit_code);
                let at = self.circumstances(&run)?;
                self.freeing(move |tx| reports::finished(tx, &policy, &run, outcome.clone(), exit_code, at)).await?
            }
            RunReport::PlanFound { path, text, truncated: _ } => {
                let archive =
                    plans::archive(&self.parts.policy.plans, &run.task, text).map_err(|error| Refused::Later(error.to_string()))?;
                let proposed = self.proposed(&run, text).await?;
                let (policy, path, text) = (Arc::clone(&self.parts.policy), path.clone(), text.clone());
                engine.submit(move |tx| plans::found(tx, &policy, &run, (&path, &text, &archive), &proposed, now)).await?;
                Followed::default()
            }
            RunReport::Concluded { conclusion } => {
                let (policy, conclusion, at) = (Arc::clone(&self.parts.policy), conclusion.clone(), self.circumstances(&run)?);
                self.freeing(move |tx| reports::concluded(tx, &policy, &run, conclusion.clone(), at)).await?
            }
        };
        Ok(followed)
    }

    /// Where the parser that asks a model is put; without one plans are read by the rules alone.
    #[must_use]
    pub fn plan_parser(&self) -> &OnceLock<Arc<dyn PlanParser>> {
        &self.plan_parser
    }

    /// What a model proposes for a plan, where there is one; nothing when it fails, and the rules read the plan then (F-126).
    async fn proposed(&self, run: &RunRef, text: &str) -> Result<Vec<ProposedStep>, Refused> {
        let Some(parser) = self.plan_parser.get() else { return Ok(Vec::new()) };
        let (policy, asked, whole) = (Arc::clone(&self.parts.policy), run.clone(), text.to_owned());
        let max_steps = policy.plans.max_steps;
        if !self.parts.engine.submit(move |tx| plans::is_wanted(tx, &policy, &asked, &whole)).await? {
            return Ok(Vec::new());
        }
        let (text, _) = within_limit(text);
        let proposed = parser.propose(text, max_steps).await;
        Ok(proposed.unwrap_or_else(|error| {
            tracing::warn!(%run, %error, "a plan is read without a model");
            Vec::new()
        }))
    }

    /// Ends a run whose end could not be recorded, so that its task does not wait for it for ever.
    async fn given_up(&self, run: &RunRef, reason: String) -> Result<Followed, Refused> {
        let at = self.circumstances(run)?;
        let (policy, owned) = (Arc::clone(&self.parts.policy), run.clone());
        Ok(self.parts.engine.submit(move |tx| failures::given_up(tx, &policy, &owned, &reason, at)).await?)
    }

    /// Takes a report that frees something, and begins in the same transaction what can begin now. Where that fails the report is taken
    /// alone: it is true whatever may follow from it.
    async fn freeing(
        &self,
        report: impl Fn(&mut Tx<'_>) -> Result<Followed, LifecycleError> + Clone + Send + 'static,
    ) -> Result<Followed, LifecycleError> {
        let (alone, policy, now) = (report.clone(), Arc::clone(&self.parts.policy), self.parts.clock.now());
        let outlet = self.outlet.clone();
        let together = move |tx: &mut Tx<'_>| {
            let followed = report(tx)?;
            if outlet.is_deciding() { followed.and_starts(tx, &policy, now) } else { Ok(Followed { look: true, ..followed }) }
        };
        match self.parts.engine.submit(together).await {
            Err(error) if !matches!(&error, LifecycleError::Store(error) if error.is_transient()) => {
                tracing::warn!(%error, "a report is taken without what could begin after it");
                self.parts.engine.submit(move |tx| Ok(Followed { look: true, ..alone(tx)? })).await
            }
            taken => taken,
        }
    }

    async fn output(&self, run: &RunRef, items: &[OutputItem]) -> Result<Followed, Refused> {
        // Output of a run that is over would open its channel again, and nobody would ever close it.
        if !self.parts.hub.is_live(run) {
            let asked = run.clone();
            let open = self.parts.engine.submit(move |tx| Ok::<_, LifecycleError>(tx.state.open_run(&asked).is_some())).await?;
            if !open {
                return Ok(Followed::default());
            }
        }
        self.parts.hub.append(run, items).map_err(|error| match error {
            crate::events::OutputError::Io { .. } => Refused::Later(error.to_string()),
            crate::events::OutputError::Hole { .. } => Refused::Never(error.to_string()),
        })?;
        let matter: Vec<_> = items.iter().filter(|item| items::matters(item)).cloned().collect();
        if !matter.is_empty() {
            let (policy, run, now) = (Arc::clone(&self.parts.policy), run.clone(), self.parts.clock.now());
            let (orders, wake) = self.parts.engine.submit(move |tx| items::act(tx, &policy, &run, &matter, now)).await?;
            // Something to start or to stop, or a deadline that is earlier than what the loop sleeps for.
            if wake || items.iter().any(|item| matches!(item.body, OutputBody::Question(_))) {
                self.parts.wake.ring();
            }
            return Ok(Followed { orders, ..Followed::default() });
        }
        Ok(Followed::default())
    }

    fn circumstances(&self, run: &RunRef) -> Result<Circumstances, Refused> {
        let read = |error: crate::events::OutputError| Refused::Later(error.to_string());
        Ok(Circumstances {
            now: self.parts.clock.now(),
            items: self.parts.hub.log().last_seq(run).map_err(read)?,
            bytes: self.parts.hub.log().bytes(run).map_err(read)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Store R28, R30: a report that met the machine's trouble or a damaged page is kept; one that contradicts what is stored is not.
    #[test]
    fn reports_are_refused_for_good_for_their_own_faults_alone() {
        let refused = |error: StoreError| Refused::from(LifecycleError::Store(error));
        for kept in [StoreError::Damaged, StoreError::Full, StoreError::Locked, StoreError::Unavailable] {
            assert!(matches!(refused(kept("x".to_owned())), Refused::Later(_)));
        }
        assert!(matches!(refused(StoreError::NotFound), Refused::Never(_)));
    }
}
