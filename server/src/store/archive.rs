//! Archiving: a mark on the task's row. Edges, runs, ledger and texts stay where they are, so a restored task has lost nothing.
//!
//! Whether a task may be archived now lives in `commands`.

use aq_core::ids::ProjectId;
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::dialect::queries;
use super::error::StoreError;
use super::schema::tasks;

/// The table a second time, for a look at a task's subtasks.
mod second {
    use super::tasks;
    diesel::alias!(tasks as children: Children);
}
use second::children;

queries! {
    /// Archives a finished task; false when it is archived, deleted, or not finished (any more).
    pub fn archive(connection, key: i64, now: Timestamp) -> Result<bool, StoreError> {
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

    /// Takes a task out of the archive; its status is set by `lifecycle`. False when it is not there.
    pub fn unarchive(connection, key: i64, now: Timestamp) -> Result<bool, StoreError> {
        let wanted = tasks::key.eq(key).and(tasks::archived_at.is_not_null()).and(tasks::deleted_at.is_null());
        let changed = diesel::update(tasks::table.filter(wanted))
            .set((tasks::archived_at.eq(None::<i64>), tasks::updated_at.eq(now.as_millis())))
            .execute(connection)?;
        Ok(changed == 1)
    }

    /// Tasks that a sweep may archive: in one of `statuses`, not changed since `before`, without a subtask that is still open. By key,
    /// behind `after`, at most `limit`; no status, no task (F-033).
    pub fn candidates(
        connection,
        project: Option<&ProjectId>,
        statuses: &[TaskStatus],
        before: Timestamp,
        after: i64,
        limit: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let finished = [TaskStatus::Completed.as_str(), TaskStatus::Failed.as_str(), TaskStatus::Blocked.as_str()];
        let open_child = children.filter(
            children.field(tasks::parent_key).eq(tasks::key.nullable())
                .and(children.field(tasks::deleted_at).is_null())
                .and(children.field(tasks::status).ne_all(finished)),
        );
        let mut query = tasks::table
            .filter(tasks::status.eq_any(statuses.iter().filter(|status| status.is_finished()).map(|status| status.as_str())))
            .filter(tasks::updated_at.le(before.as_millis()).and(tasks::key.gt(after)))
            .filter(tasks::archived_at.is_null().and(tasks::deleted_at.is_null()))
            .filter(not(exists(open_child)))
            .order(tasks::key)
            .limit(limit)
            .select(tasks::key)
            .into_boxed();
        if let Some(project) = project {
            query = query.filter(tasks::project_id.eq(project.as_str()));
        }
        Ok(query.load(connection)?)
    }
}
