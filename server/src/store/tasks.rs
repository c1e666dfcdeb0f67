//! Tasks: how rows are read and written, and the compare-and-set through which every change of a status goes.
//!
//! Which change is allowed lives in `lifecycle`; the rows themselves live in `task_row`, lists and trees for people in `task_lists`.

use std::collections::BTreeMap;

use aq_core::ids::{AgentId, ProjectId, TaskId};
use aq_core::runtime::RuntimeKind;
use aq_core::task::{BlockedReason, Needs, TaskStatus, TaskType};
use aq_core::time::Timestamp;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::aside::Readable;
use super::columns;
use super::dialect::{Connection, queries};
use super::error::StoreError;
use super::kept::changed;
use super::partial::among;
use super::schema::tasks;
pub use super::task_row::TaskRecord;
use super::task_row::review_text;
pub(super) use super::task_row::{Row, readable};

diesel::define_sql_function! {
    /// The text in capitals. A status is in capitals anyway: compared through this, SQLite does not plan the statement again for each value, as it does
    /// where a partial index has a condition on the same column.
    fn upper(text: Text) -> Text;
}

/// What a task that is about to start says of its agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskWish {
    /// The row's key.
    pub key: i64,
    /// The agent it prefers for its work.
    pub agent: Option<AgentId>,
    /// What it asks of its agent.
    pub needs: Needs,
    /// True when its next run is a review: the project's reviewer is preferred then.
    pub review: bool,
    /// Its newest run, with whose agent a session may lie; 0: it has not run.
    pub run_number: u32,
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
    needs: String,
    review: Option<String>,
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
    needs: String,
    fallback: String,
    filler: bool,
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

/// The tasks of these keys, in no particular order; missing ones are left out.
///
/// # Errors
/// Whatever the database answers, and the first row that cannot be read: what decides must know all of them.
pub fn by_keys(connection: &mut Connection, keys: &[i64]) -> Result<Vec<TaskRecord>, StoreError> {
    rows(connection, keys)?.into_iter().map(TaskRecord::try_from).collect()
}

/// The tasks of these keys that can be read, by key, for what is only shown (store R24).
///
/// # Errors
/// Whatever the database answers.
pub fn shown_by_key(connection: &mut Connection, keys: &[i64]) -> Result<BTreeMap<i64, TaskRecord>, StoreError> {
    Ok(readable(rows(connection, keys)?)?.rows.into_iter().map(|record| (record.key, record)).collect())
}

/// The tasks of a status that can be read, by key.
///
/// # Errors
/// Whatever the database answers.
pub fn in_status(connection: &mut Connection, status: TaskStatus) -> Result<Vec<TaskRecord>, StoreError> {
    Ok(readable_in_status(connection, status)?.rows)
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

    fn rows(connection, keys: &[i64]) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        // SQLite refuses statements with very many parameters.
        for part in keys.chunks(500) {
            found.extend(tasks::table.filter(tasks::key.eq_any(part)).select(Row::as_select()).load(connection)?);
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
            needs: task.needs().to_string(),
            review: task.review.map(review_text),
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
                needs: task.needs().to_string(),
                fallback: columns::to_runtimes(task.fallback),
                filler: task.filler,
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

    /// What these tasks say of their agents, where they say anything or have run before.
    pub fn wishes(connection, keys: &[i64]) -> Result<Vec<TaskWish>, StoreError> {
        let mut found = Vec::new();
        // One by one: a statement for so many keys would be prepared anew each time, and mostly there is one.
        for key in keys {
            let wish: Option<(Option<String>, String, Option<String>, i32)> = tasks::table
                .find(key)
                .select((tasks::preferred_agent, tasks::needs, tasks::review, tasks::run_number))
                .get_result(connection)
                .optional()?;
            let says = |(agent, _, review, run): &(Option<String>, String, Option<String>, i32)| {
                agent.is_some() || review.is_some() || *run > 0
            };
            let Some((agent, needs, review, run)) = wish.filter(says) else { continue };
            // One that cannot be read wishes nothing; its start is refused by itself.
            let (Some(needs), Ok(run_number)) = (Needs::parse(&needs), u32::try_from(run)) else { continue };
            let agent = agent.as_deref().map(AgentId::from_trusted);
            found.push(TaskWish { key: *key, agent, needs, review: review.is_some(), run_number });
        }
        Ok(found)
    }

    /// The tasks of a status, by key. Cheap for every status but COMPLETED, however many tasks of other statuses there are.
    pub fn readable_in_status(connection, status: TaskStatus) -> Result<Readable<TaskRecord>, StoreError> {
        let rows: Vec<Row> = tasks::table
            .filter(sql::<Bool>(among(status)))
            .filter(tasks::status.eq(status.as_str()).and(tasks::deleted_at.is_null()))
            .order(tasks::key)
            .select(Row::as_select())
            .load(connection)?;
        let mut found = Readable::default();
        for row in rows {
            let (key, id) = (row.key, row.id.clone());
            found.take(|| format!("task {id} (key {key})"), TaskRecord::try_from(row))?;
        }
        Ok(found)
    }

    /// Tasks of a project in a status that have a branch, oldest first, at most `limit`.
    pub fn with_branch(connection, project: &ProjectId, status: TaskStatus, limit: usize) -> Result<Vec<TaskRecord>, StoreError> {
        let rows = tasks::table
            .filter(sql::<Bool>(among(status)))
            .filter(tasks::project_id.eq(project.as_str()).and(tasks::status.eq(status.as_str())))
            .filter(tasks::branch.is_not_null().and(tasks::deleted_at.is_null()).and(tasks::archived_at.is_null()))
            .order(tasks::key)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(TaskRecord::try_from).collect()
    }
}
