//! What a start reads of the tasks, all of it from indexes alone: counts, READY tasks, timers, the last key.
//!
//! The tasks themselves live in `tasks`; what is made of this lives in `lifecycle`.

use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use diesel::connection::DefaultLoadingMode;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::partial::{READY, among};
use super::schema::tasks;

/// A READY task as the figures need it: key, project, what it asks of its agent, priority.
pub type ReadyHead = (i64, String, String, i32);

queries! {
    /// The instants at which paused tasks go on, with their keys: what rebuilds the timers.
    pub fn timers(connection) -> Result<Vec<(Timestamp, i64)>, StoreError> {
        let rows: Vec<(Option<i64>, i64)> = tasks::table
            .filter(tasks::resume_after.is_not_null().and(tasks::deleted_at.is_null()))
            .select((tasks::resume_after, tasks::key))
            .load(connection)?;
        Ok(rows.into_iter().filter_map(|(at, key)| Some((columns::instant(at)?, key))).collect())
    }

    /// Hands everything a start needs to know of the READY tasks to `take`, one by one: a million of them need no memory here.
    pub fn each_ready(connection, take: &mut dyn FnMut(ReadyHead)) -> Result<(), StoreError> {
        let rows = tasks::table
            .filter(sql::<Bool>(READY))
            .order((tasks::project_id, tasks::priority, tasks::key))
            .select((tasks::key, tasks::project_id, tasks::needs, tasks::priority))
            .load_iter::<ReadyHead, DefaultLoadingMode>(connection)?;
        for row in rows {
            take(row?);
        }
        Ok(())
    }

    /// How many tasks of each project have each status but READY ([`each_ready`] lists those), not counting archived and deleted ones.
    pub fn counts(connection) -> Result<Vec<(String, String, i64)>, StoreError> {
        let mut counts = Vec::new();
        for status in TaskStatus::ALL.iter().filter(|status| **status != TaskStatus::Ready) {
            // Literals, all of them: a parameter proves nothing to a planner that looks for an index.
            let counted = format!("{} AND status = '{status}' AND deleted_at IS NULL AND archived_at IS NULL", among(*status));
            let part: Vec<(String, String, i64)> = tasks::table
                .filter(sql::<Bool>(&counted))
                .group_by((tasks::project_id, tasks::status))
                .select((tasks::project_id, tasks::status, diesel::dsl::count_star()))
                .load(connection)?;
            counts.extend(part);
        }
        Ok(counts)
    }

    /// The largest key ever given.
    pub fn last_key(connection) -> Result<i64, StoreError> {
        Ok(tasks::table.select(diesel::dsl::max(tasks::key)).first::<Option<i64>>(connection)?.unwrap_or(0))
    }
}
