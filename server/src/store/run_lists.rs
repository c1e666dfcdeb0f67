//! Lists of runs for people: filtered, newest first, page by page.
//!
//! Spec: specs/server/store.md

use aq_core::ids::{AgentId, ProjectId};
use aq_core::run::RunState;
use diesel::prelude::*;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::runs::{Row, RunRecord, readable};
use super::schema::runs;

/// Which runs are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunQuery {
    /// Of this task; `None`: of all.
    pub task_key: Option<i64>,
    /// Of these projects; `None`: of all.
    pub projects: Option<Vec<ProjectId>>,
    /// Of this agent; `None`: of all.
    pub agent: Option<AgentId>,
    /// Only runs that have not ended.
    pub open_only: bool,
}

/// Where a page of runs ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCursor {
    /// Start of the last run shown, in milliseconds.
    pub started_at: i64,
    /// Key of its task.
    pub task_key: i64,
    /// Its number.
    pub number: i32,
}

/// A page of runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RunPage {
    /// The runs, newest first.
    pub runs: Vec<RunRecord>,
    /// Names of the runs between them whose rows cannot be read (store R24).
    pub unreachable: Vec<String>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<RunCursor>,
    /// How many runs match, over all pages.
    pub total: u64,
}

/// The conditions of a [`RunQuery`] on a boxed query; a macro, because each database has a query type of its own.
macro_rules! narrowed {
    ($query:expr, $filter:expr) => {{
        let mut query = $query;
        if let Some(key) = $filter.task_key {
            query = query.filter(runs::task_key.eq(key));
        }
        if let Some(projects) = &$filter.projects {
            query = query.filter(runs::project_id.eq_any(projects.iter().map(ProjectId::as_str)));
        }
        if let Some(agent) = &$filter.agent {
            query = query.filter(runs::agent_id.eq(agent.as_str()));
        }
        if $filter.open_only {
            query = query.filter(runs::state.ne(RunState::Ended.as_str()));
        }
        query
    }};
}

queries! {
    /// A page of runs, newest first, behind `after` where given, at most `limit`.
    pub fn page(connection, filter: &RunQuery, after: Option<&RunCursor>, limit: u32) -> Result<RunPage, StoreError> {
        let mut query = narrowed!(runs::table.into_boxed(), filter);
        if let Some(after) = after {
            let earlier = runs::started_at.eq(after.started_at).and(runs::task_key.eq(after.task_key)).and(runs::number.lt(after.number));
            let lower = runs::started_at.eq(after.started_at).and(runs::task_key.lt(after.task_key));
            query = query.filter(runs::started_at.lt(after.started_at).or(lower).or(earlier));
        }
        let mut rows: Vec<Row> = query
            .order((runs::started_at.desc(), runs::task_key.desc(), runs::number.desc()))
            .limit(i64::from(limit) + 1)
            .select(Row::as_select())
            .load(connection)?;
        // One more than asked for tells whether there is a next page.
        let shown = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > shown;
        rows.truncate(shown);
        let last = rows.last().filter(|_| more);
        let next = last.map(|row| RunCursor { started_at: row.started_at, task_key: row.task_key, number: row.number });
        let total: i64 = narrowed!(runs::table.into_boxed(), filter).count().get_result(connection)?;
        let found = readable(rows)?;
        Ok(RunPage {
            runs: found.rows,
            unreachable: found.aside.into_iter().map(|offence| offence.subject).collect(),
            next,
            total: columns::count("runs", total)?,
        })
    }
}
