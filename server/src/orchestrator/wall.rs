//! What a refusal does to the other runs of the account: those that have barely begun are paused before each of them meets it (limits R9).
//!
//! What a refusal does to the account and to the run that met it lives in `accounts` and `reports`.

use aq_core::limits::resume_at;
use aq_core::run::{Run, RunState};
use aq_core::runner_link::StopReason;
use aq_core::task::{TaskStatus, Trigger};
use aq_core::time::Timestamp;

use super::accounts::model_of;
use super::isolation::alone;
use super::policy::Policy;
use crate::lifecycle::{LifecycleError, Move, OpenRun, Tx, apply};
use crate::store::{paused, tasks};

/// A run that began within this time, in milliseconds, and has spent nothing has lost nothing when it is paused.
const BEGINNING_MS: i64 = 60_000;

/// Pauses the tasks of runs that have barely begun on the account of `met`, where it is closed for their model, and lets their runs be stopped.
/// They go on like the run that met the refusal, with no try used.
///
/// # Errors
/// When the rows cannot be read or written.
pub(super) fn pause_beginners(tx: &mut Tx<'_>, policy: &Policy, met: &Run, now: Timestamp) -> Result<(), LifecycleError> {
    let Some(account) = tx.state.account_of(&met.agent).and_then(|id| tx.state.accounts.get(id)) else { return Ok(()) };
    let beginning = |open: &OpenRun| match open.state {
        RunState::Starting => true,
        RunState::Running => open.tokens == 0 && now.millis_since(open.since) < BEGINNING_MS,
        RunState::Concluding | RunState::Ended => false,
    };
    let mut found = Vec::new();
    for (key, open) in tx.state.runs.iter().filter(|(_, open)| open.run != met.id && open.stopping.is_none() && beginning(open)) {
        let Some(agent) = tx.state.agents.get(&open.agent).filter(|agent| agent.account.as_ref() == Some(&account.id)) else { continue };
        if let Some(until) = account.closed_for(&model_of(tx.state, policy, agent), now) {
            found.push((*key, until));
        }
    }
    for (key, until) in found {
        alone(tx, key, now, |tx| {
            let mut task = tasks::by_key(tx.db, key)?;
            if !matches!(task.task.status, TaskStatus::Assigned | TaskStatus::InProgress) {
                return Ok(());
            }
            let place = paused::paused_between(tx.db, until, resume_at(until, 1, 1.0).plus_millis(1))?;
            let falls_back = !task.task.needs().fallback.is_empty();
            // Without chance: they are spread over sixteen places behind the one that met the refusal.
            let spread = f64::from(u8::try_from(place % 16).unwrap_or(0)) / 16.0;
            let until = if falls_back { now } else { resume_at(until, place, spread) };
            let number = task.task.run_number;
            let change = Move::system(Trigger::LimitReached, now).until(until).with("reason", "limit: the account is refused");
            apply(tx, &mut task, number, change)?;
            if let Some(open) = tx.state.runs.get(&key).cloned() {
                tx.state.put_run(key, Some(OpenRun { stopping: Some(StopReason::Limit), ..open }));
            }
            Ok(())
        })?;
    }
    Ok(())
}
