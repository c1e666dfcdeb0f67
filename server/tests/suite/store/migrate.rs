//! Opening databases of every age.

use aq_core::project::Project;
use aq_server::store::{Reader, StoreError, open_migrated, projects};

use super::backend::{Home, on_both};
use super::samples::{at, project_id};

/// How many migrations there are.
fn steps() -> usize {
    std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite")).unwrap().count()
}

on_both! {
    /// F-020, D-31, D-32: a fresh database gets every table, an up-to-date one is left alone.
    fn a_second_start_changes_nothing(home) {
        let backups = home.folder().join("backups");
        let (mut db, first) = open_migrated(home.url(), &backups, at(1)).unwrap();
        assert_eq!(first.applied.len(), steps());
        assert_eq!(first.backup, None, "there was nothing to save");
        projects::insert(&mut db, &Project::new(project_id("app"), "App", at(1))).unwrap();
        drop(db);
        let (mut db, second) = open_migrated(home.url(), &backups, at(2)).unwrap();
        assert_eq!((second.applied.len(), second.backup), (0, None));
        assert_eq!(projects::all(&mut db).unwrap().len(), 1);
        assert!(Reader::start(home.url(), 1).is_ok());
    }

    /// F-020, D-32: a database of a newer server is not touched.
    fn a_newer_schema_is_refused(home) {
        let mut db = home.open();
        db.batch("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')").unwrap();
        drop(db);
        let refused = open_migrated(home.url(), home.folder(), at(2)).map(|_| ());
        assert!(matches!(&refused, Err(StoreError::NewerSchema { found }) if found == "29991231000001"), "{refused:?}");
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("newer version") && refused.contains("backup"), "{refused}");
    }
}

/// F-017: the pragmas that durability and safety rest on.
#[test]
fn the_file_is_set_up_on_sqlite() {
    let home = Home::sqlite();
    let _db = home.open();
    let raw = rusqlite::Connection::open(home.file()).unwrap();
    let mode: String = raw.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    assert!(home.file().with_extension("db-wal").exists());
}

/// Two servers that start at once on one database: one migrates, the other waits and finds it done.
#[test]
fn starting_together_migrates_once_on_postgres() {
    let Some(home) = Home::postgres() else { return };
    let applied: usize = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| open_migrated(home.url(), home.folder(), at(1)).unwrap().1.applied.len())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(applied, steps());
}
