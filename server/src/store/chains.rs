//! Who waits behind whom and cannot go on: walks over the edges, and when a person was last told.
//!
//! What is said about it lives in `aq_core::task::chain`.

use aq_core::ids::{ProjectId, TaskId};
use aq_core::task::{Needs, TaskStatus};
use aq_core::time::Timestamp;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};

use super::columns;
use super::dependencies::TaskLink;
use super::dialect::{Connection, queries};
use super::error::StoreError;
use super::kept::kept;
use super::schema::stuck_alerts;
use super::task_trees;
use super::tasks::{self, TaskRecord};

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

#[derive(QueryableByName)]
struct RootRow {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Text)]
    project_id: String,
}

/// A READY task that waits for its branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnBranch {
    /// The row's key.
    pub key: i64,
    /// What it asks of its agent.
    pub needs: Needs,
    /// Its priority.
    pub priority: i32,
}

#[derive(QueryableByName)]
struct OnBranchRow {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Text)]
    needs: String,
    #[diesel(sql_type = Integer)]
    priority: i32,
}

impl TryFrom<LinkRow> for TaskLink {
    type Error = StoreError;

    fn try_from(row: LinkRow) -> Result<Self, StoreError> {
        let status = columns::read("tasks.status", &row.status, TaskStatus::parse)?;
        Ok(Self { key: row.key, id: TaskId::from_trusted(&row.id), title: row.title, status })
    }
}

/// The steps of plans on a task's branch, itself included, by key: what hangs below the topmost plan that it came out of.
///
/// # Errors
/// As the queries: one upward, one for the shape, one for every 500 tasks.
pub fn steps(connection: &mut Connection, task: &TaskRecord) -> Result<Vec<TaskRecord>, StoreError> {
    let top = task_trees::root(connection, task.key)?;
    let keys: Vec<i64> = task_trees::shape(connection, top)?.into_iter().map(|(key, ..)| key).collect();
    let mut steps = tasks::by_keys(connection, &keys)?;
    let shared = |step: &TaskRecord| step.task.branch.is_none() || step.task.branch == task.task.branch;
    steps.retain(|step| step.task.is_plan_subtask && step.deleted_at.is_none() && shared(step) && related(step, task));
    steps.sort_by_key(|step| step.key);
    Ok(steps)
}

/// The unfinished steps with whose landing the work of these tasks reaches the default branch, for a task that works on `branch` itself: an
/// intermediate step of a plan only commits, and what waits for it from outside would start without its work. By key, without the tasks themselves.
///
/// # Errors
/// As [`steps`].
pub fn landed_with(connection: &mut Connection, branch: Option<&str>, tasks: &[TaskRecord]) -> Result<Vec<TaskRecord>, StoreError> {
    let mut found: Vec<TaskRecord> = Vec::new();
    let outside = |task: &&TaskRecord| task.task.is_plan_subtask && (branch.is_none() || task.task.branch.as_deref() != branch);
    for task in tasks.iter().filter(outside) {
        let others = steps(connection, task)?;
        found.extend(others.into_iter().filter(|step| !step.task.status.satisfies_dependents()));
    }
    found.sort_by_key(|step| step.key);
    found.dedup_by_key(|step| step.key);
    found.retain(|step| tasks.iter().all(|task| task.key != step.key));
    Ok(found)
}

/// True when a step that has no branch yet will be on the task's: they came out of the same plan.
fn related(step: &TaskRecord, task: &TaskRecord) -> bool {
    step.task.branch.is_some() || step.parent_key == task.parent_key
}

queries! {
    /// The DEFINED tasks that can be reached from `root` over dependents through DEFINED tasks only, by key (F-012).
    pub fn stuck_behind(connection, root: i64) -> Result<Vec<TaskLink>, StoreError> {
        let rows: Vec<LinkRow> = diesel::sql_query(
            "WITH RECURSIVE behind(key) AS (\
               SELECT t.key FROM task_dependencies d JOIN tasks t ON t.key = d.task_key \
                 WHERE d.depends_on_key = $1 AND t.status = 'DEFINED' AND t.deleted_at IS NULL \
               UNION SELECT t.key FROM behind b JOIN task_dependencies d ON d.depends_on_key = b.key JOIN tasks t ON t.key = d.task_key \
                 WHERE t.status = 'DEFINED' AND t.deleted_at IS NULL) \
             SELECT t.key, t.id, t.title, t.status FROM behind b JOIN tasks t ON t.key = b.key ORDER BY t.key",
        )
        .bind::<BigInt, _>(root)
        .load(connection)?;
        rows.into_iter().map(TaskLink::try_from).collect()
    }

    /// The FAILED and BLOCKED tasks that `key` waits behind, directly or through others that are not COMPLETED, by key (D-33).
    pub fn blockers(connection, key: i64) -> Result<Vec<TaskLink>, StoreError> {
        let rows: Vec<LinkRow> = diesel::sql_query(
            "WITH RECURSIVE up(key) AS (\
               SELECT u.key FROM task_dependencies d JOIN tasks u ON u.key = d.depends_on_key \
                 WHERE d.task_key = $1 AND u.status <> 'COMPLETED' \
               UNION SELECT u.key FROM up JOIN tasks t ON t.key = up.key JOIN task_dependencies d ON d.task_key = up.key \
                 JOIN tasks u ON u.key = d.depends_on_key WHERE t.status = 'DEFINED' AND u.status <> 'COMPLETED') \
             SELECT t.key, t.id, t.title, t.status FROM up JOIN tasks t ON t.key = up.key \
             WHERE t.status IN ('FAILED', 'BLOCKED') ORDER BY t.key",
        )
        .bind::<BigInt, _>(key)
        .load(connection)?;
        rows.into_iter().map(TaskLink::try_from).collect()
    }

    /// The FAILED and BLOCKED tasks that a DEFINED one waits for directly, with their projects, by key: the roots of stuck chains.
    pub fn roots(connection) -> Result<Vec<(i64, ProjectId)>, StoreError> {
        let rows: Vec<RootRow> = diesel::sql_query(
            "SELECT t.key, t.project_id FROM tasks t WHERE t.status IN ('FAILED', 'BLOCKED') AND t.deleted_at IS NULL \
               AND EXISTS (SELECT 1 FROM task_dependencies d JOIN tasks w ON w.key = d.task_key \
                 WHERE d.depends_on_key = t.key AND w.status = 'DEFINED' AND w.deleted_at IS NULL) ORDER BY t.key",
        )
        .load(connection)?;
        Ok(rows.into_iter().map(|row| (row.key, ProjectId::from_trusted(&row.project_id))).collect())
    }

    /// The READY tasks of a project on this branch, by priority and key. The partial index holds only READY tasks that have a branch.
    pub fn ready_on_branch(connection, project: &ProjectId, branch: &str) -> Result<Vec<OnBranch>, StoreError> {
        let ready = diesel::sql_query(
            "SELECT key, needs, priority FROM tasks WHERE status = 'READY' AND branch IS NOT NULL AND branch = $1 AND project_id = $2 \
               AND deleted_at IS NULL",
        )
        .bind::<Text, _>(branch)
        .bind::<Text, _>(project.as_str());
        let mut rows: Vec<OnBranchRow> = kept!(ready).load(connection)?;
        // Asked for in order, SQLite walks every READY task of the project rather than the few on the branch.
        rows.sort_by_key(|row| (row.priority, row.key));
        // What cannot be read is no head of a queue either.
        let read = rows.into_iter().filter_map(|row| Some(OnBranch { needs: Needs::parse(&row.needs)?, key: row.key, priority: row.priority }));
        Ok(read.collect())
    }

    /// When a person was last told that this task is stuck.
    pub fn told(connection, key: i64) -> Result<Option<Timestamp>, StoreError> {
        let told: Option<i64> =
            stuck_alerts::table.find(key).select(stuck_alerts::told_at).get_result(connection).optional()?;
        Ok(columns::instant(told))
    }

    /// Every task a person was told about, with the instant.
    pub fn all_told(connection) -> Result<Vec<(i64, Timestamp)>, StoreError> {
        let rows: Vec<(i64, i64)> = stuck_alerts::table.order(stuck_alerts::task_key).load(connection)?;
        Ok(rows.into_iter().map(|(key, at)| (key, Timestamp::from_millis(at))).collect())
    }

    /// Notes that a person is told now.
    pub fn tell(connection, key: i64, now: Timestamp) -> Result<(), StoreError> {
        diesel::insert_into(stuck_alerts::table)
            .values((stuck_alerts::task_key.eq(key), stuck_alerts::told_at.eq(now.as_millis())))
            .on_conflict(stuck_alerts::task_key)
            .do_update()
            .set(stuck_alerts::told_at.eq(now.as_millis()))
            .execute(connection)?;
        Ok(())
    }

    /// Forgets that a person was told: the task is no longer stuck.
    pub fn forget(connection, keys: &[i64]) -> Result<(), StoreError> {
        for part in keys.chunks(500) {
            diesel::delete(stuck_alerts::table.filter(stuck_alerts::task_key.eq_any(part))).execute(connection)?;
        }
        Ok(())
    }
}
