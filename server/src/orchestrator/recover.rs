//! After a start: what the store says is open is compared with what runs, and made to agree.

use std::sync::Arc;

use aq_core::ids::RunRef;
use aq_core::run::{RunPurpose, RunState};
use aq_core::runner_link::{RunnerLink, RunnerOrder, SessionOrder};
use aq_core::task::{TaskStatus, Trigger};
use aq_core::time::Timestamp;

use super::isolation::alone;
use super::orders::{self, Draft, OrderError, conclude, draft};
use super::own_key::issue;
use super::parts::Parts;
use super::pending;
use super::policy::Policy;
use super::sink::Sink;
use crate::lifecycle::{LifecycleError, Move, Tx, apply};
use crate::store::{RunRecord, StoreError, runs, tasks};

/// What was found at the start.
#[derive(Debug, Default)]
pub(super) struct Found {
    open: Vec<RunRef>,
    restart: Vec<Draft>,
    attach: Vec<Draft>,
    conclude: Vec<RunnerOrder>,
}

/// How many runs were taken up, for the start's log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Runs whose start is ordered again: they may or may not have begun.
    pub restarted: usize,
    /// Runs that are re-attached.
    pub attached: usize,
    /// Runs whose conclusion is ordered again.
    pub concluded: usize,
}

/// Reads every open run, and sends tasks that claim to be live without one back to READY.
///
/// # Errors
/// When the rows cannot be read or written.
pub(super) fn look(tx: &mut Tx<'_>, policy: &Policy, now: Timestamp) -> Result<Found, LifecycleError> {
    let mut found = Found::default();
    let (open, held) = runs::readable_open(tx.db)?;
    // What belongs to a run that cannot be read is left alone too.
    found.open.extend(held.into_iter().map(|run| run.id));
    for record in open.rows {
        found.open.push(record.run.id.clone());
        // One run that cannot be taken up must not keep the server from starting.
        if let Some(part) = alone(tx, record.task_key, now, |tx| taken(tx, policy, &record, now))? {
            found.restart.extend(part.restart);
            found.attach.extend(part.attach);
            found.conclude.extend(part.conclude);
        }
    }
    for status in [TaskStatus::Assigned, TaskStatus::InProgress, TaskStatus::WaitingInput, TaskStatus::Verifying] {
        for mut task in tasks::in_status(tx.db, status)? {
            if !tx.state.runs.contains_key(&task.key) {
                tracing::warn!(task = %task.task.id, %status, "a task was live without an open run");
                let (key, run) = (task.key, task.task.run_number);
                // One task that cannot be moved must not keep the server from starting; the check of the figures finds it.
                alone(tx, key, now, |tx| {
                    apply(tx, &mut task, run, Move::system(Trigger::LostRun, now).with("context", "no open run at start"))
                })?;
            }
        }
    }
    Ok(found)
}

/// What is to be done with one open run.
fn taken(tx: &mut Tx<'_>, policy: &Policy, record: &RunRecord, now: Timestamp) -> Result<Found, LifecycleError> {
    let mut found = Found::default();
    let task = tasks::by_key(tx.db, record.task_key)?;
    let session = SessionOrder::Resume { session_id: record.run.session_id.clone().unwrap_or_default() };
    match record.run.state {
        // Whether the process was started is not known: the same order starts it or finds it.
        RunState::Starting => {
            let (session, afresh) = session_again(tx, record)?;
            // Only its hash is known of the key that was made before; the agent, should it run already, keeps that one.
            let own_key = match tx.state.projects.get(&record.run.project).map(|hot| hot.project.clone()) {
                Some(project) => issue(tx, policy.own_keys.as_ref(), &project, &record.run.id, now)?,
                None => None,
            };
            found.restart.extend(draft(tx.state, policy, &task, &record.run, session).map(|draft| draft.with_key(own_key).afresh(afresh)));
        }
        RunState::Running => found.attach.extend(draft(tx.state, policy, &task, &record.run, session)),
        RunState::Concluding => found.conclude.extend(conclude(tx, policy, &task, &record.run)?),
        RunState::Ended => {}
    }
    Ok(found)
}

/// How the session of a run starts that is ordered again: as it was ordered first. An id that the run before had is one to go on with. Also whether the
/// run before was a review.
fn session_again(tx: &mut Tx<'_>, record: &RunRecord) -> Result<(SessionOrder, bool), LifecycleError> {
    let session_id = record.run.session_id.clone().unwrap_or_default();
    let before = record.run.id.number.saturating_sub(1);
    let before = if before == 0 { None } else { runs::get(tx.db, record.task_key, before)? };
    let afresh = before.as_ref().is_some_and(|before| before.run.purpose == RunPurpose::Review);
    let goes_on = before.is_some_and(|before| before.run.runtime == record.run.runtime && before.run.session_id == record.run.session_id);
    Ok((if goes_on { SessionOrder::Resume { session_id } } else { SessionOrder::Fresh { session_id } }, afresh))
}

/// Orders what was found.
///
/// # Errors
/// When the output of a run or the rows behind an order cannot be read.
pub(super) async fn take_up(parts: &Parts, sink: &Sink, link: &dyn RunnerLink, found: Found) -> Result<Recovered, LifecycleError> {
    let recovered = Recovered { restarted: found.restart.len(), attached: found.attach.len(), concluded: found.conclude.len() };
    for run in &found.open {
        parts.hub.begin(run).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    }
    link.order(RunnerOrder::Sweep { open: found.open });
    for draft in found.attach {
        let run = draft.order.run.clone();
        let last_seq = parts.hub.log().last_seq(&run).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let (policy, without_key) = (Arc::clone(&parts.policy), Draft { account: None, ..draft });
        // The program has its key, and the runner remembers what to hide: neither is asked for again.
        let read = parts.reader.read(move |db| {
            let said = pending::orders(db, without_key.task.key, &without_key.order.run)?;
            Ok::<_, OrderError>((orders::complete(db, &policy, without_key)?, said))
        });
        match read.await {
            Ok((start, said)) => {
                link.order(RunnerOrder::Attach { start: Box::new(start), last_seq });
                said.into_iter().for_each(|order| link.order(order));
            }
            Err(OrderError::Store(error)) if !matches!(error, StoreError::Corrupt { .. }) => return Err(error.into()),
            Err(error) => tracing::error!(%run, %error, "a run cannot be taken up"),
        }
    }
    sink.starter().start(link, found.restart).await;
    for order in found.conclude {
        link.order(order);
    }
    Ok(recovered)
}
