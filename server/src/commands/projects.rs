//! Projects: create, edit, pause, resume, delete.

use aq_core::event::EventKind;
use aq_core::ids::{AgentId, ProjectId};
use aq_core::names::id_slug;
use aq_core::project::{PlanApproval, Project, ProjectStatus, ProposalPolicy};
use aq_core::runtime::RuntimeKind;
use aq_core::task::VerificationType;
use serde_json::json;

use super::context::{Context, project};
use super::edit::promote;
use super::error::{CommandError, Violation};
use crate::lifecycle::{Subject, Tx, announce};
use crate::store::{StoreError, projects, removal, tasks, workspaces};

/// Highest number of runs at once that may be set for a project.
pub const MAX_CONCURRENT: u32 = 1000;

/// How long a question of an agent may wait, in milliseconds.
pub const QUESTION_TIMEOUT_MS: std::ops::RangeInclusive<u64> = 1_000..=31_622_400_000;

/// What to set on a project; `None` leaves a field as it is (or at its default, when creating).
#[derive(Clone, Debug, Default)]
pub struct ProjectFields {
    /// The name.
    pub name: Option<String>,
    /// Its share relative to other projects.
    pub credit_weight: Option<f64>,
    /// Runs at once.
    pub max_concurrent_agents: Option<u32>,
    /// Tokens within the rolling window; `Some(None)` clears it.
    pub budget_limit: Option<Option<u64>>,
    /// URL or path of its repository.
    pub repo_url: Option<String>,
    /// The branch work lands on; empty: found out from the repository.
    pub default_branch: Option<String>,
    /// Its Discord channel; `Some(None)` unlinks it.
    pub discord_channel_id: Option<Option<String>>,
    /// Commands that must pass for every task.
    pub test_commands: Option<Vec<String>>,
    /// The runtime its tasks prefer; `Some(None)` clears it.
    pub default_runtime: Option<Option<RuntimeKind>>,
    /// Longest run in milliseconds; `Some(None)` clears it.
    pub time_limit_ms: Option<Option<u64>>,
    /// Longest silence of a run in milliseconds; `Some(None)` clears it.
    pub silence_limit_ms: Option<Option<u64>>,
    /// How long a question may wait, in milliseconds; `Some(None)` clears it.
    pub question_timeout_ms: Option<Option<u64>>,
    /// What happens with plans; `Some(None)` clears it.
    pub plan_approval: Option<Option<PlanApproval>>,
    /// Whether a plan of a task that did work itself becomes no tasks.
    pub skip_plans_of_finished_work: Option<bool>,
    /// What becomes of tasks that its agents propose.
    pub proposals: Option<ProposalPolicy>,
    /// Who checks the work of tasks that say nothing about it.
    pub verification: Option<VerificationType>,
    /// The runtime of reviewers; `Some(None)` clears it.
    pub reviewer_runtime: Option<Option<RuntimeKind>>,
    /// The agent that reviews; `Some(None)` clears it.
    pub reviewer: Option<Option<AgentId>>,
}

fn lay(fields: &ProjectFields, project: &mut Project) -> Result<Vec<&'static str>, CommandError> {
    let mut changed = Vec::new();
    macro_rules! set {
        ($($field:ident),*) => {$(
            if let Some(value) = &fields.$field {
                changed.push(stringify!($field));
                project.$field.clone_from(value);
            }
        )*};
    }
    set!(
        name,
        credit_weight,
        max_concurrent_agents,
        budget_limit,
        repo_url,
        default_branch,
        discord_channel_id,
        test_commands,
        default_runtime,
        question_timeout_ms,
        plan_approval,
        skip_plans_of_finished_work,
        proposals,
        verification,
        reviewer_runtime,
        reviewer
    );
    if let Some(limit) = fields.time_limit_ms {
        changed.push("time_limit");
        project.limits.time_ms = limit;
    }
    if let Some(limit) = fields.silence_limit_ms {
        changed.push("silence_limit");
        project.limits.silence_ms = limit;
    }
    let mut wrong = Vec::new();
    for limit in project.limits.out_of_bounds() {
        wrong.push(Violation::new(limit, "must be from 1 second to 7 days; leave it out for the server's"));
    }
    if project.name.trim().is_empty() || project.name.chars().count() > 100 || project.name.chars().any(char::is_control) {
        wrong.push(Violation::new("name", "must be one line of 1 to 100 characters"));
    }
    if !project.credit_weight.is_finite() || !(0.0..=1_000_000.0).contains(&project.credit_weight) {
        wrong.push(Violation::new("credit_weight", "must be a number from 0 to 1000000"));
    }
    if project.max_concurrent_agents > MAX_CONCURRENT {
        wrong.push(Violation::new("max_concurrent_agents", format!("must be at most {MAX_CONCURRENT}; 0 starts nothing")));
    }
    if project.repo_url.starts_with('-') || project.repo_url.contains(['\0', '\n']) || project.repo_url.starts_with("ext::") {
        wrong.push(Violation::new("repo_url", "must be an https or ssh URL or an absolute path"));
    }
    if project.default_branch.starts_with('-') || project.default_branch.contains(['\0', ' ', '~', '^', ':', '\\', '\n']) {
        wrong.push(Violation::new("default_branch", "is not a branch name"));
    }
    if project.question_timeout_ms.is_some_and(|ms| !QUESTION_TIMEOUT_MS.contains(&ms)) {
        wrong.push(Violation::new("question_timeout", "must be from 1 second to 366 days"));
    }
    if wrong.is_empty() { Ok(changed) } else { Err(CommandError::Invalid(wrong)) }
}

fn reviewer_exists(tx: &Tx<'_>, fields: &ProjectFields) -> Result<(), CommandError> {
    match fields.reviewer.as_ref().and_then(Option::as_ref).filter(|agent| !tx.state.agents.contains_key(agent)) {
        Some(agent) => Err(CommandError::invalid("reviewer_agent_id", format!("there is no agent `{agent}`; see ListAgents"))),
        None => Ok(()),
    }
}

/// Creates a project. Its id is the slug of its name and is never used again, even after a deletion.
///
/// # Errors
/// [`CommandError::Exists`] for a name whose slug is taken.
pub fn create(tx: &mut Tx<'_>, context: &Context, fields: &ProjectFields) -> Result<Project, CommandError> {
    let name = fields.name.clone().unwrap_or_default();
    let slug = id_slug(&name).ok_or_else(|| CommandError::invalid("name", "holds no letter or digit; give the project a name"))?;
    let id = ProjectId::parse(&slug).map_err(|error| CommandError::id("name", &error))?;
    let mut new = Project::new(id.clone(), name, context.now);
    lay(fields, &mut new)?;
    reviewer_exists(tx, fields)?;
    match projects::insert(tx.db, &new) {
        Err(StoreError::Conflict(_)) => return Err(CommandError::Exists { kind: "project", id: id.to_string() }),
        other => other?,
    }
    tx.state.put_project(new.clone());
    announce(tx, EventKind::ProjectCreated, context.now, Subject::project(&id), json!({ "name": new.name, "actor": context.actor() }))?;
    Ok(new)
}

/// Changes fields of a project, all of them or none.
///
/// # Errors
/// [`CommandError::Invalid`] lists every wrong field.
pub fn edit(tx: &mut Tx<'_>, context: &Context, id: &ProjectId, fields: &ProjectFields) -> Result<Project, CommandError> {
    let mut changed = project(tx.state, context, id)?;
    let names = lay(fields, &mut changed)?;
    reviewer_exists(tx, fields)?;
    if names.is_empty() {
        return Err(CommandError::invalid("update_mask", "names no field that can be changed"));
    }
    save(tx, context, changed, EventKind::ProjectUpdated, json!({ "fields": names, "actor": context.actor() }))
}

fn save(
    tx: &mut Tx<'_>,
    context: &Context,
    mut changed: Project,
    kind: EventKind,
    mut payload: serde_json::Value,
) -> Result<Project, CommandError> {
    changed.updated_at = context.now;
    projects::update(tx.db, &changed)?;
    tx.state.put_project(changed.clone());
    if let Some(payload) = payload.as_object_mut() {
        payload.insert("name".to_owned(), changed.name.clone().into());
    }
    announce(tx, kind, context.now, Subject::project(&changed.id), payload)?;
    Ok(changed)
}

/// Pauses (`true`) or resumes a project. Running tasks go on. Saying it twice changes nothing.
///
/// # Errors
/// [`CommandError::NotFound`].
pub fn set_paused(tx: &mut Tx<'_>, context: &Context, id: &ProjectId, paused: bool) -> Result<Project, CommandError> {
    let mut changed = project(tx.state, context, id)?;
    let status = if paused { ProjectStatus::Paused } else { ProjectStatus::Active };
    if changed.status == status {
        return Ok(changed);
    }
    changed.status = status;
    let kind = if paused { EventKind::ProjectPaused } else { EventKind::ProjectResumed };
    save(tx, context, changed, kind, json!({ "actor": context.actor() }))
}

/// Deletes a project with its workspaces and all its tasks, archived ones too. Tasks of other projects no longer wait for them. What was spent stays
/// counted.
///
/// # Errors
/// [`CommandError::Precondition`] while tasks of it run.
pub fn delete(tx: &mut Tx<'_>, context: &Context, id: &ProjectId) -> Result<Project, CommandError> {
    let gone = project(tx.state, context, id)?;
    let open = tx.state.runs.values().filter(|run| run.project == *id).count();
    if open > 0 {
        return Err(CommandError::precondition("PROJECT_BUSY", format!("project `{id}` has {open} open runs; stop their tasks first")));
    }
    let waiting: u64 = tx
        .state
        .projects
        .get(id)
        .map_or(0, |state| state.counts.iter().filter(|(status, _)| !status.is_finished()).map(|(_, count)| *count).sum());
    if waiting > 0 {
        return Err(CommandError::precondition(
            "PROJECT_HAS_TASKS",
            format!("project `{id}` has {waiting} unfinished tasks; delete them first, or pause the project"),
        ));
    }
    let spaces: Vec<_> = tx.state.workspaces.values().filter(|space| space.project == *id).map(|space| space.id.clone()).collect();
    for space in spaces {
        workspaces::remove(tx.db, &space, context.now)?;
        tx.state.put_workspace(space, None);
    }
    let held = removal::waiting_elsewhere(tx.db, id)?;
    removal::remove_tasks(tx.db, id, context.now)?;
    for (key, gone) in held {
        let mut dependent = tasks::by_key(tx.db, key)?;
        dependent.unmet = dependent.unmet.saturating_sub(gone);
        tasks::set_unmet(tx.db, key, dependent.unmet)?;
        promote(tx, context, &mut dependent)?;
    }
    super::hooks::forget_project(tx, id)?;
    projects::delete(tx.db, id, context.now)?;
    tx.state.remove_project(id);
    announce(tx, EventKind::ProjectDeleted, context.now, Subject::project(id), json!({ "name": gone.name, "actor": context.actor() }))?;
    Ok(gone)
}
