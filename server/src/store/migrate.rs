//! Bringing the schema up to date: numbered migrations, a backup before the first change, refusal of a newer schema.
//!
//! The migrations themselves lie in `server/migrations/<database>`, under the same names on both sides.

use std::path::{Path, PathBuf};

use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::{DatabaseUrl, Purpose, open};
use super::dialect::Connection;
use super::error::StoreError;
use aq_core::time::Timestamp;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// What bringing the schema up to date did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// The migrations that ran, oldest first.
    pub applied: Vec<String>,
    /// The backup made before, when there was something to back up (SQLite only: a PostgreSQL server has backups of its own).
    pub backup: Option<PathBuf>,
}

/// Opens the write connection and brings the schema up to date. Blocking.
///
/// `backups` is the folder for the copy made before a change to a database that already has data; `now` names it.
///
/// # Errors
/// [`StoreError::NewerSchema`] when a newer server wrote this database, [`StoreError::Migration`] when a step failed: nothing of that step is
/// kept, and the server must not start.
pub fn open_migrated(url: &DatabaseUrl, backups: &Path, now: Timestamp) -> Result<(Connection, Migrated), StoreError> {
    let mut connection = open(url, Purpose::Write)?;
    let (applied, known) = match &mut connection {
        Connection::Sqlite(connection) => (versions(connection)?, names(&SQLITE)?),
        Connection::Postgres(connection) => (versions(connection)?, names(&POSTGRES)?),
    };
    if let Some(found) = applied.iter().find(|version| !known.contains(version)) {
        return Err(StoreError::NewerSchema { found: found.clone() });
    }
    let mut migrated = Migrated::default();
    if applied.len() < known.len() {
        if !applied.is_empty() && matches!(url, DatabaseUrl::Sqlite(_)) {
            migrated.backup = Some(backup(&mut connection, backups, &format!("before-migration-{}", now.as_millis()))?);
        }
        migrated.applied = match &mut connection {
            Connection::Sqlite(connection) => run(connection, SQLITE)?,
            Connection::Postgres(connection) => run(connection, POSTGRES)?,
        };
    }
    Ok((connection, migrated))
}

/// Writes a consistent copy of an embedded database to `folder/agent-queue-<label>.db` and returns its path. Blocking.
///
/// # Errors
/// [`StoreError::Unavailable`] when the folder cannot be made or is full; an existing file is not overwritten.
pub fn backup(connection: &mut Connection, folder: &Path, label: &str) -> Result<PathBuf, StoreError> {
    std::fs::create_dir_all(folder).map_err(|error| StoreError::Unavailable(format!("cannot create {}: {error}", folder.display())))?;
    let path = folder.join(format!("agent-queue-{label}.db"));
    let literal = path.to_string_lossy().replace('\'', "''");
    connection.batch(&format!("VACUUM INTO '{literal}'"))?;
    Ok(path)
}

fn versions<C, DB>(connection: &mut C) -> Result<Vec<String>, StoreError>
where
    C: MigrationHarness<DB>,
    DB: diesel::backend::Backend,
{
    let applied = connection.applied_migrations().map_err(|error| StoreError::Migration(error.to_string()))?;
    Ok(applied.into_iter().map(|version| version.to_string()).collect())
}

fn names(source: &EmbeddedMigrations) -> Result<Vec<String>, StoreError> {
    use diesel::migration::{Migration, MigrationSource};
    let migrations: Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>> =
        MigrationSource::<diesel::sqlite::Sqlite>::migrations(source).map_err(|error| StoreError::Migration(error.to_string()))?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

fn run<C, DB>(connection: &mut C, source: EmbeddedMigrations) -> Result<Vec<String>, StoreError>
where
    C: MigrationHarness<DB>,
    DB: diesel::backend::Backend,
{
    let applied = connection.run_pending_migrations(source).map_err(|error| StoreError::Migration(error.to_string()))?;
    Ok(applied.into_iter().map(|version| version.to_string()).collect())
}
