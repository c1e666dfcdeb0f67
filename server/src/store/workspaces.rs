//! Workspaces: capacity of a project. Which run holds one is told by the open runs.

use aq_core::ids::{ProjectId, WorkspaceId};
use aq_core::time::Timestamp;
use aq_core::workspace::{Workspace, WorkspaceKind};
use diesel::prelude::*;

use super::aside::Readable;
use super::columns;
use super::dialect::{Connection, queries};
use super::error::StoreError;
use super::schema::workspaces;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = workspaces)]
struct Row {
    id: String,
    project_id: String,
    kind: String,
    path: String,
    name: String,
    created_at: i64,
}

impl TryFrom<Row> for Workspace {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: WorkspaceId::from_trusted(&row.id),
            project: ProjectId::from_trusted(&row.project_id),
            name: row.name,
            kind: columns::read("workspaces.kind", &row.kind, WorkspaceKind::parse)?,
            path: row.path,
            lease: None,
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}

/// The workspaces that can be read, oldest first.
///
/// # Errors
/// Whatever the database answers.
pub fn all(connection: &mut Connection) -> Result<Vec<Workspace>, StoreError> {
    Ok(readable(connection)?.rows)
}

queries! {
    /// Adds a workspace. [`StoreError::Conflict`] when its id or its path is taken.
    pub fn insert(connection, workspace: &Workspace) -> Result<(), StoreError> {
        diesel::insert_into(workspaces::table)
            .values(Row {
                id: workspace.id.as_str().to_owned(),
                project_id: workspace.project.as_str().to_owned(),
                kind: workspace.kind.as_str().to_owned(),
                path: workspace.path.clone(),
                name: workspace.name.clone(),
                created_at: workspace.created_at.as_millis(),
            })
            .execute(connection)?;
        Ok(())
    }

    /// Every workspace that was not removed, by creation; leases are filled in by the caller.
    pub fn readable(connection) -> Result<Readable<Workspace>, StoreError> {
        let rows: Vec<Row> = workspaces::table
            .filter(workspaces::removed_at.is_null())
            .order((workspaces::created_at, workspaces::id))
            .select(Row::as_select())
            .load(connection)?;
        let mut found = Readable::default();
        for row in rows {
            let id = row.id.clone();
            found.take(|| format!("workspace {id}"), Workspace::try_from(row))?;
        }
        Ok(found)
    }

    /// Removes a workspace from the capacity; files stay.
    pub fn remove(connection, id: &WorkspaceId, now: Timestamp) -> Result<(), StoreError> {
        let changed = diesel::update(workspaces::table.filter(workspaces::id.eq(id.as_str()).and(workspaces::removed_at.is_null())))
            .set(workspaces::removed_at.eq(now.as_millis()))
            .execute(connection)?;
        if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }
}
