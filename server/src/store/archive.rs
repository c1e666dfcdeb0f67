//! Archiving: a mark on the task's row. Edges, runs, ledger and texts stay where they are, so a restored task has lost nothing.
//!
//! Whether a task may be archived now lives in `commands`; the figures that change with it in `lifecycle`.

use aq_core::ids::{ProjectId, TaskId};
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::columns;
use super::dependencies::TaskLink;
use super::dialect::{Connection, queries};
use super::error::StoreError;
use super::schema::tasks;

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = BigInt)]
    key: i64,
}

#[derive(QueryableByName)]
struct LinkRow {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Text)]
    status: String,
}

fn links(rows: Vec<LinkRow>) -> Result<Vec<TaskLink>, StoreError> {
    rows.into_iter()
        .map(|row| {
            let status = columns::read("tasks.status", &row.status, TaskStatus::parse)?;
            Ok(TaskLink { key: row.key, id: TaskId::from_trusted(&row.id), title: row.title, status })
        })
        .collect()
}

/// The statuses that may be archived among `statuses`, as a list for SQL. The texts are our own.
fn listed(statuses: &[TaskStatus]) -> String {
    let finished = statuses.iter().filter(|status| status.is_finished());
    finished.map(|status| format!("'{}'", status.as_str())).collect::<Vec<_>>().join(", ")
}

/// Archives a finished task; false when it is archived, deleted, or not finished (any more).
///
/// # Errors
/// Whatever the database answers.
pub fn archive(connection: &mut Connection, key: i64, now: Timestamp) -> Result<bool, StoreError> {
    connection.touched.keys.push(key);
    set_archived(connection, key, now)
}

/// Takes a task out of the archive; its status is set by `lifecycle`. False when it is not there.
///
/// # Errors
/// Whatever the database answers.
pub fn unarchive(connection: &mut Connection, key: i64, now: Timestamp) -> Result<bool, StoreError> {
    connection.touched.keys.push(key);
    set_unarchived(connection, key, now)
}

queries! {
    fn set_archived(connection, key: i64, now: Timestamp) -> Result<bool, StoreError> {
        let finished = [TaskStatus::Completed.as_str(), TaskStatus::Failed.as_str(), TaskStatus::Blocked.as_str()];
        let wanted = tasks::key.eq(key)
            .and(tasks::status.eq_any(finished))
            .and(tasks::archived_at.is_null())
            .and(tasks::deleted_at.is_null());
        let changed = diesel::update(tasks::table.filter(wanted))
            .set((tasks::archived_at.eq(now.as_millis()), tasks::updated_at.eq(now.as_millis())))
            .execute(connection)?;
        Ok(changed == 1)
    }

    fn set_unarchived(connection, key: i64, now: Timestamp) -> Result<bool, StoreError> {
        let wanted = tasks::key.eq(key).and(tasks::archived_at.is_not_null()).and(tasks::deleted_at.is_null());
        let changed = diesel::update(tasks::table.filter(wanted))
            .set((tasks::archived_at.eq(None::<i64>), tasks::updated_at.eq(now.as_millis())))
            .execute(connection)?;
        Ok(changed == 1)
    }

    /// Tasks that a sweep may archive: in one of `statuses`, not changed since `before`, without an unfinished subtask, without an open run, no step
    /// beside one that is not COMPLETED,
    /// and, unless COMPLETED, without an unfinished task that waits for them. By key, behind `after`, at most `limit`; no status, no task
    /// (F-033).
    pub fn candidates(
        connection,
        project: Option<&ProjectId>,
        statuses: &[TaskStatus],
        before: Timestamp,
        after: i64,
        limit: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let listed = listed(statuses);
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<KeyRow> = diesel::sql_query(format!(
            "SELECT t.key FROM tasks t WHERE t.status IN ({listed}) AND t.updated_at <= $1 AND t.key > $2 \
               AND t.archived_at IS NULL AND t.deleted_at IS NULL \
               AND NOT EXISTS (SELECT 1 FROM tasks c WHERE c.parent_key = t.key AND c.deleted_at IS NULL \
                 AND c.status NOT IN ('COMPLETED', 'FAILED', 'BLOCKED')) \
               AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.task_key = t.key AND r.state <> 'ENDED') \
               AND (t.status = 'COMPLETED' OR NOT EXISTS (SELECT 1 FROM task_dependencies d JOIN tasks w ON w.key = d.task_key \
                 WHERE d.depends_on_key = t.key AND w.deleted_at IS NULL AND w.status NOT IN ('COMPLETED', 'FAILED', 'BLOCKED'))) \
               AND NOT (t.is_plan_subtask AND EXISTS (SELECT 1 FROM tasks s WHERE s.parent_key = t.parent_key AND s.key <> t.key \
                 AND s.is_plan_subtask AND s.deleted_at IS NULL AND s.status <> 'COMPLETED')) \
               AND ($3 = '' OR t.project_id = $3) ORDER BY t.key LIMIT $4",
        ))
        .bind::<BigInt, _>(before.as_millis())
        .bind::<BigInt, _>(after)
        .bind::<Text, _>(project.map_or("", ProjectId::as_str))
        .bind::<BigInt, _>(limit)
        .load(connection)?;
        Ok(rows.into_iter().map(|row| row.key).collect())
    }

    /// Finished tasks of a project that are not in the archive, in one of `statuses`, by age, at most `limit`.
    pub fn finished(connection, project: &ProjectId, statuses: &[TaskStatus], limit: i64) -> Result<Vec<i64>, StoreError> {
        Ok(tasks::table
            .filter(tasks::project_id.eq(project.as_str()))
            .filter(tasks::status.eq_any(statuses.iter().filter(|status| status.is_finished()).map(|status| status.as_str())))
            .filter(tasks::archived_at.is_null().and(tasks::deleted_at.is_null()))
            .order(tasks::key)
            .limit(limit)
            .select(tasks::key)
            .load(connection)?)
    }

    /// Subtasks of a task that are not finished, by key, at most `limit` (D-27).
    pub fn open_subtasks(connection, key: i64, limit: i64) -> Result<Vec<TaskLink>, StoreError> {
        let rows: Vec<LinkRow> = diesel::sql_query(
            "SELECT key, id, title, status FROM tasks WHERE parent_key = $1 AND deleted_at IS NULL \
               AND status NOT IN ('COMPLETED', 'FAILED', 'BLOCKED') ORDER BY key LIMIT $2",
        )
        .bind::<BigInt, _>(key)
        .bind::<BigInt, _>(limit)
        .load(connection)?;
        links(rows)
    }

    /// Unfinished tasks that wait for a task directly, by key, at most `limit` (D-29).
    pub fn waiting(connection, key: i64, limit: i64) -> Result<Vec<TaskLink>, StoreError> {
        let rows: Vec<LinkRow> = diesel::sql_query(
            "SELECT t.key, t.id, t.title, t.status FROM task_dependencies d JOIN tasks t ON t.key = d.task_key \
               WHERE d.depends_on_key = $1 AND t.deleted_at IS NULL AND t.status NOT IN ('COMPLETED', 'FAILED', 'BLOCKED') \
               ORDER BY t.key LIMIT $2",
        )
        .bind::<BigInt, _>(key)
        .bind::<BigInt, _>(limit)
        .load(connection)?;
        links(rows)
    }

    /// How many tasks are in the archive.
    pub fn count(connection, projects: Option<&[ProjectId]>) -> Result<u64, StoreError> {
        let mut query = tasks::table
            .filter(tasks::archived_at.is_not_null().and(tasks::deleted_at.is_null()))
            .select(diesel::dsl::count_star())
            .into_boxed();
        if let Some(projects) = projects {
            query = query.filter(tasks::project_id.eq_any(projects.iter().map(ProjectId::as_str)));
        }
        columns::count("tasks", query.first(connection)?)
    }
}
