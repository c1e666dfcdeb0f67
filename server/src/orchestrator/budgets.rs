//! Budgets in the orchestrator: which limits hold, what a start reserves, who is stopped, who goes on again, and what is told.
//!
//! The rules are pure and live in `aq_core::budget`.

use aq_core::budget::{Alarm, BudgetScope, BudgetStop, Budgets, Uses, opens_at, warning_text, window_start};
use aq_core::event::EventKind;
use aq_core::ids::ProjectId;
use aq_core::project::Project;
use aq_core::task::{BlockedReason, TaskStatus, Trigger};
use aq_core::time::Timestamp;
use aq_core::window::RollingSum;
use serde_json::json;

use super::isolation::alone;
use super::policy::Policy;
use crate::lifecycle::{Figures, LifecycleError, Move, ProjectHot, Subject, Tx, announce, apply, told_key, tree_of, write_told};
use crate::store::{RunRecord, TaskRecord, runs, tasks};

/// The limits that hold: those that people set, else the configured ones.
#[must_use]
pub fn limits(figures: &Figures, policy: &Policy) -> Budgets {
    let mut budgets = policy.budgets;
    for (scope, limit) in &figures.budget_limits {
        budgets.set(*scope, *limit);
    }
    budgets
}

/// The limit of one project: its own, else the one of all projects.
#[must_use]
pub fn project_limit(figures: &Figures, policy: &Policy, project: &Project) -> Option<u64> {
    project.budget_limit.or_else(|| limits(figures, policy).project)
}

/// The instant from which project and global budgets count at `now`.
#[must_use]
pub fn counted_from(figures: &Figures, policy: &Policy, now: Timestamp) -> Timestamp {
    window_start(policy.budget_period, now, figures.span_ms, &policy.budget_zone)
}

/// Tokens of a project that count towards its budget at `now`.
#[must_use]
pub fn used(figures: &Figures, policy: &Policy, hot: &ProjectHot, now: Timestamp) -> u64 {
    hot.usage.tokens.sum_from(counted_from(figures, policy, now))
}

/// What the open runs of a project, or of all, are still expected to spend.
#[must_use]
pub fn reserved(figures: &Figures, project: Option<&ProjectId>) -> u64 {
    let open = figures.runs.values().filter(|run| project.is_none_or(|id| run.project == *id));
    open.map(|run| run.reserved.saturating_sub(run.tokens)).fold(0, u64::saturating_add)
}

/// When a project's budget, or (`None`) the one of everything, has room again if nothing else is spent; `None`: not known, or never.
#[must_use]
pub fn opens(figures: &Figures, policy: &Policy, project: Option<&ProjectId>, now: Timestamp) -> Option<Timestamp> {
    let (limit, sums): (u64, Vec<_>) = match project.and_then(|id| figures.projects.get(id)) {
        Some(hot) => (project_limit(figures, policy, &hot.project)?, vec![&hot.usage.tokens]),
        None => (limits(figures, policy).global?, figures.projects.values().map(|hot| &hot.usage.tokens).collect()),
    };
    let limit = limit.saturating_sub(reserved(figures, project));
    let rolling = RollingSum::fall_below(&sums, limit, now);
    opens_at(policy.budget_period, now, &policy.budget_zone, rolling)
}

/// The limits of one run: its task's own budget comes before the general one.
fn of_run(tx: &Tx<'_>, policy: &Policy, task: &TaskRecord) -> Budgets {
    let mut budgets = limits(tx.state, policy);
    if task.task.budget_tokens.is_some() {
        budgets.run = task.task.budget_tokens;
    }
    budgets
}

/// What a start reserves.
pub(super) struct Reserved {
    /// Tokens.
    pub(super) tokens: u64,
    /// The root of the task's tree and what the tree has spent.
    pub(super) tree: (i64, u64),
}

/// How many tokens a start of `task` reserves; `None` when its tree has no budget left: the task is blocked then (budget R2). What its project and
/// everything may spend was heeded by the scheduler.
///
/// # Errors
/// When the rows cannot be read or written.
pub(super) fn reserve(
    tx: &mut Tx<'_>,
    policy: &Policy,
    task: &mut TaskRecord,
    expected: u64,
    now: Timestamp,
) -> Result<Option<Reserved>, LifecycleError> {
    let budgets = of_run(tx, policy, task);
    let (root, spent) = tree_of(tx.db, task.key, task.parent_key)?;
    let open = tx.state.runs.values().filter(|run| run.root == root);
    let rest = open.map(|run| run.reserved.saturating_sub(run.tokens)).fold(0, u64::saturating_add);
    let uses = Uses { task_tree: spent.saturating_add(rest), ..Uses::default() };
    let of_tree = Budgets { project: None, global: None, ..budgets };
    match of_tree.reserve(&uses, expected) {
        Ok(tokens) => Ok(Some(Reserved { tokens, tree: (root, spent) })),
        // Only what open runs reserved is in the way: their end decides, and until then others have the turn (budget R11).
        Err(_) if rest > 0 && spent < budgets.task_tree.unwrap_or(u64::MAX) => {
            tx.state.put_tree_wait(task.key, Some(root));
            Ok(None)
        }
        Err(stop) => {
            block(tx, task, &stop, now)?;
            Ok(None)
        }
    }
}

fn block(tx: &mut Tx<'_>, task: &mut TaskRecord, stop: &BudgetStop, now: Timestamp) -> Result<(), LifecycleError> {
    let run = task.task.run_number;
    let subject = Subject { run: (run > 0).then_some(run), ..Subject::task(task) };
    let payload = json!({ "scope": stop.scope.as_str(), "used": stop.used, "limit": stop.limit, "text": stop.to_string() });
    announce(tx, EventKind::BudgetExhausted, now, subject, payload)?;
    let change = Move::system(Trigger::Held, now).because(BlockedReason::Budget).with("context", stop.to_string());
    apply(tx, task, run, change)?;
    Ok(())
}

/// After a message of a run: a run over its own budget is stopped, and with its tree's budget all open runs of the tree (budget R3).
///
/// # Errors
/// When the rows cannot be read or written.
pub(super) fn hold(
    tx: &mut Tx<'_>,
    policy: &Policy,
    task: &mut TaskRecord,
    record: &RunRecord,
    now: Timestamp,
) -> Result<(), LifecycleError> {
    let Some(root) = tx.state.runs.get(&record.task_key).map(|open| open.root) else { return Ok(()) };
    let task_tree = tx.state.trees.get(&root).copied().unwrap_or(0);
    let uses = Uses { run: record.run.tokens.total(), task_tree, ..Uses::default() };
    let Err(stop) = of_run(tx, policy, task).check_running(&uses) else { return Ok(()) };
    if task.task.status.is_live() {
        block(tx, task, &stop, now)?;
    }
    if stop.scope == BudgetScope::TaskTree {
        let others: Vec<_> = tx.state.runs.iter().filter(|(key, run)| run.root == root && **key != task.key).map(|(key, _)| *key).collect();
        for key in others {
            // One that cannot be moved is met again by its own next message.
            alone(tx, key, now, |tx| {
                let mut other = tasks::by_key(tx.db, key)?;
                if other.task.status.is_live() { block(tx, &mut other, &stop, now) } else { Ok(()) }
            })?;
        }
    }
    Ok(())
}

/// Once after budgets may have been raised: tasks that were blocked for a budget and would not be stopped at once again may start (budget R8).
///
/// # Errors
/// When the rows cannot be read or written.
pub(super) fn lift(tx: &mut Tx<'_>, policy: &Policy, now: Timestamp) -> Result<(), LifecycleError> {
    if !tx.state.budgets_changed {
        return Ok(());
    }
    let mut left = false;
    for mut task in tasks::in_status(tx.db, TaskStatus::Blocked)? {
        let key = task.key;
        if task.task.blocked_reason != Some(BlockedReason::Budget) {
            continue;
        }
        if tx.state.is_held_up(key, now) {
            left = true;
            continue;
        }
        let done = alone(tx, key, now, |tx| {
            let last = runs::get(tx.db, key, task.task.run_number)?;
            let run = last.map_or(0, |run| run.run.tokens.total());
            let (_, tree) = tree_of(tx.db, key, task.parent_key)?;
            if of_run(tx, policy, &task).lifts_block(run, tree) {
                let number = task.task.run_number;
                apply(tx, &mut task, number, Move::system(Trigger::BlockLifted, now).with("context", "the budget has room again"))?;
            }
            Ok(())
        })?;
        left |= done.is_none();
    }
    // A task that could not be moved is looked at again when its wait is over.
    if !left {
        tx.state.set_budgets_changed(false);
    }
    Ok(())
}

/// Tells what budgets of projects and of everything have to say: warning levels and that they are used up, each once, again after usage fell
/// (budget R5).
///
/// # Errors
/// When the rows cannot be written.
pub(super) fn tell(tx: &mut Tx<'_>, policy: &Policy, now: Timestamp) -> Result<(), LifecycleError> {
    let from = counted_from(tx.state, policy, now);
    let mut all = 0_u64;
    let mut told = Vec::new();
    for (id, hot) in &tx.state.projects {
        let used = hot.usage.tokens.sum_from(from);
        all = all.saturating_add(used);
        if used > 0 || tx.state.budget_told.contains_key(&told_key(Some(id.as_str()))) {
            told.push((Some(id.clone()), hot.project.name.clone(), used, project_limit(tx.state, policy, &hot.project)));
        }
    }
    told.push((None, "all projects".to_owned(), all, limits(tx.state, policy).global));
    for (project, name, used, limit) in told {
        let key = told_key(project.as_ref().map(ProjectId::as_str));
        let before = tx.state.budget_told.get(&key).copied().unwrap_or_default();
        let mut state = before;
        let alarm = state.alarm(used, limit);
        if state != before {
            write_told(tx.db, &key, state)?;
            tx.state.put_told(key, state);
        }
        let (Some(alarm), Some(limit)) = (alarm, limit) else { continue };
        let scope = if project.is_some() { BudgetScope::Project } else { BudgetScope::Global };
        let subject = project.as_ref().map(Subject::project).unwrap_or_default();
        match alarm {
            Alarm::Warning(percent) => {
                let text = warning_text(&name, used, limit);
                let payload = json!({ "scope": scope.as_str(), "percent": percent, "used": used, "limit": limit, "text": text });
                announce(tx, EventKind::BudgetWarning, now, subject, payload)?;
            }
            Alarm::Exhausted => {
                let text = BudgetStop { scope, used, limit }.to_string();
                let payload = json!({ "scope": scope.as_str(), "used": used, "limit": limit, "text": text });
                announce(tx, EventKind::BudgetExhausted, now, subject, payload)?;
            }
        }
    }
    Ok(())
}
