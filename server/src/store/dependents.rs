//! What others wait for: counting down and up on the tasks that wait, when a task completes and when it is completed no more.
//!
//! The edges themselves live in `dependencies`.

use aq_core::ids::{ProjectId, TaskId};
use aq_core::task::{Needs, TaskStatus};
use aq_core::time::Timestamp;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};

use super::columns;
use super::dialect::{Connection, queries};
use super::error::StoreError;
use super::kept::kept;
use super::schema::{task_dependencies, tasks};
use super::tasks::{Row, TaskRecord};

/// A task that became READY because its last dependency was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promoted {
    /// The row's key.
    pub key: i64,
    /// The task.
    pub id: TaskId,
    /// Its project.
    pub project: ProjectId,
    /// What it asks of its agent.
    pub needs: Needs,
    /// Its priority.
    pub priority: i32,
    /// Its title.
    pub title: String,
    /// Its branch, when it has one already.
    pub branch: Option<String>,
}

/// A row whose dependency was met, as it is after that.
#[derive(QueryableByName)]
struct FreedRow {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    project_id: String,
    #[diesel(sql_type = Text)]
    needs: String,
    #[diesel(sql_type = Integer)]
    priority: i32,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Nullable<Text>)]
    branch: Option<String>,
    #[diesel(sql_type = Integer)]
    unmet_deps: i32,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    deleted_at: Option<i64>,
}

impl TryFrom<FreedRow> for Promoted {
    type Error = StoreError;

    fn try_from(row: FreedRow) -> Result<Self, StoreError> {
        Ok(Self {
            key: row.key,
            id: TaskId::from_trusted(&row.id),
            project: ProjectId::from_trusted(&row.project_id),
            needs: columns::read("tasks.needs", &row.needs, Needs::parse)?,
            priority: row.priority,
            title: row.title,
            branch: row.branch,
        })
    }
}

/// A dependency is met: counts down on every task that waits for it, and moves those that now wait for nothing from DEFINED to READY.
/// One statement, however many tasks wait. Returns the promoted ones.
///
/// # Errors
/// Whatever the database answers.
pub fn release(connection: &mut Connection, key: i64, now: Timestamp) -> Result<Vec<Promoted>, StoreError> {
    let (counted, promoted) = count_down(connection, key, now)?;
    connection.touched.keys.extend(counted);
    Ok(promoted)
}

/// A dependency is no longer met: counts up on every task that waits for it and returns those that are READY.
///
/// # Errors
/// Whatever the database answers.
pub fn hold(connection: &mut Connection, key: i64) -> Result<Vec<TaskRecord>, StoreError> {
    let (counted, ready) = count_up(connection, key)?;
    connection.touched.keys.extend(counted);
    Ok(ready)
}

queries! {
    fn count_down(connection, key: i64, now: Timestamp) -> Result<(Vec<i64>, Vec<Promoted>), StoreError> {
        // One statement, so that each row is found and written once. The instant is its first parameter: SQLite numbers them as they come.
        let freed = diesel::sql_query(
            "UPDATE tasks SET unmet_deps = unmet_deps - 1, \
               updated_at = CASE WHEN unmet_deps = 1 AND status = 'DEFINED' AND deleted_at IS NULL THEN $1 ELSE updated_at END, \
               status = CASE WHEN unmet_deps = 1 AND status = 'DEFINED' AND deleted_at IS NULL THEN 'READY' ELSE status END \
             WHERE key IN (SELECT task_key FROM task_dependencies WHERE depends_on_key = $2) AND unmet_deps > 0 \
             RETURNING key, id, project_id, needs, priority, title, branch, unmet_deps, status, deleted_at",
        )
        .bind::<BigInt, _>(now.as_millis())
        .bind::<BigInt, _>(key);
        let rows: Vec<FreedRow> = kept!(freed).get_results(connection)?;
        let counted = rows.iter().map(|row| row.key).collect();
        // READY was none of them: a READY task waits for nothing.
        let free = rows.into_iter().filter(|row| row.unmet_deps == 0 && row.status == TaskStatus::Ready.as_str() && row.deleted_at.is_none());
        let mut promoted = free.map(Promoted::try_from).collect::<Result<Vec<_>, _>>()?;
        promoted.sort_by_key(|task| task.key);
        Ok((counted, promoted))
    }

    fn count_up(connection, key: i64) -> Result<(Vec<i64>, Vec<TaskRecord>), StoreError> {
        let waiting = task_dependencies::table
            .filter(task_dependencies::depends_on_key.eq(key))
            .select(task_dependencies::task_key);
        let counted: Vec<i64> = diesel::update(tasks::table.filter(tasks::key.eq_any(waiting)))
            .set(tasks::unmet_deps.eq(tasks::unmet_deps + 1))
            .returning(tasks::key)
            .get_results(connection)?;
        let rows = tasks::table
            .inner_join(task_dependencies::table.on(task_dependencies::task_key.eq(tasks::key)))
            .filter(task_dependencies::depends_on_key.eq(key).and(tasks::status.eq(TaskStatus::Ready.as_str())))
            .select(Row::as_select())
            .load(connection)?;
        let ready = rows.into_iter().map(TaskRecord::try_from).collect::<Result<_, _>>()?;
        Ok((counted, ready))
    }
}
