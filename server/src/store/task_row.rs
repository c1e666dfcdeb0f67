//! The row of a task and the record made of it. How rows are read and written lives in `tasks`.

use aq_core::ids::{AgentId, ProjectId, TaskId};
use aq_core::runtime::RuntimeKind;
use aq_core::task::{BlockedReason, ReviewDue, Task, TaskOrigin, TaskStatus, TaskType, VerificationType};
use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::aside::Readable;
use super::columns;
use super::error::StoreError;
use super::schema::tasks;

/// A stored task: the domain's record and what only the store knows of it. Attachments are read separately.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRecord {
    /// The row's key; grows with creation and is never reused.
    pub key: i64,
    /// The parent's key.
    pub parent_key: Option<i64>,
    /// How many of its dependencies are not COMPLETED.
    pub unmet: u32,
    /// The last failures, newest first, for the rule of three equal ones.
    pub failure: Option<String>,
    /// When it was deleted; a deleted task keeps its name and nothing else that is shown.
    pub deleted_at: Option<Timestamp>,
    /// The task.
    pub task: Task,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = tasks, treat_none_as_default_value = false)]
pub(super) struct Row {
    pub(super) key: i64,
    pub(super) id: String,
    project_id: String,
    parent_key: Option<i64>,
    title: String,
    description: String,
    pub(super) priority: i32,
    status: String,
    blocked_reason: Option<String>,
    task_type: Option<String>,
    verification: String,
    runtime: Option<String>,
    preferred_agent: Option<String>,
    agent_id: Option<String>,
    run_number: i32,
    retry_count: i32,
    max_retries: i32,
    unmet_deps: i32,
    branch: Option<String>,
    session_id: Option<String>,
    resume_after: Option<i64>,
    requires_approval: bool,
    pr_url: Option<String>,
    plan_source: Option<String>,
    is_plan_subtask: bool,
    test_commands: String,
    budget_tokens: Option<i64>,
    origin: String,
    failure: Option<String>,
    created_at: i64,
    pub(super) updated_at: i64,
    pub(super) archived_at: Option<i64>,
    deleted_at: Option<i64>,
    time_limit_ms: Option<i64>,
    silence_limit_ms: Option<i64>,
    model: Option<String>,
    needs: String,
    fallback: String,
    filler: bool,
    review: Option<String>,
}

impl TryFrom<Row> for TaskRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: row.key,
            parent_key: row.parent_key,
            unmet: columns::small("tasks.unmet_deps", row.unmet_deps)?,
            failure: row.failure,
            deleted_at: columns::instant(row.deleted_at),
            task: Task {
                id: TaskId::from_trusted(&row.id),
                project: ProjectId::from_trusted(&row.project_id),
                title: row.title,
                description: row.description,
                priority: row.priority,
                status: columns::read("tasks.status", &row.status, TaskStatus::parse)?,
                blocked_reason: columns::read_optional("tasks.blocked_reason", row.blocked_reason.as_deref(), BlockedReason::parse)?,
                task_type: columns::read_optional("tasks.task_type", row.task_type.as_deref(), TaskType::parse)?,
                verification: columns::read("tasks.verification", &row.verification, VerificationType::parse)?,
                test_commands: columns::json("tasks.test_commands", &row.test_commands)?,
                attachments: Vec::new(),
                retry_count: columns::small("tasks.retry_count", row.retry_count)?,
                max_retries: columns::small("tasks.max_retries", row.max_retries)?,
                parent: None,
                is_plan_subtask: row.is_plan_subtask,
                plan_source: row.plan_source,
                runtime: row.runtime.as_deref().map(|text| columns::runtime("tasks.runtime", text)).transpose()?,
                fallback: columns::runtimes("tasks.fallback", &row.fallback)?,
                filler: row.filler,
                review: row.review.as_deref().map(review).transpose()?,
                model: row.model,
                preferred_agent: row.preferred_agent.as_deref().map(AgentId::from_trusted),
                assigned_agent: row.agent_id.as_deref().map(AgentId::from_trusted),
                run_number: columns::small("tasks.run_number", row.run_number)?,
                session_id: row.session_id,
                branch: row.branch,
                resume_after: columns::instant(row.resume_after),
                requires_approval: row.requires_approval,
                pr_url: row.pr_url,
                budget_tokens: row.budget_tokens.map(|tokens| columns::count("tasks.budget_tokens", tokens)).transpose()?,
                limits: columns::limits("tasks", row.time_limit_ms, row.silence_limit_ms)?,
                origin: columns::read("tasks.origin", &row.origin, TaskOrigin::parse)?,
                created_at: Timestamp::from_millis(row.created_at),
                updated_at: Timestamp::from_millis(row.updated_at),
                archived_at: columns::instant(row.archived_at),
            },
        })
    }
}

/// Those of these rows that can be read, in their order; the others by their ids.
pub(super) fn readable(rows: Vec<Row>) -> Result<Readable<TaskRecord>, StoreError> {
    let mut found = Readable::default();
    for row in rows {
        let id = row.id.clone();
        found.take(|| id, TaskRecord::try_from(row))?;
    }
    Ok(found)
}

impl From<&TaskRecord> for Row {
    fn from(record: &TaskRecord) -> Self {
        let task = &record.task;
        Self {
            key: record.key,
            id: task.id.as_str().to_owned(),
            project_id: task.project.as_str().to_owned(),
            parent_key: record.parent_key,
            title: task.title.clone(),
            description: task.description.clone(),
            priority: task.priority,
            status: task.status.as_str().to_owned(),
            blocked_reason: task.blocked_reason.map(|reason| reason.as_str().to_owned()),
            task_type: task.task_type.map(|kind| kind.as_str().to_owned()),
            verification: task.verification.as_str().to_owned(),
            runtime: task.runtime.map(|runtime| runtime.as_str().to_owned()),
            preferred_agent: task.preferred_agent.as_ref().map(|agent| agent.as_str().to_owned()),
            agent_id: task.assigned_agent.as_ref().map(|agent| agent.as_str().to_owned()),
            run_number: columns::int(task.run_number),
            retry_count: columns::int(task.retry_count),
            max_retries: columns::int(task.max_retries),
            unmet_deps: columns::int(record.unmet),
            branch: task.branch.clone(),
            session_id: task.session_id.clone(),
            resume_after: task.resume_after.map(Timestamp::as_millis),
            requires_approval: task.requires_approval,
            pr_url: task.pr_url.clone(),
            plan_source: task.plan_source.clone(),
            is_plan_subtask: task.is_plan_subtask,
            test_commands: columns::to_json(&task.test_commands),
            budget_tokens: task.budget_tokens.map(columns::big),
            origin: task.origin.as_str().to_owned(),
            failure: record.failure.clone(),
            created_at: task.created_at.as_millis(),
            updated_at: task.updated_at.as_millis(),
            archived_at: task.archived_at.map(Timestamp::as_millis),
            deleted_at: record.deleted_at.map(Timestamp::as_millis),
            time_limit_ms: task.limits.time_ms.map(columns::big),
            silence_limit_ms: task.limits.silence_ms.map(columns::big),
            model: task.model.clone(),
            needs: task.needs().to_string(),
            fallback: columns::to_runtimes(task.fallback),
            filler: task.filler,
            review: task.review.map(review_text),
        }
    }
}

/// Reads a review that is due: the runtime of the reviewer, or nothing for the task's.
fn review(text: &str) -> Result<ReviewDue, StoreError> {
    let runtime = if text.is_empty() { None } else { Some(columns::runtime("tasks.review", text)?) };
    Ok(ReviewDue { runtime })
}

/// The stored form of a review that is due.
pub(super) fn review_text(review: ReviewDue) -> String {
    review.runtime.map_or("", RuntimeKind::as_str).to_owned()
}
