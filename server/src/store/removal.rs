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

/// Deletes every task of a project: edges on both sides, attachments, notes of alerts and texts go; rows, names, runs and the ledger stay.
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

    fn write_removal(connection, project: &ProjectId, now: Timestamp) -> Result<(), StoreError> {
        let own = "(SELECT key FROM tasks WHERE project_id = $1)";
        for statement in [
            format!("DELETE FROM task_dependencies WHERE task_key IN {own} OR depends_on_key IN {own}"),
            format!("DELETE FROM task_attachments WHERE task_key IN {own}"),
            format!("DELETE FROM stuck_alerts WHERE task_key IN {own}"),
        ] {
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
