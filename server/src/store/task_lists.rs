//! Lists of tasks for people: filtered, in order, page by page, with what the default filter hides.
//!
//! Trees live in `task_trees`, edges in `dependencies`, the reading of one task in `tasks`.

use std::collections::BTreeMap;

use aq_core::ids::{AgentId, ProjectId, TaskId};
use aq_core::task::{TaskStatus, TaskType};
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::aside::Readable;
use super::columns;
use super::dialect::{Connection, queries};
use super::error::StoreError;
use super::schema::tasks;
use super::tasks::{Row, TaskRecord, readable};

/// What a list without named statuses does with COMPLETED, FAILED and BLOCKED tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finished {
    /// Leaves them out.
    #[default]
    Hide,
    /// Shows them too.
    Show,
    /// Shows nothing else.
    Only,
}

/// What a list does with archived tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Archived {
    /// Leaves them out.
    #[default]
    Hide,
    /// Shows them too.
    Show,
    /// Shows nothing else.
    Only,
}

/// The order of a list. Ties are broken by the key, the age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskOrder {
    /// Priority, then age (F-022).
    #[default]
    Priority,
    /// Newest first.
    NewestFirst,
    /// Oldest first.
    OldestFirst,
    /// Last changed first.
    RecentlyChanged,
    /// Last archived first.
    RecentlyArchived,
}

/// Which tasks are wanted. All conditions must hold. Deleted tasks never are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskQuery {
    /// Of these projects; `None`: of all.
    pub projects: Option<Vec<ProjectId>>,
    /// With one of these statuses; empty: see `finished`.
    pub statuses: Vec<TaskStatus>,
    /// Without `statuses`: what happens to finished ones.
    pub finished: Finished,
    /// What happens to archived ones.
    pub archived: Archived,
    /// Of this type.
    pub task_type: Option<TaskType>,
    /// On which this agent works.
    pub agent: Option<AgentId>,
    /// Direct subtasks of the task with this key.
    pub parent: Option<i64>,
    /// Without a parent.
    pub roots_only: bool,
    /// Whose id or title holds this text, without regard to the case of ASCII letters; empty: any.
    pub text: String,
}

/// Where a page ended: the value it was ordered by, and the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskCursor {
    /// Priority or instant of the last task shown; the key where the order is by age.
    pub value: i64,
    /// Its key.
    pub key: i64,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskPage {
    /// The tasks, with the names of their parents.
    pub tasks: Vec<TaskRecord>,
    /// Ids of the tasks between them whose rows cannot be read (store R24).
    pub unreachable: Vec<String>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<TaskCursor>,
    /// How many tasks match, over all pages.
    pub total: u64,
    /// How many more would match if the default did not hide finished ones.
    pub hidden: u64,
}

impl TaskQuery {
    /// The statuses that are shown.
    fn shown(&self) -> Vec<TaskStatus> {
        let wanted = |status: &TaskStatus| match (self.statuses.is_empty(), self.finished) {
            (false, _) => self.statuses.contains(status),
            (true, Finished::Hide) => !status.is_finished(),
            (true, Finished::Show) => true,
            (true, Finished::Only) => status.is_finished(),
        };
        TaskStatus::ALL.iter().copied().filter(wanted).collect()
    }

    /// The text as a pattern for LIKE; what LIKE would read as a sign of its own is taken literally.
    fn pattern(&self) -> String {
        let mut pattern = String::from("%");
        for c in self.text.chars() {
            if matches!(c, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(c.to_ascii_lowercase());
        }
        pattern.push('%');
        pattern
    }
}

diesel::define_sql_function! {
    /// Lower case, of ASCII letters at least.
    fn lower(text: Text) -> Text;
}

/// The conditions of a [`TaskQuery`] except those on the status; a macro, because each database has a query type of its own.
macro_rules! narrowed {
    ($query:expr, $filter:expr) => {{
        let mut query = $query.filter(tasks::deleted_at.is_null());
        query = match $filter.archived {
            Archived::Hide => query.filter(tasks::archived_at.is_null()),
            Archived::Show => query,
            Archived::Only => query.filter(tasks::archived_at.is_not_null()),
        };
        if let Some(projects) = &$filter.projects {
            query = query.filter(tasks::project_id.eq_any(projects.iter().map(ProjectId::as_str)));
        }
        if let Some(kind) = $filter.task_type {
            query = query.filter(tasks::task_type.eq(kind.as_str()));
        }
        if let Some(agent) = &$filter.agent {
            query = query.filter(tasks::agent_id.eq(agent.as_str()));
        }
        if let Some(parent) = $filter.parent {
            query = query.filter(tasks::parent_key.eq(parent));
        }
        if $filter.roots_only {
            query = query.filter(tasks::parent_key.is_null());
        }
        if !$filter.text.is_empty() {
            let pattern = $filter.pattern();
            query = query.filter(lower(tasks::id).like(pattern.clone()).escape('\\').or(lower(tasks::title).like(pattern).escape('\\')));
        }
        query
    }};
}

/// The order of a list and where its next page begins.
macro_rules! ordered {
    ($query:expr, $order:expr, $after:expr) => {{
        let query = $query;
        let (after, key) = $after.map_or((None, 0), |cursor: TaskCursor| (Some(cursor.value), cursor.key));
        match ($order, after) {
            (TaskOrder::Priority, None) => query.order((tasks::priority, tasks::key)),
            (TaskOrder::Priority, Some(value)) => {
                let value = i32::try_from(value).unwrap_or(i32::MAX);
                let behind = tasks::priority.gt(value).or(tasks::priority.eq(value).and(tasks::key.gt(key)));
                query.filter(behind).order((tasks::priority, tasks::key))
            }
            (TaskOrder::OldestFirst, None) => query.order(tasks::key),
            (TaskOrder::OldestFirst, Some(_)) => query.filter(tasks::key.gt(key)).order(tasks::key),
            (TaskOrder::NewestFirst, None) => query.order(tasks::key.desc()),
            (TaskOrder::NewestFirst, Some(_)) => query.filter(tasks::key.lt(key)).order(tasks::key.desc()),
            (TaskOrder::RecentlyChanged, None) => query.order((tasks::updated_at.desc(), tasks::key.desc())),
            (TaskOrder::RecentlyChanged, Some(value)) => {
                let behind = tasks::updated_at.lt(value).or(tasks::updated_at.eq(value).and(tasks::key.lt(key)));
                query.filter(behind).order((tasks::updated_at.desc(), tasks::key.desc()))
            }
            // Only archived tasks have a place in this order.
            (TaskOrder::RecentlyArchived, None) => {
                query.filter(tasks::archived_at.is_not_null()).order((tasks::archived_at.desc(), tasks::key.desc()))
            }
            (TaskOrder::RecentlyArchived, Some(value)) => {
                let behind = tasks::archived_at.lt(value).or(tasks::archived_at.eq(value).and(tasks::key.lt(key)));
                query.filter(behind).order((tasks::archived_at.desc(), tasks::key.desc()))
            }
        }
    }};
}

/// Where a row stands; told of the row, because one that cannot be read has a place too.
fn cursor(order: TaskOrder, row: &Row) -> TaskCursor {
    let value = match order {
        TaskOrder::Priority => i64::from(row.priority),
        TaskOrder::NewestFirst | TaskOrder::OldestFirst => row.key,
        TaskOrder::RecentlyChanged => row.updated_at,
        TaskOrder::RecentlyArchived => row.archived_at.unwrap_or(0),
    };
    TaskCursor { value, key: row.key }
}

queries! {
    /// The matching tasks behind `after` in the given order, at most `limit`, and where the next page begins; parents are not named.
    pub fn load(
        connection,
        query: &TaskQuery,
        order: TaskOrder,
        after: Option<TaskCursor>,
        limit: u32,
    ) -> Result<(Readable<TaskRecord>, Option<TaskCursor>), StoreError> {
        let shown = query.shown();
        let narrowed = narrowed!(tasks::table.into_boxed(), query).filter(tasks::status.eq_any(shown.iter().map(|status| status.as_str())));
        // One more than asked for tells whether there is a next page.
        let mut rows: Vec<Row> = ordered!(narrowed, order, after).limit(i64::from(limit) + 1).select(Row::as_select()).load(connection)?;
        let size = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| more).map(|row| cursor(order, row));
        Ok((readable(rows)?, next))
    }

    /// How many tasks match without the conditions on the status, by status; statuses without a task are left out (F-022).
    pub fn count_by_status(connection, query: &TaskQuery) -> Result<BTreeMap<TaskStatus, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        // A boxed query cannot be grouped any more; eleven small counts would read everything eleven times, so the group comes first.
        let grouped = tasks::table.group_by(tasks::status).select((tasks::status, diesel::dsl::count_star())).into_boxed();
        let rows: Vec<(String, i64)> = narrowed!(grouped, query).load(connection)?;
        for (status, count) in rows {
            counts.insert(columns::read("tasks.status", &status, TaskStatus::parse)?, columns::count("tasks", count)?);
        }
        Ok(counts)
    }

    /// The names of tasks, deleted ones too, by key.
    pub fn names(connection, keys: &[i64]) -> Result<BTreeMap<i64, TaskId>, StoreError> {
        let mut names = BTreeMap::new();
        for part in keys.chunks(500) {
            let rows: Vec<(i64, String)> =
                tasks::table.filter(tasks::key.eq_any(part)).select((tasks::key, tasks::id)).load(connection)?;
            names.extend(rows.into_iter().map(|(key, id)| (key, TaskId::from_trusted(&id))));
        }
        Ok(names)
    }
}

/// Names the parent in each record that has one. One query for every 500 parents.
///
/// # Errors
/// As the query.
pub fn name_parents(connection: &mut Connection, records: &mut [TaskRecord]) -> Result<(), StoreError> {
    let mut keys: Vec<i64> = records.iter().filter_map(|record| record.parent_key).collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        return Ok(());
    }
    let names = names(connection, &keys)?;
    for record in records {
        record.task.parent = record.parent_key.and_then(|key| names.get(&key).cloned());
    }
    Ok(())
}

/// A page of tasks: the matching ones behind `after` in the given order, at most `limit`, with the counts. Three queries.
///
/// # Errors
/// As the queries.
pub fn page(
    connection: &mut Connection,
    query: &TaskQuery,
    order: TaskOrder,
    after: Option<TaskCursor>,
    limit: u32,
) -> Result<TaskPage, StoreError> {
    let (Readable { rows: mut tasks, aside }, next) = load(connection, query, order, after, limit)?;
    name_parents(connection, &mut tasks)?;
    let counts = count_by_status(connection, query)?;
    let shown = query.shown();
    let sum = |wanted: &dyn Fn(&TaskStatus) -> bool| counts.iter().filter(|(status, _)| wanted(status)).map(|(_, count)| count).sum();
    let hides = query.statuses.is_empty() && query.finished == Finished::Hide;
    Ok(TaskPage {
        tasks,
        unreachable: aside.into_iter().map(|offence| offence.subject).collect(),
        next,
        total: sum(&|status| shown.contains(status)),
        hidden: if hides { sum(&|status| status.is_finished()) } else { 0 },
    })
}
