//! The edges between tasks: the first waits for the second. The count of unmet ones is kept in the task's row.

use std::collections::BTreeMap;

use aq_core::ids::TaskId;
use aq_core::task::TaskStatus;
use diesel::prelude::*;

use super::columns;
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

    /// The tasks that `task` waits for and that are not COMPLETED, by key (F-025).
    pub fn blocking(connection, task: i64) -> Result<Vec<TaskLink>, StoreError> {
        let rows: Vec<LinkRow> = task_dependencies::table
            .inner_join(tasks::table.on(tasks::key.eq(task_dependencies::depends_on_key)))
            .filter(task_dependencies::task_key.eq(task).and(tasks::status.ne(TaskStatus::Completed.as_str())))
            .order(tasks::key)
            .select(LinkRow::as_select())
            .load(connection)?;
        rows.into_iter().map(TaskLink::try_from).collect()
    }

    /// The edges of these tasks on both sides, each side by key; a task without edges has an empty entry. Two queries for every 500
    /// tasks (F-025).
    pub fn map(connection, keys: &[i64]) -> Result<BTreeMap<i64, Edges>, StoreError> {
        let mut edges: BTreeMap<i64, Edges> = keys.iter().map(|key| (*key, Edges::default())).collect();
        for part in keys.chunks(500) {
            let upstream: Vec<(i64, LinkRow)> = task_dependencies::table
                .inner_join(tasks::table.on(tasks::key.eq(task_dependencies::depends_on_key)))
                .filter(task_dependencies::task_key.eq_any(part))
                .order(tasks::key)
                .select((task_dependencies::task_key, LinkRow::as_select()))
                .load(connection)?;
            for (key, row) in upstream {
                edges.entry(key).or_default().depends_on.push(row.try_into()?);
            }
            let downstream: Vec<(i64, LinkRow)> = task_dependencies::table
                .inner_join(tasks::table.on(tasks::key.eq(task_dependencies::task_key)))
                .filter(task_dependencies::depends_on_key.eq_any(part))
                .order(tasks::key)
                .select((task_dependencies::depends_on_key, LinkRow::as_select()))
                .load(connection)?;
            for (key, row) in downstream {
                edges.entry(key).or_default().blocks.push(row.try_into()?);
            }
        }
        Ok(edges)
    }
}

/// What a list says about a task on the other end of an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskLink {
    /// The row's key.
    pub key: i64,
    /// The task.
    pub id: TaskId,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub status: TaskStatus,
}

/// The edges of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    /// The tasks it waits for.
    pub depends_on: Vec<TaskLink>,
    /// The tasks that wait for it.
    pub blocks: Vec<TaskLink>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = tasks)]
struct LinkRow {
    key: i64,
    id: String,
    title: String,
    status: String,
}

impl TryFrom<LinkRow> for TaskLink {
    type Error = StoreError;

    fn try_from(row: LinkRow) -> Result<Self, StoreError> {
        Ok(Self {
            key: row.key,
            id: TaskId::from_trusted(&row.id),
            title: row.title,
            status: columns::read("tasks.status", &row.status, TaskStatus::parse)?,
        })
    }
}
