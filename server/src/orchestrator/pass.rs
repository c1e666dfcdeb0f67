//! One look at what is and what should be: timers that are due, runs that have to stop, tasks that can start.

use aq_core::ids::RunRef;
use aq_core::output::FailureClass;
use aq_core::run::RunResult;
use aq_core::runner_link::{RunnerOrder, SessionOrder, StopReason};
use aq_core::runtime::RuntimeKind;
use aq_core::schedule::{Assignment, IdleAgent, decide};
use aq_core::task::{Trigger, branch_of};
use aq_core::time::Timestamp;

use super::budgets;
use super::deadlines;
use super::orders::{Draft, conclude, draft};
use super::policy::Policy;
use super::snapshot::{key_of, snapshot};
use crate::lifecycle::{Lease, LifecycleError, Move, Tx, apply, begin};
use crate::store::{StoreError, TaskRecord, questions, runs, tasks};

/// Timers handled in one pass; the rest follow in the next one, which comes at once.
const TIMERS_PER_PASS: i64 = 256;

/// What a pass did.
#[derive(Clone, Debug, Default)]
pub(super) struct Passed {
    /// Runs that began and have to be started on a runner.
    pub begun: Vec<Draft>,
    /// Runs to stop.
    pub stop: Vec<(RunRef, StopReason)>,
    /// Conclusions to order: runs that a command took up again.
    pub conclude: Vec<RunnerOrder>,
    /// Answers that deadlines gave.
    pub answers: Vec<RunnerOrder>,
    /// When there will be something to do without a wake-up; `None`: only after one.
    pub next: Option<Timestamp>,
}

/// Does everything that can be done now. `fresh_session` makes session ids.
///
/// # Errors
/// When the rows cannot be read or written; nothing was done then.
pub(super) fn pass(
    tx: &mut Tx<'_>,
    policy: &Policy,
    now: Timestamp,
    fresh_session: &mut dyn FnMut() -> String,
) -> Result<Passed, LifecycleError> {
    let due = tasks::due(tx.db, now, TIMERS_PER_PASS)?;
    let mut more_due = i64::try_from(due.len()).unwrap_or(i64::MAX) >= TIMERS_PER_PASS;
    for mut task in due {
        let run = task.task.run_number;
        apply(tx, &mut task, run, Move::system(Trigger::ResumeTimer, now))?;
    }
    let (answers, more_questions) = deadlines::pass(tx, now, TIMERS_PER_PASS)?;
    more_due |= more_questions;
    budgets::lift(tx, policy, now)?;
    budgets::tell(tx, policy, now)?;
    let stop = tx.state.runs.values().filter_map(|open| open.stopping.map(|reason| (open.run.clone(), reason))).collect();
    let conclude = conclusions(tx, policy)?;
    let mut begun = Vec::new();
    let snapshot = snapshot(tx.state, policy, now);
    if !snapshot.projects.is_empty() && !snapshot.agents.is_empty() {
        for assignment in decide(&snapshot).assignments {
            if let Some(started) = start(tx, policy, &assignment, now, fresh_session)? {
                begun.push(started);
            }
        }
    }
    let account_opens = snapshot.agents.iter().filter_map(IdleAgent::opens_at).min();
    let next =
        if more_due { Some(now) } else { earliest(earliest(tasks::next_due(tx.db)?, account_opens), questions::next_deadline(tx.db)?) };
    Ok(Passed { begun, stop, conclude, answers, next })
}

/// Orders for the runs that a command took up again to land their work.
fn conclusions(tx: &mut Tx<'_>, policy: &Policy) -> Result<Vec<RunnerOrder>, LifecycleError> {
    let due: Vec<_> = tx.state.runs.iter().filter(|(_, open)| open.conclude_due).map(|(key, open)| (*key, open.clone())).collect();
    let mut orders = Vec::new();
    for (key, open) in due {
        let task = tasks::by_key(tx.db, key)?;
        if let Some(run) = runs::get(tx.db, key, open.run.number)? {
            orders.extend(conclude(tx, policy, &task, &run.run)?);
        }
    }
    Ok(orders)
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn start(
    tx: &mut Tx<'_>,
    policy: &Policy,
    assignment: &Assignment,
    now: Timestamp,
    fresh_session: &mut dyn FnMut() -> String,
) -> Result<Option<Draft>, LifecycleError> {
    let key = key_of(&assignment.task).ok_or(StoreError::NotFound)?;
    let mut task = tasks::by_key(tx.db, key)?;
    let (Some(agent), Some(workspace)) =
        (tx.state.agents.get(&assignment.agent).cloned(), tx.state.free_workspace(&assignment.project).map(|free| free.id.clone()))
    else {
        // The decision counts agents and workspaces itself; that one is gone now means that the figures contradict each other.
        tracing::error!(task = %task.task.id, agent = %assignment.agent, "assigned to an agent or a workspace that is not free");
        return Ok(None);
    };
    let parent = task.parent_key.filter(|_| task.task.is_plan_subtask).map(|key| tasks::by_key(tx.db, key)).transpose()?;
    let Some(reserved) = budgets::reserve(tx, policy, &mut task, assignment.cost, now)? else { return Ok(None) };
    let session = session(tx, &task, agent.runtime, fresh_session)?;
    let (SessionOrder::Fresh { session_id } | SessionOrder::Resume { session_id }) = &session;
    let lease = Lease {
        agent: agent.id,
        runtime: agent.runtime,
        workspace,
        branch: branch_of(&task.task, parent.as_ref().map(|parent| &parent.task)),
        session_id: session_id.clone(),
        reserved,
    };
    let run = begin(tx, &mut task, lease, now)?;
    tx.state.note_start(&assignment.project, assignment.start_tag, assignment.finish_tag);
    Ok(draft(tx.state, policy, &task, &run.run, session))
}

/// A run that ended without a fault of the work goes on in its session; anything else starts a new one.
fn session(
    tx: &mut Tx<'_>,
    task: &TaskRecord,
    runtime: RuntimeKind,
    fresh_session: &mut dyn FnMut() -> String,
) -> Result<SessionOrder, LifecycleError> {
    if task.task.run_number > 0
        && let Some(last) = runs::get(tx.db, task.key, task.task.run_number)?
        && let Some(session_id) = last.run.session_id.clone()
    {
        let interrupted = last.run.end.as_ref().is_some_and(|end| {
            matches!(end.result, RunResult::Limited | RunResult::Asked | RunResult::Stopped) || end.class == Some(FailureClass::Lost)
        });
        if interrupted && last.run.runtime == runtime {
            return Ok(SessionOrder::Resume { session_id });
        }
    }
    Ok(SessionOrder::Fresh { session_id: fresh_session() })
}
