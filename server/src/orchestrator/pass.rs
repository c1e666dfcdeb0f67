//! One look at what is and what should be: timers that are due, runs that have to stop, tasks that can start.

use std::collections::BTreeMap;

use aq_core::ids::{RunRef, TaskId};
use aq_core::output::FailureClass;
use aq_core::run::{Run, RunPurpose, RunResult};
use aq_core::runner_link::{RunnerOrder, SessionOrder, StopReason};
use aq_core::runtime::RuntimeKind;
use aq_core::schedule::{Assignment, IdleAgent, Wish, decide, prefer, spare};
use aq_core::task::{Trigger, branch_of, is_agents_fault};
use aq_core::time::Timestamp;
use rand::Rng as _;

use super::budgets;
use super::deadlines;
use super::faults;
use super::isolation::{alone, next_try};
use super::orders::{Draft, conclude, draft};
use super::own_key::issue;
use super::policy::Policy;
use super::snapshot::{key_of, snapshot};
use crate::lifecycle::{Lease, LifecycleError, Move, Tx, apply, begin, hold, may_start};
use crate::store::{StoreError, TaskRecord, TaskWish, questions, runs, tasks};

/// Timers handled in one pass; the rest follow in the next one, which comes at once.
const TIMERS_PER_PASS: usize = 256;

/// Questions handled in one pass whose deadline has come; the rest likewise.
const QUESTIONS_PER_PASS: i64 = 256;

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

/// Does everything that can be done now.
///
/// # Errors
/// When the rows cannot be read or written; nothing was done then.
pub(super) fn pass(tx: &mut Tx<'_>, policy: &Policy, now: Timestamp) -> Result<Passed, LifecycleError> {
    let waiting = tx.state.timers.iter().take_while(|(at, _)| *at <= now).filter(|(_, key)| !tx.state.is_held_up(*key, now));
    let due: Vec<_> = waiting.take(TIMERS_PER_PASS).copied().collect();
    for (at, key) in due {
        alone(tx, key, now, |tx| {
            let mut task = tasks::by_key(tx.db, key)?;
            let run = task.task.run_number;
            if task.task.resume_after == Some(at) && task.deleted_at.is_none() {
                apply(tx, &mut task, run, Move::system(Trigger::ResumeTimer, now))?;
            } else {
                // Whoever wrote the row past the lifecycle took the instant away with it.
                tracing::error!(task = %task.task.id, "a timer was set for a task that does not wait for it");
                tx.state.remove_timer(at, key);
            }
            Ok(())
        })?;
    }
    let (answers, more_questions) = deadlines::pass(tx, now, QUESTIONS_PER_PASS)?;
    budgets::lift(tx, policy, now)?;
    budgets::tell(tx, policy, now)?;
    let stop = tx.state.runs.values().filter_map(|open| open.stopping.map(|reason| (open.run.clone(), reason))).collect();
    let conclude = conclusions(tx, policy, now)?;
    let (begun, account_opens) = starts(tx, policy, now)?;
    // Timers that are due already are left over: the next pass comes at once.
    let timer = tx.state.timers.iter().find(|(_, key)| !tx.state.is_held_up(*key, now)).map(|(at, _)| *at);
    let question = if more_questions { Some(now) } else { questions::next_deadline(tx.db, now)? };
    let next = [timer, account_opens, question, next_try(tx, now)].into_iter().flatten().min();
    Ok(Passed { begun, stop, conclude, answers, next })
}

/// Begins every run that can begin now. Also tells when there is more to begin: when an account of an idle agent opens again, or at once.
///
/// # Errors
/// When the rows cannot be read or written.
pub(super) fn starts(tx: &mut Tx<'_>, policy: &Policy, now: Timestamp) -> Result<(Vec<Draft>, Option<Timestamp>), LifecycleError> {
    let (mut begun, mut gave_way) = (Vec::new(), false);
    if tx.state.idle.is_empty() {
        return Ok((begun, None));
    }
    let snapshot = snapshot(tx.state, policy, now);
    if !snapshot.projects.is_empty() && !snapshot.agents.is_empty() {
        let mut assignments = decide(&snapshot).assignments;
        let wishes = wishes(tx, &assignments)?;
        prefer(&mut assignments, &snapshot, &wishes);
        spare(&mut assignments, &snapshot, &faults::met_last(tx.state));
        for assignment in assignments {
            let key = key_of(&assignment.task).ok_or(StoreError::NotFound)?;
            let (mut branch_taken, mut place) = (false, None);
            let started = alone(tx, key, now, |tx| {
                let task = tasks::by_key(tx.db, key)?;
                place = Some((task.task.needs(), task.task.priority));
                // The decision knows no branches: a start before this one may have taken the branch that both work on.
                branch_taken = !may_start(tx.state, &task);
                if branch_taken { Ok(None) } else { start(tx, policy, task, &assignment, now) }
            })?;
            // Whose turn it was is held up now, waits for its branch or its tree, or is blocked; the next pass, at once, gives the agent to somebody
            // else. One that could not start and is still in its line would be chosen again for ever: that would be a contradiction, and waits.
            let in_line = place.is_some_and(|(needs, priority)| {
                let hot = tx.state.projects.get(&assignment.project);
                hot.is_some_and(|hot| hot.is_in_line(needs, priority, key)) && !tx.state.tree_waits.contains_key(&key)
            });
            gave_way |= branch_taken || started.is_none() || (matches!(started, Some(None)) && !in_line);
            begun.extend(started.flatten());
        }
    }
    let opens = snapshot.agents.iter().filter_map(IdleAgent::opens_at).min();
    Ok((begun, if gave_way { Some(now) } else { opens }))
}

/// What the tasks that are about to start say of their agents.
fn wishes(tx: &mut Tx<'_>, assignments: &[Assignment]) -> Result<BTreeMap<TaskId, Wish>, LifecycleError> {
    let keys: Vec<i64> = assignments.iter().filter_map(|given| key_of(&given.task)).collect();
    let found = if keys.is_empty() { Vec::new() } else { tasks::wishes(tx.db, &keys)? };
    let mut sessions = BTreeMap::new();
    for wish in found.iter().filter(|wish| wish.agent.is_none() && wish.run_number > 0) {
        if let Some(last) = runs::get(tx.db, wish.key, wish.run_number)?
            && goes_on(&last.run, wish.review)
        {
            sessions.insert(wish.key, last.run.agent);
        }
    }
    // The scheduler knows tasks by key.
    let project = |key: i64| assignments.iter().find(|given| key_of(&given.task) == Some(key)).map(|given| &given.project);
    let reviewer = |key: i64| project(key).and_then(|id| tx.state.projects.get(id)).and_then(|hot| hot.project.reviewer.clone());
    let wish = |wish: TaskWish| {
        let agent = if wish.review { reviewer(wish.key).or(wish.agent) } else { wish.agent };
        let session = agent.is_none();
        let agent = agent.or_else(|| sessions.get(&wish.key).cloned())?;
        Some((TaskId::from_trusted(&wish.key.to_string()), Wish { agent, runtime: wish.needs.runtime, session }))
    };
    Ok(found.into_iter().filter_map(wish).collect())
}

/// Orders for the runs that a command took up again to land their work.
fn conclusions(tx: &mut Tx<'_>, policy: &Policy, now: Timestamp) -> Result<Vec<RunnerOrder>, LifecycleError> {
    let due = tx.state.runs.iter().filter(|(key, open)| open.conclude_due && !tx.state.is_held_up(**key, now));
    let due: Vec<_> = due.map(|(key, open)| (*key, open.clone())).collect();
    let mut orders = Vec::new();
    for (key, open) in due {
        let order = alone(tx, key, now, |tx| {
            let task = tasks::by_key(tx.db, key)?;
            match runs::get(tx.db, key, open.run.number)? {
                Some(run) => Ok(conclude(tx, policy, &task, &run.run)?),
                None => Ok(None),
            }
        })?;
        orders.extend(order.flatten());
    }
    Ok(orders)
}

fn start(
    tx: &mut Tx<'_>,
    policy: &Policy,
    mut task: TaskRecord,
    assignment: &Assignment,
    now: Timestamp,
) -> Result<Option<Draft>, LifecycleError> {
    let (Some(agent), Some(workspace)) =
        (tx.state.agents.get(&assignment.agent).cloned(), tx.state.free_workspace(&assignment.project).map(|free| free.id.clone()))
    else {
        // The decision counts agents and workspaces itself; that one is gone now means that the figures contradict each other.
        tracing::error!(task = %task.task.id, agent = %assignment.agent, "assigned to an agent or a workspace that is not free");
        return Ok(None);
    };
    let parent = task.parent_key.filter(|_| task.task.is_plan_subtask).map(|key| tasks::by_key(tx.db, key)).transpose()?;
    let Some(reserved) = budgets::reserve(tx, policy, &mut task, assignment.cost, now)? else { return Ok(None) };
    let (session, afresh) = session(tx, &task, agent.runtime)?;
    let (SessionOrder::Fresh { session_id } | SessionOrder::Resume { session_id }) = &session;
    let lease = Lease {
        agent: agent.id,
        runtime: agent.runtime,
        workspace,
        branch: branch_of(&task.task, parent.as_ref().map(|parent| &parent.task)),
        session_id: session_id.clone(),
        reserved: reserved.tokens,
        tree: reserved.tree,
    };
    let run = begin(tx, &mut task, lease, now)?;
    tx.state.note_start(&assignment.project, assignment.start_tag, assignment.finish_tag);
    let own_key = match tx.state.projects.get(&assignment.project).map(|hot| hot.project.clone()) {
        Some(project) => issue(tx, policy.own_keys.as_ref(), &project, &run.run.id, now)?,
        None => None,
    };
    let drafted = draft(tx.state, policy, &task, &run.run, session).map(|draft| draft.with_key(own_key).afresh(afresh));
    hold(tx, task, run);
    Ok(drafted)
}

/// True when what comes after a run goes on in its session: it was interrupted without a fault of the work. A reviewer does not go on in the session of the
/// work, nor the work in that of a review.
fn goes_on(last: &Run, review: bool) -> bool {
    let interrupted = last.end.as_ref().is_some_and(|end| {
        // A run that could not even begin has left no session.
        let cut = |class| class == FailureClass::Lost || (is_agents_fault(class) && last.tokens.total() > 0);
        matches!(end.result, RunResult::Limited | RunResult::Asked | RunResult::Stopped) || end.class.is_some_and(cut)
    });
    interrupted && last.session_id.is_some() && (last.purpose == RunPurpose::Review) == review
}

/// A run that ended without a fault of the work goes on in its session; anything else starts a new one. Also whether the last run was a review,
/// whose leavings go aside.
fn session(tx: &mut Tx<'_>, task: &TaskRecord, runtime: RuntimeKind) -> Result<(SessionOrder, bool), LifecycleError> {
    let mut afresh = false;
    if task.task.run_number > 0
        && let Some(last) = runs::get(tx.db, task.key, task.task.run_number)?
    {
        afresh = last.run.purpose == RunPurpose::Review;
        let same = goes_on(&last.run, task.task.review.is_some()) && last.run.runtime == runtime;
        if let Some(session_id) = last.run.session_id.filter(|_| same) {
            return Ok((SessionOrder::Resume { session_id }, afresh));
        }
    }
    let session_id = uuid::Builder::from_random_bytes(tx.state.chance().random()).into_uuid().to_string();
    Ok((SessionOrder::Fresh { session_id }, afresh))
}
