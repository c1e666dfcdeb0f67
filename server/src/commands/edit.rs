//! Editing tasks and their dependencies. A status is never edited here.

use aq_core::event::EventKind;
use aq_core::ids::{AgentId, TaskId};
use aq_core::project::PlanApproval;
use aq_core::runtime::{RuntimeKind, RuntimeSet};
use aq_core::task::{EdgeError, TaskStatus, TaskType, Trigger, VerificationType, check_edge};
use serde_json::json;

use super::context::{Context, task};
use super::create::{LIMIT_BOUNDS, MAX_DESCRIPTION_BYTES, MAX_RETRIES, MAX_TITLE_CHARS, fallback_problem};
use super::error::{CommandError, Violation};
use crate::lifecycle::{Move, Subject, Tx, announce, apply, make_startable};
use crate::store::{StoreError, TaskRecord, chains, dependencies, plans, tasks};

/// What to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct TaskEdit {
    /// The title.
    pub title: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The priority.
    pub priority: Option<i32>,
    /// The type; `Some(None)` clears it.
    pub task_type: Option<Option<TaskType>>,
    /// The required runtime; `Some(None)` clears it.
    pub runtime: Option<Option<RuntimeKind>>,
    /// The runtimes it may fall back to.
    pub fallback: Option<RuntimeSet>,
    /// Whether it is filler work.
    pub filler: Option<bool>,
    /// What happens between its plan and the tasks; `Some(None)`: as the project says.
    pub plan_approval: Option<Option<PlanApproval>>,
    /// The model its runs ask for; `Some(None)` clears it.
    pub model: Option<Option<String>>,
    /// The preferred agent; `Some(None)` clears it.
    pub preferred_agent: Option<Option<AgentId>>,
    /// Who checks finished work; `Some(None)`: as the project says now.
    pub verification: Option<Option<VerificationType>>,
    /// Commands that must pass.
    pub test_commands: Option<Vec<String>>,
    /// Finished work waits for approval.
    pub requires_approval: Option<bool>,
    /// Tries in total.
    pub max_retries: Option<u32>,
    /// Most tokens of one run; `Some(None)` clears it.
    pub budget_tokens: Option<Option<u64>>,
    /// Longest run in milliseconds; `Some(None)` clears it.
    pub time_limit_ms: Option<Option<u64>>,
    /// Longest silence of a run in milliseconds; `Some(None)` clears it.
    pub silence_limit_ms: Option<Option<u64>>,
}

/// Changes fields of a task, all of them or none. Returns the names of the fields that changed.
///
/// # Errors
/// [`CommandError::Invalid`] lists every wrong field.
pub fn edit(tx: &mut Tx<'_>, context: &Context, id: &TaskId, edit: &TaskEdit) -> Result<TaskRecord, CommandError> {
    let mut record = task(tx.db, context, id)?;
    let before = record.clone();
    let mut fields = Vec::new();
    macro_rules! set {
        ($($field:ident),*) => {$(
            if let Some(value) = &edit.$field {
                fields.push(stringify!($field));
                record.task.$field.clone_from(value);
            }
        )*};
    }
    set!(
        title,
        description,
        priority,
        task_type,
        runtime,
        fallback,
        filler,
        model,
        preferred_agent,
        test_commands,
        requires_approval,
        max_retries,
        budget_tokens
    );
    if let Some(limit) = edit.time_limit_ms {
        fields.push("time_limit");
        record.task.limits.time_ms = limit;
    }
    if let Some(limit) = edit.silence_limit_ms {
        fields.push("silence_limit");
        record.task.limits.silence_ms = limit;
    }
    let owner = tx.state.projects.get(&record.task.project).map(|hot| &hot.project);
    if let Some(verification) = edit.verification {
        fields.push("verification");
        let usual = owner.map_or(VerificationType::AutoTest, |project| project.verification);
        record.task.verification = verification.unwrap_or(usual);
    }
    if edit.runtime == Some(None) {
        record.task.runtime = owner.and_then(|project| project.default_runtime);
    }
    if let Some(rule) = edit.plan_approval {
        fields.push("plan_approval");
        plans::set_task_rule(tx.db, record.key, rule)?;
    }
    if fields.is_empty() {
        return Err(CommandError::invalid("update_mask", "names no field that can be changed"));
    }
    check(&record)?;
    record.task.updated_at = context.now;
    tasks::edit(tx.db, &record)?;
    if edit.budget_tokens.is_some() {
        tx.state.set_budgets_changed(true);
    }
    // The order among the READY ones follows the priority, and the line follows what it asks of its agent.
    if record.task.status == TaskStatus::Ready {
        tx.state.remove_ready(&before.task.project, before.task.needs(), before.task.priority, record.key);
        make_startable(tx, &record);
    }
    let payload = json!({ "title": record.task.title, "fields": fields, "actor": context.actor() });
    announce(tx, EventKind::TaskUpdated, context.now, Subject::task(&record), payload)?;
    Ok(record)
}

fn check(record: &TaskRecord) -> Result<(), CommandError> {
    let mut wrong = Vec::new();
    if record.task.title.trim().is_empty()
        || record.task.title.chars().count() > MAX_TITLE_CHARS
        || record.task.title.chars().any(char::is_control)
    {
        wrong.push(Violation::new("task.title", format!("must be one line of 1 to {MAX_TITLE_CHARS} characters")));
    }
    if record.task.description.len() > MAX_DESCRIPTION_BYTES {
        wrong.push(Violation::new("task.description", format!("is longer than {MAX_DESCRIPTION_BYTES} bytes")));
    }
    if record.task.max_retries > MAX_RETRIES || record.task.max_retries < record.task.retry_count {
        let least = record.task.retry_count;
        wrong.push(Violation::new("task.max_retries", format!("must be from {least} (tries used) to {MAX_RETRIES}")));
    }
    if let Some(problem) = fallback_problem(record.task.runtime, record.task.fallback) {
        wrong.push(Violation::new("task.fallback", problem));
    }
    for limit in record.task.limits.out_of_bounds() {
        wrong.push(Violation::new(format!("task.{limit}"), LIMIT_BOUNDS));
    }
    if wrong.is_empty() { Ok(()) } else { Err(CommandError::Invalid(wrong)) }
}

/// Makes `id` wait for `on`. A READY task whose new dependency is not met waits again.
///
/// # Errors
/// [`CommandError::Precondition`] for an edge that exists, leads to itself or closes a cycle.
pub fn add_dependency(tx: &mut Tx<'_>, context: &Context, id: &TaskId, on: &TaskId) -> Result<TaskRecord, CommandError> {
    let (mut record, upstream) = (task(tx.db, context, id)?, task(tx.db, context, on)?);
    check_new_edge(tx, &record, &upstream)?;
    let mut edges = vec![upstream];
    for step in chains::landed_with(tx.db, record.task.branch.as_deref(), &edges)? {
        // A step that waits for this task itself cannot be waited for: then the task starts before the work has landed.
        if check_new_edge(tx, &record, &step).is_ok() {
            edges.push(step);
        }
    }
    for upstream in edges {
        dependencies::insert(tx.db, record.key, upstream.key)?;
        record.unmet += u32::from(!upstream.task.status.satisfies_dependents());
        let payload = json!({ "title": record.task.title, "depends_on": upstream.task.id.as_str(), "actor": context.actor() });
        announce(tx, EventKind::DependencyAdded, context.now, Subject::task(&record), payload)?;
    }
    tasks::set_unmet(tx.db, record.key, record.unmet)?;
    if record.unmet > 0 && record.task.status == TaskStatus::Ready {
        let (actor, run) = (context.actor(), record.task.run_number);
        apply(tx, &mut record, run, Move::by(&actor, Trigger::DepsUnmet, context.now))?;
    }
    Ok(record)
}

pub(super) fn check_new_edge(tx: &mut Tx<'_>, record: &TaskRecord, upstream: &TaskRecord) -> Result<(), CommandError> {
    let mut failed: Option<StoreError> = None;
    let mut keys = std::collections::BTreeMap::from([(record.task.id.clone(), record.key), (upstream.task.id.clone(), upstream.key)]);
    let checked = check_edge(&record.task.id, &upstream.task.id, |id| {
        let Some(key) = keys.get(id).copied() else { return Vec::new() };
        let found = dependencies::upstream(tx.db, key).and_then(|found| tasks::by_keys(tx.db, &found));
        match found {
            Ok(found) => {
                keys.extend(found.iter().map(|record| (record.task.id.clone(), record.key)));
                found.into_iter().map(|record| record.task.id).collect()
            }
            Err(error) => {
                failed = Some(error);
                Vec::new()
            }
        }
    });
    match (failed, checked) {
        (Some(error), _) => Err(error.into()),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) => Err(CommandError::precondition(
            match error {
                EdgeError::Itself(_) => "DEPENDENCY_ON_ITSELF",
                EdgeError::Exists { .. } => "DEPENDENCY_EXISTS",
                EdgeError::Cycle(_) => "DEPENDENCY_CYCLE",
            },
            format!("cannot add dependency: {error}"),
        )),
    }
}

/// Lets `id` no longer wait for `on`. A task that waits for nothing else may start.
///
/// # Errors
/// [`CommandError::NotFound`] when there is no such dependency.
pub fn remove_dependency(tx: &mut Tx<'_>, context: &Context, id: &TaskId, on: &TaskId) -> Result<TaskRecord, CommandError> {
    let (mut record, upstream) = (task(tx.db, context, id)?, task(tx.db, context, on)?);
    if !dependencies::remove(tx.db, record.key, upstream.key)? {
        return Err(CommandError::NotFound { kind: "dependency", id: format!("{id} on {on}") });
    }
    if !upstream.task.status.satisfies_dependents() {
        record.unmet = record.unmet.saturating_sub(1);
        tasks::set_unmet(tx.db, record.key, record.unmet)?;
        promote(tx, context, &mut record)?;
    }
    let payload = json!({ "title": record.task.title, "depends_on": on.as_str(), "actor": context.actor() });
    announce(tx, EventKind::DependencyRemoved, context.now, Subject::task(&record), payload)?;
    Ok(record)
}

/// A DEFINED task that waits for nothing any more becomes READY.
pub(super) fn promote(tx: &mut Tx<'_>, context: &Context, record: &mut TaskRecord) -> Result<(), CommandError> {
    if record.unmet == 0 && record.task.status == TaskStatus::Defined {
        let run = record.task.run_number;
        apply(tx, record, run, Move::system(Trigger::DepsMet, context.now))?;
    }
    Ok(())
}
