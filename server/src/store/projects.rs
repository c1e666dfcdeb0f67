//! Projects.

use aq_core::ids::{AgentId, ProjectId};
use aq_core::project::{PlanApproval, Project, ProjectStatus, ProposalPolicy};
use aq_core::task::VerificationType;
use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::aside::Readable;
use super::columns;
use super::dialect::{Connection, queries};
use super::error::StoreError;
use super::schema::projects;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = projects, treat_none_as_null = true)]
struct Row {
    id: String,
    name: String,
    status: String,
    credit_weight: f64,
    max_concurrent_agents: i32,
    budget_limit: Option<i64>,
    repo_url: String,
    default_branch: String,
    discord_channel_id: Option<String>,
    test_commands: String,
    runtime: Option<String>,
    created_at: i64,
    updated_at: i64,
    deleted_at: Option<i64>,
    time_limit_ms: Option<i64>,
    silence_limit_ms: Option<i64>,
    question_timeout_ms: Option<i64>,
    plan_approval: Option<String>,
    proposals: String,
    verification: String,
    reviewer_runtime: Option<String>,
    reviewer: Option<String>,
    skip_plans_of_finished_work: bool,
}

impl TryFrom<Row> for Project {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: ProjectId::from_trusted(&row.id),
            name: row.name,
            credit_weight: row.credit_weight,
            max_concurrent_agents: columns::small("projects.max_concurrent_agents", row.max_concurrent_agents)?,
            status: columns::read("projects.status", &row.status, ProjectStatus::parse)?,
            budget_limit: row.budget_limit.map(|limit| columns::count("projects.budget_limit", limit)).transpose()?,
            repo_url: row.repo_url,
            default_branch: row.default_branch,
            discord_channel_id: row.discord_channel_id,
            test_commands: columns::json("projects.test_commands", &row.test_commands)?,
            default_runtime: row.runtime.as_deref().map(|text| columns::runtime("projects.runtime", text)).transpose()?,
            limits: columns::limits("projects", row.time_limit_ms, row.silence_limit_ms)?,
            question_timeout_ms: row.question_timeout_ms.map(|ms| columns::count("projects.question_timeout_ms", ms)).transpose()?,
            plan_approval: columns::read_optional("projects.plan_approval", row.plan_approval.as_deref(), PlanApproval::parse)?,
            proposals: columns::read("projects.proposals", &row.proposals, ProposalPolicy::parse)?,
            verification: columns::read("projects.verification", &row.verification, VerificationType::parse)?,
            reviewer_runtime: row
                .reviewer_runtime
                .as_deref()
                .map(|text| columns::runtime("projects.reviewer_runtime", text))
                .transpose()?,
            reviewer: row.reviewer.as_deref().map(AgentId::from_trusted),
            skip_plans_of_finished_work: row.skip_plans_of_finished_work,
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        })
    }
}

impl From<&Project> for Row {
    fn from(project: &Project) -> Self {
        Self {
            id: project.id.as_str().to_owned(),
            name: project.name.clone(),
            status: project.status.as_str().to_owned(),
            credit_weight: project.credit_weight,
            max_concurrent_agents: columns::int(project.max_concurrent_agents),
            budget_limit: project.budget_limit.map(columns::big),
            repo_url: project.repo_url.clone(),
            default_branch: project.default_branch.clone(),
            discord_channel_id: project.discord_channel_id.clone(),
            test_commands: columns::to_json(&project.test_commands),
            runtime: project.default_runtime.map(|runtime| runtime.as_str().to_owned()),
            created_at: project.created_at.as_millis(),
            updated_at: project.updated_at.as_millis(),
            deleted_at: None,
            time_limit_ms: project.limits.time_ms.map(columns::big),
            silence_limit_ms: project.limits.silence_ms.map(columns::big),
            question_timeout_ms: project.question_timeout_ms.map(columns::big),
            plan_approval: project.plan_approval.map(|rule| rule.as_str().to_owned()),
            proposals: project.proposals.as_str().to_owned(),
            verification: project.verification.as_str().to_owned(),
            reviewer_runtime: project.reviewer_runtime.map(|runtime| runtime.as_str().to_owned()),
            reviewer: project.reviewer.as_ref().map(|agent| agent.as_str().to_owned()),
            skip_plans_of_finished_work: project.skip_plans_of_finished_work,
        }
    }
}

/// The projects that can be read, oldest first.
///
/// # Errors
/// Whatever the database answers.
pub fn all(connection: &mut Connection) -> Result<Vec<Project>, StoreError> {
    Ok(readable(connection)?.rows)
}

queries! {
    /// Adds a project. [`StoreError::Conflict`] when its id was used before, by a deleted project too.
    pub fn insert(connection, project: &Project) -> Result<(), StoreError> {
        diesel::insert_into(projects::table).values(Row::from(project)).execute(connection)?;
        Ok(())
    }

    /// Writes a project that was read before.
    pub fn update(connection, project: &Project) -> Result<(), StoreError> {
        let changed = diesel::update(projects::table.find(project.id.as_str())).set(Row::from(project)).execute(connection)?;
        if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }

    /// Every project that was not deleted, by creation.
    pub fn readable(connection) -> Result<Readable<Project>, StoreError> {
        let rows: Vec<Row> = projects::table
            .filter(projects::deleted_at.is_null())
            .order((projects::created_at, projects::id))
            .select(Row::as_select())
            .load(connection)?;
        let mut found = Readable::default();
        for row in rows {
            let id = row.id.clone();
            found.take(|| format!("project {id}"), Project::try_from(row))?;
        }
        Ok(found)
    }

    /// Marks a project as deleted; its id stays taken.
    pub fn delete(connection, id: &ProjectId, now: Timestamp) -> Result<(), StoreError> {
        let changed = diesel::update(projects::table.filter(projects::id.eq(id.as_str()).and(projects::deleted_at.is_null())))
            .set((projects::deleted_at.eq(now.as_millis()), projects::updated_at.eq(now.as_millis())))
            .execute(connection)?;
        if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }
}
