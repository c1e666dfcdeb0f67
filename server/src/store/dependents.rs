//! What others wait for: counting down and up on the tasks that wait, when a task completes and when it is completed no more.
//!
//! The edges themselves live in `dependencies`.

use std::thread;

use aq_core::ids::{ProjectId, TaskId};
use aq_core::task::{Needs, TaskStatus};
use aq_core::time::Timestamp;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::columns;
use super::dialect::{Connection, queries};
use super::error::StoreError;
use super::schema::{task_dependencies, tasks};
use super::tasks::{Row, TaskRecord};
use crate::background::panic_text;

/// So many promoted tasks are worth a thread, which costs as much as a handful of them.
const MANY: usize = 512;

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

/// Key, name, project, needs, priority, title, branch, status, and whether it waits for nothing else and is there.
type WaitingRow = (i64, String, String, String, i32, String, Option<String>, String, i32, Option<i64>);

/// The row as a promoted one; `None` when it goes on waiting, or does not wait.
fn promoted(row: WaitingRow) -> Option<Result<Promoted, StoreError>> {
    let (key, id, project, needs, priority, title, branch, status, unmet, deleted_at) = row;
    if status != TaskStatus::Defined.as_str() || unmet != 1 || deleted_at.is_some() {
        return None;
    }
    let (id, project) = (TaskId::from_trusted(&id), ProjectId::from_trusted(&project));
    let needs = columns::read("tasks.needs", &needs, Needs::parse);
    Some(needs.map(|needs| Promoted { key, id, project, needs, priority, title, branch }))
}

/// A dependency is met: counts down on every task that waits for it, and moves those that now wait for nothing from DEFINED to READY.
/// Two statements, however many tasks wait, and one when none does. Gives what `prepare` makes of the promoted ones; where they are many it does so
/// on a thread of its own, while the database is busy with their rows.
///
/// # Errors
/// Whatever the database answers; [`StoreError::Panicked`] when `prepare` panics on that thread.
pub fn release<T: Send>(
    connection: &mut Connection,
    key: i64,
    now: Timestamp,
    prepare: impl FnOnce(Vec<Promoted>) -> T + Send,
) -> Result<T, StoreError> {
    let (counted, promoted) = waiting(connection, key)?;
    if counted.is_empty() {
        return Ok(prepare(promoted));
    }
    connection.touched.keys.extend(counted);
    if promoted.len() < MANY {
        count_down(connection, key, now)?;
        return Ok(prepare(promoted));
    }
    let mut work = Some(move || prepare(promoted));
    let done = thread::scope(|scope| {
        let beside = thread::Builder::new().name("aq-prepare".to_owned()).spawn_scoped(scope, || work.take().map(|work| work()));
        count_down(connection, key, now)?;
        // Where there is no room for a thread, the work is still there, and done here.
        beside.map_or(Ok(None), thread::ScopedJoinHandle::join).map_err(|panic| StoreError::Panicked(panic_text(panic.as_ref()).to_owned()))
    })?;
    done.or_else(|| work.map(|work| work())).ok_or_else(|| StoreError::Panicked("what follows was not prepared".to_owned()))
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
    /// Keys of the tasks that wait for `key`, and those of them that wait for nothing else. Read for itself: what a changing statement returns
    /// is copied aside row by row, which costs more than finding these rows twice.
    fn waiting(connection, key: i64) -> Result<(Vec<i64>, Vec<Promoted>), StoreError> {
        let waiting = tasks::table
            .inner_join(task_dependencies::table.on(task_dependencies::task_key.eq(tasks::key)))
            .filter(task_dependencies::depends_on_key.eq(key).and(tasks::unmet_deps.gt(0)))
            .order(task_dependencies::task_key)
            .select((
                tasks::key, tasks::id, tasks::project_id, tasks::needs, tasks::priority, tasks::title, tasks::branch, tasks::status,
                tasks::unmet_deps, tasks::deleted_at,
            ))
            .load::<WaitingRow>(connection)?;
        let counted = waiting.iter().map(|row| row.0).collect();
        Ok((counted, waiting.into_iter().filter_map(promoted).collect::<Result<_, _>>()?))
    }

    fn count_down(connection, key: i64, now: Timestamp) -> Result<(), StoreError> {
        // One statement for all of them, so that each row is written once. The instant is its first parameter: SQLite numbers them as they come.
        diesel::sql_query(
            "UPDATE tasks SET unmet_deps = unmet_deps - 1, \
               updated_at = CASE WHEN unmet_deps = 1 AND status = 'DEFINED' AND deleted_at IS NULL THEN $1 ELSE updated_at END, \
               status = CASE WHEN unmet_deps = 1 AND status = 'DEFINED' AND deleted_at IS NULL THEN 'READY' ELSE status END \
             WHERE key IN (SELECT task_key FROM task_dependencies WHERE depends_on_key = $2) AND unmet_deps > 0",
        )
        .bind::<BigInt, _>(now.as_millis())
        .bind::<BigInt, _>(key)
        .execute(connection)?;
        Ok(())
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
