//! Bringing the schema up to date: numbered migrations, a backup before the first change, refusal of a newer schema.
//!
//! The migrations themselves lie in `server/migrations/<database>`, under the same names on both sides.

use std::path::{Path, PathBuf};

use aq_core::time::Timestamp;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::{DatabaseUrl, Purpose, open};
use super::dialect::{Connection, Dialect, Link};
use super::error::StoreError;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// What the name of a copy ends with until it is whole. SQLite's own file beside it begins with the same.
const UNFINISHED: &str = ".part";

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
    connection.lock_schema()?;
    let migrated = match connection.dialect() {
        Dialect::Sqlite => migrate(&mut connection, SQLITE, backups, now),
        Dialect::Postgres => migrate(&mut connection, POSTGRES, backups, now),
    }?;
    connection.unlock_schema()?;
    Ok((connection, migrated))
}

/// As [`open_migrated`], as the one server that writes: the connection holds the leader's lock until it ends, however it ends, so whoever cannot write any
/// more leads no more. `None`: another server leads. An embedded database is guarded by the lock of its home. Blocking.
///
/// # Errors
/// As [`open_migrated`].
pub fn open_leading(url: &DatabaseUrl, backups: &Path, now: Timestamp) -> Result<Option<(Connection, Migrated)>, StoreError> {
    let mut connection = open(url, Purpose::Write)?;
    if !connection.try_lead()? {
        return Ok(None);
    }
    connection.lock_schema()?;
    let migrated = match connection.dialect() {
        Dialect::Sqlite => migrate(&mut connection, SQLITE, backups, now),
        Dialect::Postgres => migrate(&mut connection, POSTGRES, backups, now),
    }?;
    connection.unlock_schema()?;
    Ok(Some((connection, migrated)))
}

/// Brings the schema to what `source` knows. When it fails, the connection is dropped by the caller and its lock goes with it.
fn migrate<S>(connection: &mut Connection, source: S, backups: &Path, now: Timestamp) -> Result<Migrated, StoreError>
where
    S: MigrationSource<Sqlite> + MigrationSource<Pg>,
{
    let applied = match &mut connection.link {
        Link::Sqlite(connection) => versions(connection)?,
        Link::Postgres(connection) => versions(connection)?,
    };
    if connection.dialect() == Dialect::Sqlite {
        remove_unfinished(backups);
    }
    let known = names(&source)?;
    if let Some(found) = applied.iter().find(|version| !known.contains(version)) {
        return Err(StoreError::NewerSchema { found: found.clone() });
    }
    let mut migrated = Migrated::default();
    if applied.len() < known.len() {
        if !applied.is_empty() && connection.dialect() == Dialect::Sqlite {
            migrated.backup = Some(backup(connection, backups, &format!("before-migration-{}", now.as_millis()))?);
        }
        migrated.applied = match &mut connection.link {
            Link::Sqlite(connection) => run::<_, Sqlite, _>(connection, source)?,
            Link::Postgres(connection) => run::<_, Pg, _>(connection, source)?,
        };
    }
    Ok(migrated)
}

/// Writes a consistent copy of an embedded database to `folder/agent-queue-<label>.db` and returns its path. It has that name only once it is whole
/// and on the disk, so that whatever ends the server in the middle leaves nothing that looks like a copy. Blocking.
///
/// # Errors
/// [`StoreError::Unavailable`] when the folder cannot be made, [`StoreError::Full`] when it takes nothing more; an existing file is not overwritten.
pub fn backup(connection: &mut Connection, folder: &Path, label: &str) -> Result<PathBuf, StoreError> {
    std::fs::create_dir_all(folder).map_err(|error| StoreError::Unavailable(format!("cannot create {}: {error}", folder.display())))?;
    let path = folder.join(format!("agent-queue-{label}.db"));
    if path.exists() {
        return Err(StoreError::Database(format!("{} is there already", path.display())));
    }
    let unfinished = folder.join(format!("agent-queue-{label}.db{UNFINISHED}"));
    let literal = unfinished.to_string_lossy().replace('\'', "''");
    let written = connection.batch(&format!("VACUUM INTO '{literal}'")).and_then(|()| {
        let named = name_finished(&unfinished, &path, folder);
        named.map_err(|error| StoreError::Full(format!("cannot keep {}: {error}", path.display())))
    });
    if let Err(error) = written {
        // What was written until the disk was full only takes room. It may not even be there.
        let _nothing = std::fs::remove_file(&unfinished);
        return Err(error);
    }
    Ok(path)
}

/// Gives a file its name when its content is on the disk, and has the disk remember the name.
fn name_finished(unfinished: &Path, path: &Path, folder: &Path) -> std::io::Result<()> {
    std::fs::File::open(unfinished)?.sync_all()?;
    std::fs::rename(unfinished, path)?;
    std::fs::File::open(folder)?.sync_all()
}

/// Removes what copies that were cut off have left: nobody else makes one while a server starts.
fn remove_unfinished(folder: &Path) {
    let Ok(read) = std::fs::read_dir(folder) else { return };
    for entry in read.flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with("agent-queue-") && name.contains(&format!(".db{UNFINISHED}")))
            && let Err(error) = std::fs::remove_file(entry.path())
        {
            tracing::warn!(%error, file = %entry.path().display(), "what is left of a copy cannot be removed");
        }
    }
}

/// As [`backup`], on a connection of its own, so that nobody waits for it. `None` for a database that is not embedded: its own tools do that. Blocking.
///
/// # Errors
/// As [`backup`].
pub fn copy(url: &DatabaseUrl, folder: &Path, label: &str) -> Result<Option<PathBuf>, StoreError> {
    match url {
        DatabaseUrl::Sqlite { .. } => backup(&mut open(url, Purpose::Write)?, folder, label).map(Some),
        DatabaseUrl::Postgres(_) => Ok(None),
    }
}

/// Opens a copy of an embedded database that is about to take its place. It is not migrated. Blocking.
///
/// # Errors
/// [`StoreError::NewerSchema`]; [`StoreError::Migration`] for a database that is none of ours.
pub fn open_copy(file: &Path) -> Result<Connection, StoreError> {
    let mut connection = open(&DatabaseUrl::sqlite(file), Purpose::Write)?;
    let (applied, known) = match &mut connection.link {
        Link::Sqlite(connection) => (versions(connection)?, names(&SQLITE)?),
        Link::Postgres(connection) => (versions(connection)?, names(&SQLITE)?),
    };
    if applied.is_empty() {
        return Err(StoreError::Migration("it is no database of Agent Queue".to_owned()));
    }
    match applied.into_iter().find(|version| !known.contains(version)) {
        Some(found) => Err(StoreError::NewerSchema { found }),
        None => Ok(connection),
    }
}

fn versions<C, DB>(connection: &mut C) -> Result<Vec<String>, StoreError>
where
    C: MigrationHarness<DB>,
    DB: diesel::backend::Backend,
{
    let applied = connection.applied_migrations().map_err(|error| StoreError::Migration(error.to_string()))?;
    Ok(applied.into_iter().map(|version| version.to_string()).collect())
}

fn names<S: MigrationSource<Sqlite>>(source: &S) -> Result<Vec<String>, StoreError> {
    let migrations: Vec<Box<dyn Migration<Sqlite>>> = source.migrations().map_err(|error| StoreError::Migration(error.to_string()))?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

fn run<C, DB, S>(connection: &mut C, source: S) -> Result<Vec<String>, StoreError>
where
    C: MigrationHarness<DB>,
    DB: diesel::backend::Backend,
    S: MigrationSource<DB>,
{
    let applied = connection.run_pending_migrations(source).map_err(|error| StoreError::Migration(error.to_string()))?;
    Ok(applied.into_iter().map(|version| version.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use diesel_migrations::FileBasedMigrations;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(7);

    /// A folder of migrations: the first is sound, each further one as given.
    fn steps(folder: &Path, further: &[&str]) -> FileBasedMigrations {
        let sound = "CREATE TABLE first (a INTEGER);";
        for (number, sql) in (1..).zip(std::iter::once(&sound).chain(further)) {
            let step = folder.join(format!("migrations/2026-01-01-{number:06}_step"));
            std::fs::create_dir_all(&step).unwrap();
            std::fs::write(step.join("up.sql"), sql).unwrap();
            std::fs::write(step.join("down.sql"), "").unwrap();
        }
        FileBasedMigrations::from_path(folder.join("migrations")).unwrap()
    }

    /// F-020, F-021, D-36: nothing of a step that fails is kept, what was there before is, and the copy made before says the same.
    fn a_failing_step_leaves_nothing(url: &DatabaseUrl, folder: &Path) {
        let mut db = open(url, Purpose::Write).unwrap();
        let first = migrate(&mut db, steps(folder, &[]), folder, NOW).unwrap();
        assert_eq!((first.applied.len(), first.backup), (1, None));
        db.batch("INSERT INTO first VALUES (1)").unwrap();
        let broken = "CREATE TABLE second (a INTEGER); INSERT INTO first VALUES (2); INSERT INTO missing VALUES (1);";
        let error = migrate(&mut db, steps(folder, &[broken]), folder, NOW).unwrap_err();
        assert!(matches!(&error, StoreError::Migration(text) if text.contains("missing")), "{error}");
        drop(db);

        let mut db = open(url, Purpose::Write).unwrap();
        assert!(db.batch("SELECT * FROM second").is_err());
        db.batch("CREATE UNIQUE INDEX one_row ON first ((1))").unwrap();
        // SQLite writes one copy for each start that found something to do, and never over an older one.
        let backup = folder.join("agent-queue-before-migration-7.db");
        assert_eq!(backup.exists(), matches!(url, DatabaseUrl::Sqlite { .. }));
        if backup.exists() {
            let mut copy = open(&DatabaseUrl::sqlite(&backup), Purpose::Read).unwrap();
            assert_eq!(copy.quick_check().unwrap(), Vec::<String>::new());
            copy.batch("SELECT a FROM first").unwrap();
            let again = migrate(&mut db, steps(folder, &[broken]), folder, NOW);
            assert!(again.is_err(), "an existing copy is not overwritten");
        }
        let repaired = migrate(&mut db, steps(folder, &["CREATE TABLE second (a INTEGER);"]), folder, Timestamp::from_millis(8)).unwrap();
        assert_eq!(repaired.applied.len(), 1);
        db.batch("SELECT * FROM second").unwrap();
    }

    #[test]
    fn a_failing_step_leaves_nothing_on_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        a_failing_step_leaves_nothing(&DatabaseUrl::sqlite(&folder.path().join("a.db")), folder.path());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests get the address of a database server from the environment")]
    fn a_failing_step_leaves_nothing_on_postgres() {
        let Ok(server) = std::env::var("AQ_TEST_POSTGRES_URL") else {
            eprintln!("AQ_TEST_POSTGRES_URL is not set: nothing was tested on PostgreSQL");
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let schema = format!("aq_migrate_{}", std::process::id());
        let mut admin = open(&DatabaseUrl::parse(&server), Purpose::Write).unwrap();
        admin.batch(&format!("CREATE SCHEMA {schema}")).unwrap();
        let sign = if server.contains('?') { '&' } else { '?' };
        a_failing_step_leaves_nothing(&DatabaseUrl::parse(&format!("{server}{sign}options=-csearch_path%3D{schema}")), folder.path());
        admin.batch(&format!("DROP SCHEMA {schema} CASCADE")).unwrap();
    }

    #[derive(diesel::QueryableByName)]
    struct Stored {
        #[diesel(sql_type = diesel::sql_types::Text)]
        sql: String,
    }

    /// Store R13, R21: the constraints of tasks and runs hold no list that SQLite would build anew for each row, and the
    /// database is sound.
    #[test]
    fn constraints_compare() {
        use diesel::RunQueryDsl as _;

        let folder = tempfile::tempdir().unwrap();
        let (mut db, _) = open_migrated(&DatabaseUrl::sqlite(&folder.path().join("a.db")), folder.path(), NOW).unwrap();
        let Link::Sqlite(link) = &mut db.link else { panic!("not the embedded database") };
        let tables = diesel::sql_query("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name IN ('tasks', 'runs')");
        let tables: Vec<Stored> = tables.load(link).unwrap();
        // Of two values SQLite makes comparisons by itself.
        let long_list =
            |line: &&str| line.split(" IN (").skip(1).any(|list| list.split(')').take(1).any(|list| list.matches(',').count() > 1));
        let found: Vec<_> = tables.iter().flat_map(|table| table.sql.lines().filter(long_list)).collect();
        assert_eq!((tables.len(), found), (2, Vec::new()));
        for status in ["status = 'READY' OR", "state = 'STARTING' OR"] {
            assert!(tables.iter().any(|table| table.sql.contains(status)), "{status}");
        }
        assert_eq!(db.quick_check().unwrap(), Vec::<String>::new());
    }

    /// Both databases have the same steps under the same names, each with a number of its own.
    #[test]
    fn both_databases_have_the_same_steps() {
        let steps = names(&SQLITE).unwrap();
        assert_eq!(steps, names(&POSTGRES).unwrap());
        assert!(steps.is_sorted_by(|before, after| before < after), "{steps:?}");
    }
}
