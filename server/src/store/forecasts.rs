//! What a forecast is made from beside the figures: tasks that are not ready yet, and how long runs took.

use aq_core::ids::ProjectId;
use aq_core::run::RunResult;
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::dialect::queries;
use super::error::StoreError;
use super::schema::{runs, task_dependencies, tasks};
use super::tasks::{Row, TaskRecord};

queries! {
    /// Tasks that become ready by themselves: DEFINED and PAUSED ones, oldest first, at most `limit`.
    pub fn waiting(connection, limit: i64) -> Result<Vec<TaskRecord>, StoreError> {
        let rows = tasks::table
            .filter(tasks::status.eq_any([TaskStatus::Defined.as_str(), TaskStatus::Paused.as_str()]))
            .filter(tasks::deleted_at.is_null().and(tasks::archived_at.is_null()))
            .order(tasks::key)
            .limit(limit)
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(TaskRecord::try_from).collect()
    }

    /// The dependencies of these tasks that are not COMPLETED: who waits, for whom.
    pub fn unmet_edges(connection, keys: &[i64]) -> Result<Vec<(i64, i64)>, StoreError> {
        let mut edges = Vec::new();
        for part in keys.chunks(500) {
            let rows: Vec<(i64, i64)> = task_dependencies::table
                .inner_join(tasks::table.on(tasks::key.eq(task_dependencies::depends_on_key)))
                .filter(task_dependencies::task_key.eq_any(part).and(tasks::status.ne(TaskStatus::Completed.as_str())))
                .order((task_dependencies::task_key, task_dependencies::depends_on_key))
                .select((task_dependencies::task_key, task_dependencies::depends_on_key))
                .load(connection)?;
            edges.extend(rows);
        }
        Ok(edges)
    }

    /// How long the latest runs took that ended well from `since` on, in milliseconds from their assignment to the end of their landing: by project,
    /// at most `limit` of all.
    pub fn lengths(connection, since: Timestamp, limit: i64) -> Result<Vec<(ProjectId, i64)>, StoreError> {
        let well = [RunResult::Done, RunResult::NoOp, RunResult::NeedsReview].map(RunResult::as_str);
        let rows: Vec<(String, i64, Option<i64>)> = runs::table
            .filter(runs::ended_at.ge(since.as_millis()).and(runs::result.eq_any(well)))
            .order((runs::ended_at.desc(), runs::task_key, runs::number))
            .limit(limit)
            .select((runs::project_id, runs::started_at, runs::ended_at))
            .load(connection)?;
        Ok(rows
            .into_iter()
            .filter_map(|(project, start, end)| Some((ProjectId::from_trusted(&project), end?.saturating_sub(start).max(0))))
            .collect())
    }
}
