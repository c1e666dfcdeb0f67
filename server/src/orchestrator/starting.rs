//! From drafts to orders: what a run's start still lacks is read, and its output opened, outside the writer.

use std::sync::Arc;

use aq_core::output::FailureClass;
use aq_core::runner_link::{RunOutcome, RunReport, RunnerLink, RunnerOrder, RunnerSink};

use super::orders::{self, Draft, OrderError};
use super::parts::Parts;
use crate::store::{Connection, StoreError};

/// Completes drafts and orders their starts.
pub(super) async fn start(parts: &Parts, sink: &dyn RunnerSink, link: &dyn RunnerLink, drafts: Vec<Draft>) {
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
