//! Trees of tasks: what was made from what, and who waits behind a failure. Each question is a bounded number of queries.
//!
//! Drawing a tree as text lives in `commands`.

use std::collections::{BTreeMap, BTreeSet};

use aq_core::ids::{ProjectId, TaskId};
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};

use super::columns;
use super::dialect::{Connection, queries};
use super::error::StoreError;
use super::kept::kept;
use super::schema::tasks;
use super::task_lists::name_parents;
use super::tasks::{Row, TaskRecord, readable, shown_by_key};

/// Deepest level that is walked. Plans end far above it; it only keeps a damaged database from holding a reader for ever.
const DEEPEST: i32 = 64;

/// A task of a tree.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeNode {
    /// How many levels below the root; 0 is the root itself.
    pub depth: u32,
    /// The task, with the name of its parent.
    pub record: TaskRecord,
}

/// A task with everything made from it.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskTree {
    /// The root first, then depth first, siblings by priority and age.
    pub nodes: Vec<TreeNode>,
    /// Completed tasks below the root, over all levels.
    pub completed: u64,
    /// Tasks below the root, over all levels.
    pub total: u64,
    /// True when `nodes` lacks some of them.
    pub truncated: bool,
}

/// A task that waits behind one that cannot complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckTask {
    /// Key of the task that waits.
    pub key: i64,
    /// The task that waits.
    pub id: TaskId,
    /// Its project.
    pub project: ProjectId,
    /// Its title.
    pub title: String,
    /// Key of the FAILED or BLOCKED task it waits behind, directly or through others.
    pub behind_key: i64,
    /// That task.
    pub behind: TaskId,
}

#[derive(QueryableByName)]
struct Branch {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    parent_key: Option<i64>,
    #[diesel(sql_type = Integer)]
    depth: i32,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Integer)]
    priority: i32,
}

#[derive(QueryableByName)]
struct Climbed {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    parent_key: Option<i64>,
}

#[derive(QueryableByName)]
struct StuckRow {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    project_id: String,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = BigInt)]
    behind_key: i64,
    #[diesel(sql_type = Text)]
    behind: String,
}

/// A task's place in a tree: key, parent, level, status, priority.
pub type Place = (i64, Option<i64>, u32, TaskStatus, i32);

queries! {
    /// The direct subtasks of a task that were not deleted and can be read, archived ones too, by priority and age.
    pub fn subtasks(connection, parent: i64) -> Result<Vec<TaskRecord>, StoreError> {
        let rows: Vec<Row> = tasks::table
            .filter(tasks::parent_key.eq(parent).and(tasks::deleted_at.is_null()))
            .order((tasks::priority, tasks::key))
            .select(Row::as_select())
            .load(connection)?;
        Ok(readable(rows)?.rows)
    }

    /// Key of the task at the top of a task's tree: the task itself when it has no parent. A circle of parents, which only damage can
    /// make, ends at the smallest key in it (F-023).
    pub fn root(connection, key: i64) -> Result<i64, StoreError> {
        let climbed = diesel::sql_query(
            "WITH RECURSIVE up(key, parent_key) AS (SELECT key, parent_key FROM tasks WHERE key = $1 \
             UNION SELECT t.key, t.parent_key FROM up CROSS JOIN tasks t WHERE t.key = up.parent_key) SELECT key, parent_key FROM up ORDER BY key",
        )
        .bind::<BigInt, _>(key);
        let climbed: Vec<Climbed> = kept!(climbed).load(connection)?;
        let top = climbed.iter().find(|task| task.parent_key.is_none()).or_else(|| climbed.first());
        top.map(|task| task.key).ok_or(StoreError::NotFound)
    }

    /// DEFINED tasks that nobody changed since `before` and that wait, directly or through others, behind a FAILED or BLOCKED task; by the
    /// task they wait behind (F-026, D-33). At most `limit`.
    pub fn stuck(connection, before: Timestamp, limit: i64) -> Result<Vec<StuckTask>, StoreError> {
        let rows: Vec<StuckRow> = diesel::sql_query(
            "WITH RECURSIVE behind(key, root) AS (\
               SELECT d.task_key, t.key FROM tasks t JOIN task_dependencies d ON d.depends_on_key = t.key \
                 WHERE t.status IN ('FAILED', 'BLOCKED') AND t.deleted_at IS NULL \
               UNION SELECT d.task_key, b.root FROM behind b JOIN tasks t ON t.key = b.key \
                 JOIN task_dependencies d ON d.depends_on_key = b.key WHERE t.status = 'DEFINED') \
             SELECT t.key, t.id, t.project_id, t.title, r.key AS behind_key, r.id AS behind FROM behind b \
             JOIN tasks t ON t.key = b.key JOIN tasks r ON r.key = b.root \
             WHERE t.status = 'DEFINED' AND t.deleted_at IS NULL AND t.updated_at <= $1 ORDER BY r.key, t.key LIMIT $2",
        )
        .bind::<BigInt, _>(before.as_millis())
        .bind::<BigInt, _>(limit)
        .load(connection)?;
        Ok(rows
            .into_iter()
            .map(|row| StuckTask {
                key: row.key,
                id: TaskId::from_trusted(&row.id),
                project: ProjectId::from_trusted(&row.project_id),
                title: row.title,
                behind_key: row.behind_key,
                behind: TaskId::from_trusted(&row.behind),
            })
            .collect())
    }

    /// The shape of a tree: key, parent, level, status and priority of every task in it that was not deleted.
    pub fn shape(connection, root: i64) -> Result<Vec<Place>, StoreError> {
        let rows: Vec<Branch> = diesel::sql_query(
            "WITH RECURSIVE tree(key, depth) AS (SELECT key, 0 FROM tasks WHERE key = $1 AND deleted_at IS NULL \
             UNION SELECT t.key, tree.depth + 1 FROM tree CROSS JOIN tasks t \
               WHERE t.parent_key = tree.key AND t.deleted_at IS NULL AND tree.depth < $2) \
             SELECT t.key, t.parent_key, tree.depth, t.status, t.priority FROM tree CROSS JOIN tasks t WHERE t.key = tree.key ORDER BY tree.depth, t.key",
        )
        .bind::<BigInt, _>(root)
        .bind::<Integer, _>(DEEPEST)
        .load(connection)?;
        rows.into_iter()
            .map(|row| {
                let status = columns::read("tasks.status", &row.status, TaskStatus::parse)?;
                Ok((row.key, row.parent_key, columns::small("tree", row.depth)?, status, row.priority))
            })
            .collect()
    }
}

/// A task with everything made from it: `max_depth` levels below the root and `max_nodes` tasks at most are read whole, all are counted.
/// `None` when there is no such task (F-023). Tasks that cannot be read are counted and left out (store R24).
///
/// # Errors
/// As the queries: one for the shape, and one for every 500 nodes.
pub fn tree(connection: &mut Connection, root: i64, max_depth: u32, max_nodes: usize) -> Result<Option<TaskTree>, StoreError> {
    let mut children: BTreeMap<i64, Vec<(i32, i64, u32)>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let (mut completed, mut total) = (0_u64, 0_u64);
    for (key, parent, depth, status, priority) in shape(connection, root)? {
        if !seen.insert(key) || key == root {
            continue;
        }
        total += 1;
        completed += u64::from(status == TaskStatus::Completed);
        if let Some(parent) = parent {
            children.entry(parent).or_default().push((priority, key, depth));
        }
    }
    if !seen.contains(&root) {
        return Ok(None);
    }
    let mut order = Vec::new();
    let mut open = vec![(root, 0_u32)];
    while let Some((key, depth)) = open.pop() {
        if order.len() == max_nodes {
            break;
        }
        order.push((key, depth));
        let Some(mut below) = children.remove(&key) else { continue };
        // The last one in is the first one out.
        below.sort_unstable_by(|a, b| b.cmp(a));
        open.extend(below.into_iter().filter(|(_, _, depth)| *depth <= max_depth).map(|(_, key, depth)| (key, depth)));
    }
    let keys: Vec<i64> = order.iter().map(|(key, _)| *key).collect();
    let mut records: Vec<TaskRecord> = shown_by_key(connection, &keys)?.into_values().collect();
    name_parents(connection, &mut records)?;
    let mut records: BTreeMap<i64, TaskRecord> = records.into_iter().map(|record| (record.key, record)).collect();
    let nodes: Vec<TreeNode> =
        order.iter().filter_map(|(key, depth)| records.remove(key).map(|record| TreeNode { depth: *depth, record })).collect();
    let truncated = u64::try_from(nodes.len()).is_ok_and(|shown| shown < total + 1);
    Ok(Some(TaskTree { nodes, completed, total, truncated }))
}
