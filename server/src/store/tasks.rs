//! Tasks: rows, conversions, and the compare-and-set through which every change of a status goes.
//!
//! Which change is allowed lives in `lifecycle`; lists and trees for people live in `task_lists`.

use aq_core::ids::{AgentId, ProjectId, TaskId};
use aq_core::runtime::RuntimeKind;
use aq_core::task::{BlockedReason, Task, TaskOrigin, TaskStatus, TaskType, VerificationType};
use aq_core::time::Timestamp;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::columns;
use super::dialect::{Connection, queries};
use super::error::StoreError;
use super::kept::changed;
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
    key: i64,
    id: String,
    project_id: String,
    parent_key: Option<i64>,
    title: String,
    description: String,
    priority: i32,
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
    updated_at: i64,
    archived_at: Option<i64>,
    deleted_at: Option<i64>,
    time_limit_ms: Option<i64>,
    silence_limit_ms: Option<i64>,
    model: Option<String>,
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
        }
    }
}

diesel::define_sql_function! {
    /// The text in capitals. A status is in capitals anyway: compared through this, SQLite does not plan the statement again for each value, as it does
    /// where a partial index has a condition on the same column.
    fn upper(text: Text) -> Text;
}

/// The columns that a move writes. Everything a status implies is written with it, so that no row ever holds half a move.
#[derive(AsChangeset)]
#[diesel(table_name = tasks, treat_none_as_null = true)]
struct MoveRow<'a> {
    status: &'a str,
    blocked_reason: Option<&'a str>,
    agent_id: Option<&'a str>,
    run_number: i32,
    retry_count: i32,
    branch: Option<&'a str>,
    session_id: Option<&'a str>,
    resume_after: Option<i64>,
    pr_url: Option<&'a str>,
    failure: Option<&'a str>,
    updated_at: i64,
}

/// The columns that a person edits.
#[derive(AsChangeset)]
#[diesel(table_name = tasks, treat_none_as_null = true)]
struct EditRow<'a> {
    title: &'a str,
    description: &'a str,
    priority: i32,
    task_type: Option<&'a str>,
    verification: &'a str,
    runtime: Option<&'a str>,
    preferred_agent: Option<&'a str>,
    max_retries: i32,
    requires_approval: bool,
    test_commands: String,
    budget_tokens: Option<i64>,
    model: Option<&'a str>,
    updated_at: i64,
    archived_at: Option<i64>,
    deleted_at: Option<i64>,
    time_limit_ms: Option<i64>,
    silence_limit_ms: Option<i64>,
}

/// Writes a move if the task still has the status and the run number it was read with; false when somebody was faster.
///
/// # Errors
/// Whatever the database answers.
pub fn compare_and_set(connection: &mut Connection, record: &TaskRecord, from: TaskStatus, from_run: u32) -> Result<bool, StoreError> {
    connection.touched.keys.push(record.key);
    write_move(connection, record, from, from_run)
}

/// Writes what a person may edit. Never touches the status.
///
/// # Errors
/// Whatever the database answers.
pub fn edit(connection: &mut Connection, record: &TaskRecord) -> Result<(), StoreError> {
    connection.touched.keys.push(record.key);
    write_edit(connection, record)
}

/// Writes where the task's work is: its branch and its pull request.
///
/// # Errors
/// Whatever the database answers.
pub fn set_place(connection: &mut Connection, record: &TaskRecord) -> Result<(), StoreError> {
    connection.touched.keys.push(record.key);
    write_place(connection, record)
}

/// Keeps only the name of a deleted task.
///
/// # Errors
/// Whatever the database answers.
pub fn forget_texts(connection: &mut Connection, key: i64) -> Result<(), StoreError> {
    connection.touched.keys.push(key);
    write_no_texts(connection, key)
}

/// Sets the number of unmet dependencies.
///
/// # Errors
/// Whatever the database answers.
pub fn set_unmet(connection: &mut Connection, key: i64, unmet: u32) -> Result<(), StoreError> {
    connection.touched.keys.push(key);
    write_unmet(connection, key, unmet)
}

queries! {
    /// Adds a task. [`StoreError::Conflict`] when its name was used before.
    pub fn insert(connection, record: &TaskRecord) -> Result<(), StoreError> {
        diesel::insert_into(tasks::table).values(Row::from(record)).execute(connection)?;
        Ok(())
    }

    /// The task of this name; `None` when there is none or it was deleted.
    pub fn by_id(connection, id: &TaskId) -> Result<Option<TaskRecord>, StoreError> {
        let row = tasks::table
            .filter(tasks::id.eq(id.as_str()).and(tasks::deleted_at.is_null()))
            .select(Row::as_select())
            .get_result(connection)
            .optional()?;
        row.map(TaskRecord::try_from).transpose()
    }

    /// The task of this key. [`StoreError::NotFound`] when there is none.
    pub fn by_key(connection, key: i64) -> Result<TaskRecord, StoreError> {
        tasks::table.find(key).select(Row::as_select()).get_result(connection)?.try_into()
    }

    /// The tasks of these keys, in no particular order; missing ones are left out.
    pub fn by_keys(connection, keys: &[i64]) -> Result<Vec<TaskRecord>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        // SQLite refuses statements with very many parameters.
        for part in keys.chunks(500) {
            let rows = tasks::table.filter(tasks::key.eq_any(part)).select(Row::as_select()).load(connection)?;
            for row in rows {
                found.push(row.try_into()?);
            }
        }
        Ok(found)
    }

    /// True when the name was ever used.
    pub fn name_used(connection, id: &str) -> Result<bool, StoreError> {
        let used: Option<i64> = tasks::table.filter(tasks::id.eq(id)).select(tasks::key).get_result(connection).optional()?;
        Ok(used.is_some())
    }

    fn write_move(connection, record: &TaskRecord, from: TaskStatus, from_run: u32) -> Result<bool, StoreError> {
        let task = &record.task;
        let unmoved = tasks::key.eq(record.key).and(upper(tasks::status).eq(from.as_str())).and(tasks::run_number.eq(columns::int(from_run)));
        let moved = MoveRow {
            status: task.status.as_str(),
            blocked_reason: task.blocked_reason.map(BlockedReason::as_str),
            agent_id: task.assigned_agent.as_ref().map(AgentId::as_str),
            run_number: columns::int(task.run_number),
            retry_count: columns::int(task.retry_count),
            branch: task.branch.as_deref(),
            session_id: task.session_id.as_deref(),
            resume_after: task.resume_after.map(Timestamp::as_millis),
            pr_url: task.pr_url.as_deref(),
            failure: record.failure.as_deref(),
            updated_at: task.updated_at.as_millis(),
        };
        Ok(changed!(tasks, unmoved, moved).execute(connection)? == 1)
    }

    fn write_edit(connection, record: &TaskRecord) -> Result<(), StoreError> {
        let task = &record.task;
        diesel::update(tasks::table.find(record.key))
            .set(EditRow {
                title: &task.title,
                description: &task.description,
                priority: task.priority,
                task_type: task.task_type.map(TaskType::as_str),
                verification: task.verification.as_str(),
                runtime: task.runtime.map(RuntimeKind::as_str),
                preferred_agent: task.preferred_agent.as_ref().map(AgentId::as_str),
                max_retries: columns::int(task.max_retries),
                requires_approval: task.requires_approval,
                test_commands: columns::to_json(&task.test_commands),
                budget_tokens: task.budget_tokens.map(columns::big),
                model: task.model.as_deref(),
                updated_at: task.updated_at.as_millis(),
                archived_at: task.archived_at.map(Timestamp::as_millis),
                deleted_at: record.deleted_at.map(Timestamp::as_millis),
                time_limit_ms: task.limits.time_ms.map(columns::big),
                silence_limit_ms: task.limits.silence_ms.map(columns::big),
            })
            .execute(connection)?;
        Ok(())
    }

    fn write_place(connection, record: &TaskRecord) -> Result<(), StoreError> {
        let place = (tasks::branch.eq(record.task.branch.as_deref()), tasks::pr_url.eq(record.task.pr_url.as_deref()));
        diesel::update(tasks::table.find(record.key)).set(place).execute(connection)?;
        Ok(())
    }

    fn write_no_texts(connection, key: i64) -> Result<(), StoreError> {
        diesel::update(tasks::table.find(key)).set((tasks::title.eq(""), tasks::description.eq(""))).execute(connection)?;
        Ok(())
    }

    fn write_unmet(connection, key: i64, unmet: u32) -> Result<(), StoreError> {
        diesel::update(tasks::table.find(key)).set(tasks::unmet_deps.eq(columns::int(unmet))).execute(connection)?;
        Ok(())
    }

    /// A task's name, project and title as they are stored, for telling of a row that cannot be read as a whole.
    pub fn label(connection, key: i64) -> Result<Option<(String, String, String)>, StoreError> {
        Ok(tasks::table.find(key).select((tasks::id, tasks::project_id, tasks::title)).get_result(connection).optional()?)
    }

    /// The agents that these tasks prefer, with the runtime they need: key, agent, runtime. Tasks that prefer nobody are left out.
    pub fn wishes(connection, keys: &[i64]) -> Result<Vec<(i64, String, Option<String>)>, StoreError> {
        let mut found = Vec::new();
        // One by one: a statement for so many keys would be prepared anew each time, and mostly there is one.
        for key in keys {
            let wish: Option<(Option<String>, Option<String>)> =
                tasks::table.find(key).select((tasks::preferred_agent, tasks::runtime)).get_result(connection).optional()?;
            found.extend(wish.and_then(|(agent, runtime)| Some((*key, agent?, runtime))));
        }
        Ok(found)
    }

    /// The tasks of a status, by key.
    pub fn in_status(connection, status: TaskStatus) -> Result<Vec<TaskRecord>, StoreError> {
        let rows = tasks::table
            .filter(tasks::status.eq(status.as_str()).and(tasks::deleted_at.is_null()))
            .order(tasks::key)
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(TaskRecord::try_from).collect()
    }

    /// Tasks of a project in a status that have a branch, oldest first, at most `limit`.
    pub fn with_branch(connection, project: &ProjectId, status: TaskStatus, limit: usize) -> Result<Vec<TaskRecord>, StoreError> {
        let rows = tasks::table
            .filter(tasks::project_id.eq(project.as_str()).and(tasks::status.eq(status.as_str())))
            .filter(tasks::branch.is_not_null().and(tasks::deleted_at.is_null()).and(tasks::archived_at.is_null()))
            .order(tasks::key)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(TaskRecord::try_from).collect()
    }
}
