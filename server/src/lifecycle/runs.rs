//! Runs begin and end here, together with the leases and the sums that hang on them.

use aq_core::event::EventKind;
use aq_core::ids::{AgentId, RunRef, WorkspaceId};
use aq_core::output::TokenUsage;
use aq_core::run::{Run, RunEnd, RunPurpose, RunResult, RunState};
use aq_core::runtime::RuntimeKind;
use aq_core::task::{TaskStatus, Trigger};
use aq_core::time::Timestamp;
use serde_json::json;

use super::announcing::{Subject, Tx, announce};
use super::error::LifecycleError;
use super::figures::OpenRun;
use super::moves::{Move, apply, free_branch, hold_branch, make_startable};
use super::spending::tree_of;
use crate::store::{LedgerEntry, RunRecord, StoreError, TaskRecord, api_keys, ledger, questions, runs, tasks};

/// Who and what a new run is given.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The agent.
    pub agent: AgentId,
    /// Its runtime.
    pub runtime: RuntimeKind,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The branch that the run works on.
    pub branch: String,
    /// The session the run begins or goes on with.
    pub session_id: String,
    /// Tokens it counts with until they are spent.
    pub reserved: u64,
    /// The root of the task's tree and what the tree has spent, as [`tree_of`] tells.
    pub tree: (i64, u64),
}

/// Assigns a READY task: the next run begins, its agent and workspace are leased.
///
/// # Errors
/// As [`apply`]; [`StoreError::Conflict`] when the agent or the workspace turns out to be leased.
pub fn begin(tx: &mut Tx<'_>, record: &mut TaskRecord, lease: Lease, now: Timestamp) -> Result<RunRecord, LifecycleError> {
    let from_run = record.task.run_number;
    let shared = record.task.branch.is_some() || record.task.is_plan_subtask;
    record.task.run_number = from_run + 1;
    record.task.assigned_agent = Some(lease.agent.clone());
    let branch = lease.branch;
    record.task.branch = Some(branch.clone());
    record.task.session_id = Some(lease.session_id.clone());
    let waited = now.millis_since(record.task.updated_at).max(0);
    let change = Move::system(Trigger::Assigned, now)
        .with("agent_id", lease.agent.as_str())
        .with("workspace_id", lease.workspace.as_str())
        .with("waited_ms", waited);
    apply(tx, record, from_run, change)?;
    let id = RunRef { task: record.task.id.clone(), number: record.task.run_number };
    let mut run = Run::new(id, record.task.project.clone(), lease.agent.clone(), lease.runtime, lease.workspace.clone(), now);
    run.purpose = if record.task.review.is_some() { RunPurpose::Review } else { RunPurpose::Work };
    run.session_id = Some(lease.session_id);
    run.reserved_tokens = lease.reserved;
    let stored = RunRecord { task_key: record.key, pid: None, output_bytes: 0, run };
    runs::insert(tx.db, &stored)?;
    let (root, spent) = lease.tree;
    tx.state.put_tree(root, Some(spent));
    tx.state.put_run(record.key, Some(OpenRun::of(&stored.run, root, Some(&branch))));
    if shared {
        // A branch that was made for this very run is nobody else's.
        hold_branch(tx, &record.task.project.clone(), &branch)?;
    }
    Ok(stored)
}

/// The task and the open run that a report is about: as they are held, else from the rows. `None` when the run is not the task's present one
/// or has ended: whatever it says changes nothing (fencing). Whoever leaves the run open hands both back with [`hold`].
///
/// # Errors
/// When the rows cannot be read.
pub fn fenced(tx: &mut Tx<'_>, run: &RunRef) -> Result<Option<(TaskRecord, RunRecord)>, LifecycleError> {
    let Some((key, _)) = tx.state.open_run(run) else { return Ok(None) };
    let touched = tx.db.take_touched();
    if let Some(held) = tx.state.held().take(touched, key, run.number) {
        debug_assert!(held.0 == tasks::by_key(tx.db, key)? && Some(&held.1) == runs::get(tx.db, key, run.number)?.as_ref(), "{held:?}");
        return Ok(Some(held));
    }
    let task = tasks::by_key(tx.db, key)?;
    let Some(record) = runs::get(tx.db, key, run.number)? else { return Ok(None) };
    Ok(Some((task, record)))
}

/// Keeps the rows of a run that goes on, so that its next report need not read them. They have to be as they were written.
pub fn hold(tx: &mut Tx<'_>, task: TaskRecord, run: RunRecord) {
    let touched = tx.db.take_touched();
    tx.state.held().keep(touched, task, run);
}

/// Writes a run that goes on, and keeps the leases in step with its state.
///
/// # Errors
/// When the row cannot be written.
pub fn save(tx: &mut Tx<'_>, record: &RunRecord) -> Result<(), LifecycleError> {
    runs::update(tx.db, record)?;
    // What decisions read of a run changes seldom.
    let differs = |open: &&OpenRun| open.state != record.run.state || open.tokens != record.run.tokens.total();
    if let Some(open) = tx.state.runs.get(&record.task_key).filter(differs) {
        let open = OpenRun { state: record.run.state, tokens: record.run.tokens.total(), ..open.clone() };
        tx.state.put_run(record.task_key, Some(open));
    }
    Ok(())
}

/// Ends a run: its leases are free, its questions closed (but for those that ended it), its cost counts towards what the project's runs usually cost.
///
/// The task must have been moved before; a task that is READY again may start from here on.
///
/// # Errors
/// When the rows cannot be written.
pub fn end(tx: &mut Tx<'_>, task: &TaskRecord, record: &mut RunRecord, end: RunEnd, now: Timestamp) -> Result<(), LifecycleError> {
    let (result, class) = (end.result, end.class);
    if result != RunResult::Asked {
        questions::close_all(tx.db, record.task_key, record.run.id.number, "the run is over", now)?;
    }
    api_keys::revoke_of_run(tx.db, &record.run.id, now)?;
    record.run.state = RunState::Ended;
    record.run.ended_at = Some(now);
    record.run.end = Some(end);
    runs::update(tx.db, record)?;
    let branch = tx.state.runs.get(&record.task_key).map(|open| open.branch.clone()).unwrap_or_default();
    let root = tx.state.runs.get(&record.task_key).map(|open| open.root);
    tx.state.put_run(record.task_key, None);
    if root.is_some() {
        // What the run reserved of its tree's budget is free again.
        tx.state.end_tree_waits(root);
    }
    if let Some(root) = root.filter(|root| tx.state.runs.values().all(|open| open.root != *root)) {
        tx.state.put_tree(root, None);
    }
    let tokens = record.run.tokens.total();
    let old_mean = tx.state.projects.get(&record.run.project).map_or(0.0, |state| state.usage.mean_cost);
    tx.state.change_project(
        &record.run.project,
        |state| {
            if tokens > 0 {
                state.usage.run_cost(tokens);
            }
            if let Some(sum) = state.usage.ended(result) {
                sum.add(now, 1);
            }
        },
        move |state| {
            state.usage.mean_cost = old_mean;
            if let Some(sum) = state.usage.ended(result) {
                sum.subtract(now, 1);
            }
        },
    );
    if task.task.status == TaskStatus::Ready {
        make_startable(tx, task);
    }
    free_branch(tx, &record.run.project.clone(), &branch)?;
    let subject = Subject { run: Some(record.run.id.number), agent: Some(record.run.agent.clone()), ..Subject::task(task) };
    let payload = json!({
        "title": task.task.title, "result": result.as_str(), "failure_class": class.map(aq_core::output::FailureClass::as_str),
        "tokens": tokens, "message": record.run.end.as_ref().map(|end| end.message.as_str()), "commit": record.run.commit,
        "runtime": record.run.runtime.as_str(), "duration_ms": now.millis_since(record.run.started_at).max(0),
    });
    announce(tx, EventKind::RunEnded, now, subject, payload)
}

/// Takes an ended run up again to land its work: it concludes once more, its workspace is leased again, and it no longer counts as completed.
///
/// The task must have been moved before, and the workspace be free.
///
/// # Errors
/// When the row cannot be written; [`StoreError::Conflict`] when the workspace turns out to be leased.
pub fn reopen(tx: &mut Tx<'_>, task: &TaskRecord, record: &mut RunRecord) -> Result<(), LifecycleError> {
    record.run.state = RunState::Concluding;
    let (end, ended_at) = (record.run.end.take(), record.run.ended_at.take());
    runs::update(tx.db, record)?;
    if let (Some(end), Some(at)) = (end, ended_at) {
        tx.state.change_project(
            &record.run.project,
            |state| {
                if let Some(sum) = state.usage.ended(end.result) {
                    sum.subtract(at, 1);
                }
            },
            move |state| {
                if let Some(sum) = state.usage.ended(end.result) {
                    sum.add(at, 1);
                }
            },
        );
    }
    let (root, spent) = tree_of(tx.db, task.key, task.parent_key)?;
    tx.state.put_tree(root, Some(spent));
    let taken_up = OpenRun::of(&record.run, root, task.task.branch.as_deref());
    // The orchestrator finds it and gives the order.
    tx.state.put_run(record.task_key, Some(OpenRun { state: RunState::Concluding, conclude_due: true, ..taken_up }));
    hold_branch(tx, &task.task.project.clone(), task.task.branch.as_deref().unwrap_or_default())
}

/// Counts tokens of a run, once per message. False when the message was counted before.
///
/// # Errors
/// When the rows cannot be written.
pub fn spend(
    tx: &mut Tx<'_>,
    record: &mut RunRecord,
    message_id: &str,
    model: &str,
    tokens: TokenUsage,
    cost_micros: Option<u64>,
    at: Timestamp,
) -> Result<bool, LifecycleError> {
    let account = tx.state.agents.get(&record.run.agent).and_then(|agent| agent.account.clone());
    let entry = LedgerEntry {
        task_key: record.task_key,
        run_number: record.run.id.number,
        message_id: message_id.to_owned(),
        at,
        project: record.run.project.clone(),
        agent: record.run.agent.clone(),
        account,
        model: model.to_owned(),
        tokens,
        cost_micros,
    };
    if !ledger::insert(tx.db, &entry)? {
        return Ok(false);
    }
    record.run.tokens = record.run.tokens.plus(tokens);
    tx.state.add_spent(&entry.agent, model, tokens, cost_micros);
    let spent = tokens.total();
    tx.state.change_project(
        &record.run.project,
        |state| state.usage.tokens.add(at, spent),
        move |state| state.usage.tokens.subtract(at, spent),
    );
    if let Some(root) = tx.state.runs.get(&record.task_key).map(|open| open.root) {
        let tree = tx.state.trees.get(&root).copied().unwrap_or(0).saturating_add(spent);
        tx.state.put_tree(root, Some(tree));
    }
    save(tx, record)?;
    Ok(true)
}

impl From<LifecycleError> for StoreError {
    fn from(error: LifecycleError) -> Self {
        match error {
            LifecycleError::Store(error) => error,
            other => Self::Refused(other.to_string()),
        }
    }
}
