//! A plan becomes tasks: all of them in one transaction, each with what it takes from its parent, none before its time (F-128 to F-130).

use aq_core::event::EventKind;
use aq_core::plan::{Announced, Parsed, PlanState, SubtaskRules, announcement, reading, subtasks};
use aq_core::project::PlanApproval;
use aq_core::render::type_emoji;
use aq_core::task::{DEFAULT_PRIORITY, Task, TaskOrigin, TaskStatus, TaskType, branch_of};
use aq_core::time::Timestamp;
use serde_json::json;

use super::announcing::{Subject, Tx, announce};
use super::create::{bring, free_name};
use super::error::LifecycleError;
use crate::store::{PlanRecord, StoreError, TaskRecord, plans, tasks};

/// How plans become tasks; from the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRules {
    /// Whether plans of agents are looked for.
    pub enabled: bool,
    /// Where, in this order.
    pub patterns: Vec<String>,
    /// Most steps of a plan; the others are told.
    pub max_steps: usize,
    /// How deep plans may come out of plans.
    pub max_depth: u32,
    /// Each step waits for the one before.
    pub chain: bool,
    /// Steps need the approval that their parent needs.
    pub inherit_approval: bool,
    /// Priority of the first step of a plan without a parent.
    pub base_priority: i32,
    /// What happens between a plan and its tasks where neither project nor task says anything.
    pub approval: PlanApproval,
    /// Folder where plans are kept as files; `None`: nowhere.
    pub folder: Option<std::path::PathBuf>,
}

impl Default for PlanRules {
    fn default() -> Self {
        Self {
            enabled: true,
            patterns: aq_core::plan::PATTERNS.iter().map(|pattern| (*pattern).to_owned()).collect(),
            max_steps: 20,
            max_depth: 1,
            chain: true,
            inherit_approval: true,
            base_priority: DEFAULT_PRIORITY,
            approval: PlanApproval::None,
            folder: None,
        }
    }
}

/// Whether a plan of this task counts: steps of plans plan no further than the depth allows (F-127, D-59).
///
/// # Errors
/// When the rows cannot be read.
pub fn may_plan(tx: &mut Tx<'_>, rules: &PlanRules, task: &TaskRecord) -> Result<bool, StoreError> {
    if !rules.enabled {
        return Ok(false);
    }
    let (mut depth, mut at) = (0_u32, task.clone());
    while at.task.is_plan_subtask {
        depth = depth.saturating_add(1);
        if depth >= rules.max_depth {
            return Ok(false);
        }
        let Some(parent) = at.parent_key else { break };
        at = tasks::by_key(tx.db, parent)?;
    }
    Ok(true)
}

/// What happens between a plan of this task and its tasks: the task's own rule, its project's, the configured one.
///
/// # Errors
/// When the rows cannot be read.
pub fn approval_rule(tx: &mut Tx<'_>, rules: &PlanRules, task: &TaskRecord) -> Result<PlanApproval, StoreError> {
    if let Some(own) = plans::task_rule(tx.db, task.key)? {
        return Ok(own);
    }
    let project = tx.state.projects.get(&task.task.project).and_then(|hot| hot.project.plan_approval);
    Ok(project.unwrap_or(rules.approval))
}

/// What the tasks of a plan name as their origin.
#[must_use]
pub fn origin_of(plan: &PlanRecord) -> String {
    if plan.archive.is_empty() { format!("plan:{}", plan.id) } else { plan.archive.clone() }
}

/// Makes the tasks of a plan, in their order. The first step waits for the parent, so it does not start before the parent is accepted (D-57).
///
/// # Errors
/// When the rows cannot be written.
pub fn accept_plan(
    tx: &mut Tx<'_>,
    rules: &PlanRules,
    plan: &mut PlanRecord,
    actor: &str,
    now: Timestamp,
) -> Result<Vec<TaskRecord>, LifecycleError> {
    let parent = plan.task_key.map(|key| tasks::by_key(tx.db, key)).transpose()?;
    let parsed = reading(&plan.text, &plan.proposed, rules.max_steps);
    plan.decided_by = Some(actor.to_owned());
    plan.decided_at = Some(now);
    plan.state = if parsed.steps.is_empty() { PlanState::Empty } else { PlanState::Accepted };
    plans::update(tx.db, plan)?;
    let made = bring_steps(tx, rules, plan, &parsed, parent.as_ref(), actor, now)?;
    tell(tx, rules, plan, &parsed, parent.as_ref(), &made, actor, now)?;
    Ok(made)
}

fn bring_steps(
    tx: &mut Tx<'_>,
    rules: &PlanRules,
    plan: &PlanRecord,
    parsed: &Parsed,
    parent: Option<&TaskRecord>,
    actor: &str,
    now: Timestamp,
) -> Result<Vec<TaskRecord>, LifecycleError> {
    let title = parent.map_or_else(|| "a plan of a person".to_owned(), |parent| parent.task.title.clone());
    let subtask_rules = SubtaskRules {
        base_priority: parent.map_or(rules.base_priority, |parent| parent.task.priority),
        chain: rules.chain,
        inherit_approval: rules.inherit_approval,
        parent_needs_approval: parent.is_some_and(|parent| parent.task.requires_approval),
    };
    let origin = origin_of(plan);
    let mut made: Vec<TaskRecord> = Vec::new();
    for step in subtasks(&plan.text, parsed, &title, subtask_rules) {
        let waits_for = match step.after.and_then(|index| made.get(index)) {
            Some(before) => Some((before.key, before.task.status)),
            None => parent.map(|parent| (parent.key, parent.task.status)),
        };
        let mut task = Task::new(free_name(tx)?, plan.project.clone(), step.title, step.description, now);
        task.priority = step.priority;
        task.requires_approval = step.requires_approval;
        task.is_plan_subtask = true;
        task.plan_source = Some(origin.clone());
        task.origin = TaskOrigin::Agent;
        if let Some(parent) = parent {
            inherit(&mut task, &parent.task);
            // Known from the start, so that two steps on one branch never run at the same time.
            task.branch = Some(branch_of(&task, Some(&parent.task)));
        }
        let mut record =
            TaskRecord { key: tx.state.next_key(), parent_key: plan.task_key, unmet: 0, failure: None, deleted_at: None, task };
        let upstream: Vec<(i64, TaskStatus)> = waits_for.into_iter().collect();
        bring(tx, &mut record, &upstream, actor)?;
        made.push(record);
    }
    Ok(made)
}

/// What a step takes from its parent (D-58). Its budget is the parent's, whose tree it belongs to.
fn inherit(task: &mut Task, parent: &Task) {
    task.parent = Some(parent.id.clone());
    task.task_type = parent.task_type.filter(|kind| *kind != TaskType::Plan);
    task.verification = parent.verification;
    task.test_commands.clone_from(&parent.test_commands);
    task.max_retries = parent.max_retries;
    task.runtime = parent.runtime;
    task.fallback = parent.fallback;
    task.filler = parent.filler;
    task.preferred_agent.clone_from(&parent.preferred_agent);
    task.budget_tokens = parent.budget_tokens;
    task.limits = parent.limits;
}

#[expect(clippy::too_many_arguments, reason = "an event with everything that its readers show")]
fn tell(
    tx: &mut Tx<'_>,
    rules: &PlanRules,
    plan: &PlanRecord,
    parsed: &Parsed,
    parent: Option<&TaskRecord>,
    made: &[TaskRecord],
    actor: &str,
    now: Timestamp,
) -> Result<(), LifecycleError> {
    let subject = Subject { run: plan.run_number, ..parent.map_or_else(|| Subject::project(&plan.project), Subject::task) };
    let announced: Vec<_> = made
        .iter()
        .map(|record| Announced {
            id: record.task.id.to_string(),
            title: record.task.title.clone(),
            priority: record.task.priority,
            icon: record.task.task_type.map_or("", type_emoji).to_owned(),
        })
        .collect();
    let ids: Vec<_> = announced.iter().map(|task| task.id.as_str()).collect();
    let workspace = plan.task_key.and_then(|key| tx.state.runs.get(&key)).map(|open| open.workspace.to_string()).unwrap_or_default();
    let name = parent.map_or_else(String::new, |parent| parent.task.id.to_string());
    let payload = json!({
        "plan_id": plan.id,
        "title": parent.map(|parent| parent.task.title.as_str()),
        "tasks": ids,
        "chained": rules.chain,
        "dropped": parsed.dropped,
        "truncated": parsed.truncated,
        "actor": actor,
        "text": announcement(&name, plan.project.as_str(), &workspace, rules.chain, &announced),
    });
    announce(tx, EventKind::PlanApproved, now, subject, payload)
}
