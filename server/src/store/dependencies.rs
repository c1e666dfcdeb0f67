//! The edges between tasks: the first waits for the second. The count of unmet ones is kept in the task's row.

use aq_core::task::TaskStatus;
use diesel::prelude::*;

use super::dialect::queries;
use super::error::StoreError;
use super::schema::{task_dependencies, tasks};

queries! {
    /// Adds an edge. [`StoreError::Conflict`] when it exists, [`StoreError::Refused`] for an edge to itself.
    pub fn insert(connection, task: i64, depends_on: i64) -> Result<(), StoreError> {
        diesel::insert_into(task_dependencies::table)
            .values((task_dependencies::task_key.eq(task), task_dependencies::depends_on_key.eq(depends_on)))
            .execute(connection)?;
        Ok(())
    }

    /// Removes an edge; false when there was none.
    pub fn remove(connection, task: i64, depends_on: i64) -> Result<bool, StoreError> {
        Ok(diesel::delete(task_dependencies::table.find((task, depends_on))).execute(connection)? == 1)
    }

    /// Removes every edge of a task, on either side.
    pub fn remove_all(connection, task: i64) -> Result<(), StoreError> {
        diesel::delete(
            task_dependencies::table.filter(task_dependencies::task_key.eq(task).or(task_dependencies::depends_on_key.eq(task))),
        )
        .execute(connection)?;
        Ok(())
    }

    /// The tasks that `task` waits for.
    pub fn upstream(connection, task: i64) -> Result<Vec<i64>, StoreError> {
        Ok(task_dependencies::table
            .filter(task_dependencies::task_key.eq(task))
            .order(task_dependencies::depends_on_key)
            .select(task_dependencies::depends_on_key)
            .load(connection)?)
    }

    /// The tasks that wait for `task`.
    pub fn downstream(connection, task: i64) -> Result<Vec<i64>, StoreError> {
        Ok(task_dependencies::table
            .filter(task_dependencies::depends_on_key.eq(task))
            .order(task_dependencies::task_key)
            .select(task_dependencies::task_key)
            .load(connection)?)
    }

    /// How many of the tasks that `task` waits for are not COMPLETED. A deleted one counts as unmet: its edges are removed with it.
    pub fn unmet(connection, task: i64) -> Result<i64, StoreError> {
        Ok(task_dependencies::table
            .inner_join(tasks::table.on(tasks::key.eq(task_dependencies::depends_on_key)))
            .filter(task_dependencies::task_key.eq(task).and(tasks::status.ne(TaskStatus::Completed.as_str())))
            .count()
            .get_result(connection)?)
    }
}
