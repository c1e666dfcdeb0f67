//! What goes with a project: its tasks, archived ones too, with their edges and texts. Rows and names stay (R14 of the store).
//!
//! Whether a project may be deleted now lives in `commands`.

use aq_core::ids::ProjectId;
use aq_core::time::Timestamp;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::columns;
use super::dialect::{Connection, queries};
use super::error::StoreError;

#[derive(QueryableByName)]
struct HeldRow {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = BigInt)]
    unmet: i64,
}

/// What hangs on a task and goes with it: what agents asked, what people told them, what was allowed for it, its plans and what it said about them, its
/// wait for approval, its attachments and the notes of alerts. Each with the column that names the task's key.
const BELONGINGS: [(&str, &str); 7] = [
    ("questions", "task_key"),
    ("messages", "task_key"),
    ("plans", "task_key"),
    ("task_plan_rules", "task_key"),
    ("approvals", "task_key"),
    ("task_attachments", "task_key"),
    ("stuck_alerts", "task_key"),
];

/// Deletes what hangs on one task. Its row, its name, its runs and the ledger stay, and so do its edges: they are the caller's part.
///
/// # Errors
/// Whatever the database answers.
pub fn remove_belongings(connection: &mut Connection, key: i64) -> Result<(), StoreError> {
    connection.touched.keys.push(key);
    write_no_belongings(connection, key)
}

/// Deletes every task of a project: edges on both sides, texts and what hangs on it go; rows, names, runs and the ledger stay.
///
/// # Errors
/// Whatever the database answers.
pub fn remove_tasks(connection: &mut Connection, project: &ProjectId, now: Timestamp) -> Result<(), StoreError> {
    connection.touched.any = true;
    write_removal(connection, project, now)
}

queries! {
    /// Tasks of other projects that wait for tasks of this one that are not COMPLETED, with how many each, by key.
    pub fn waiting_elsewhere(connection, project: &ProjectId) -> Result<Vec<(i64, u32)>, StoreError> {
        let rows: Vec<HeldRow> = diesel::sql_query(
            "SELECT t.key, COUNT(*) AS unmet FROM tasks u JOIN task_dependencies d ON d.depends_on_key = u.key JOIN tasks t ON t.key = d.task_key \
             WHERE u.project_id = $1 AND u.status <> 'COMPLETED' AND t.project_id <> $1 AND t.deleted_at IS NULL GROUP BY t.key ORDER BY t.key",
        )
        .bind::<Text, _>(project.as_str())
        .load(connection)?;
        rows.into_iter()
            .map(|row| {
                let unmet = columns::count("task_dependencies", row.unmet)?;
                Ok((row.key, u32::try_from(unmet).unwrap_or(u32::MAX)))
            })
            .collect()
    }

    fn write_no_belongings(connection, key: i64) -> Result<(), StoreError> {
        for (table, column) in BELONGINGS {
            diesel::sql_query(format!("DELETE FROM {table} WHERE {column} = $1")).bind::<BigInt, _>(key).execute(connection)?;
        }
        diesel::sql_query("DELETE FROM permission_grants WHERE scope = 'task' AND subject = $1")
            .bind::<Text, _>(key.to_string())
            .execute(connection)?;
        Ok(())
    }

    fn write_removal(connection, project: &ProjectId, now: Timestamp) -> Result<(), StoreError> {
        let own = "(SELECT key FROM tasks WHERE project_id = $1)";
        let mut statements = vec![
            format!("DELETE FROM task_dependencies WHERE task_key IN {own} OR depends_on_key IN {own}"),
            "DELETE FROM permission_grants WHERE scope = 'task' AND subject IN \
               (SELECT CAST(key AS TEXT) FROM tasks WHERE project_id = $1)"
                .to_owned(),
            "DELETE FROM permission_grants WHERE scope = 'project' AND subject = $1".to_owned(),
            "DELETE FROM plans WHERE project_id = $1".to_owned(),
        ];
        statements.extend(BELONGINGS.iter().map(|(table, column)| format!("DELETE FROM {table} WHERE {column} IN {own}")));
        for statement in statements {
            diesel::sql_query(statement).bind::<Text, _>(project.as_str()).execute(connection)?;
        }
        diesel::sql_query(
            "UPDATE tasks SET title = '', description = '', unmet_deps = 0, deleted_at = $1, updated_at = $1 WHERE project_id = $2 AND deleted_at IS NULL",
        )
        .bind::<BigInt, _>(now.as_millis())
        .bind::<Text, _>(project.as_str())
        .execute(connection)?;
        Ok(())
    }
}
