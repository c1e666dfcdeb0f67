//! Kills a process that is bringing an older database up to date, at each of its calls to the file system, and cuts its power.
//!
//! Migrations that fail by themselves are tested beside the code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aq_server::store::{DatabaseUrl, open_migrated};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rusqlite::types::Value;

use super::io::images::Disk;
use super::io::{Deed, Note, Recorder, amount, ended_well, log_of, notes, passing_folder};
use super::kill::variable;
use super::samples::at;

/// The database that [`migrates_until_it_is_killed`] brings up to date.
const FILE: &str = "AQ_MIGRATE_FILE";
/// Instead of that, it only makes a copy, and under its final name.
const COPY: &str = "AQ_MIGRATE_COPY";
/// The calls that change something, and those that open.
const CALLS: &str = "wstour";

/// Rows of the first schema, in most of its tables.
const ROWS: &str = "
    INSERT INTO settings VALUES ('events.seq', '300'), ('pause', 'no');
    INSERT INTO projects VALUES ('app', 'App', 'ACTIVE', 1.0, 2, NULL, '', 'main', NULL, '[]', NULL, 1, 1, NULL);
    INSERT INTO workspaces VALUES ('ws-1', 'app', 'LINK', '/work/1', '', 1, NULL);
    INSERT INTO accounts VALUES ('acc', 'Acc', '', 0.1, 0, 1, 1, NULL);
    INSERT INTO limit_windows VALUES ('acc', 'week', 'OK', 0.5, NULL, 'x', 1);
    INSERT INTO agents VALUES ('nova', 'Nova', 'SCRIPTED', 0, 'acc', '', 1, 1, NULL);
    WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < 120)
    INSERT INTO tasks SELECT k, 'task-' || k, 'app', NULL, 'Title ' || k, printf('%.400c', 'd'), 100, CASE WHEN k % 3 THEN 'COMPLETED' ELSE 'DEFINED' END,
        NULL, NULL, 'NONE', NULL, NULL, NULL, 1, 0, 3, 0, NULL, NULL, NULL, 0, NULL, NULL, 0, '[]', NULL, 'API', NULL, k, k, NULL, NULL FROM n;
    INSERT INTO task_dependencies SELECT key, key - 1 FROM tasks WHERE key % 6 = 0;
    INSERT INTO task_attachments SELECT key, 'CONTEXT', 0, 'note', 'text ' || key FROM tasks WHERE key % 4 = 0;
    INSERT INTO runs SELECT key, 1, id, 'app', 'nova', 'SCRIPTED', 'ws-1', 'ENDED', 'COMPLETED', NULL, '', 'done', '[]', '', NULL, '/work/1', '', NULL, 0,
        0, 5, 5, 0, 0, 1, 10, key, key + 1 FROM tasks WHERE status = 'COMPLETED';
    INSERT INTO token_ledger SELECT key, 1, 'm' || key, key, 'app', 'nova', 'acc', 'm', 5, 5, 0, 0, NULL FROM tasks;
    WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < 300)
    INSERT INTO events SELECT k, k, 'TASK_CREATED', 'app', 'task-' || (1 + k % 120), NULL, NULL, '{}' FROM n;
    INSERT INTO consumers VALUES ('gateway', 12, '', 0, 1);
    INSERT INTO api_keys VALUES ('k1', 'h', 'by hand', 'ADMIN', '*', NULL, NULL, 1, NULL, NULL);
";

/// Makes a database as a server wrote it that knew the first `known` migrations. `fresh` is one of today.
fn older(file: &Path, known: usize, fresh: &Path) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    let mut steps: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    steps.sort();
    let db = rusqlite::Connection::open(file).unwrap();
    // The list of migrations is diesel's own; its schema has never changed.
    let list: String = rusqlite::Connection::open(fresh)
        .unwrap()
        .query_row("SELECT sql FROM sqlite_schema WHERE name = '__diesel_schema_migrations'", [], |row| row.get(0))
        .unwrap();
    db.execute_batch(&format!("PRAGMA journal_mode = WAL; {list}")).unwrap();
    for (number, step) in steps.iter().take(known).enumerate() {
        db.execute_batch(&format!("BEGIN; {} COMMIT;", std::fs::read_to_string(step.join("up.sql")).unwrap())).unwrap();
        let name = step.file_name().unwrap().to_str().unwrap();
        let version = name.split('_').next().unwrap().replace('-', "");
        db.execute("INSERT INTO __diesel_schema_migrations (version) VALUES (?1)", [version]).unwrap();
        if number == 0 {
            db.execute_batch(ROWS).unwrap();
        }
    }
}

/// Each table with its columns and its rows, in an order of their own; and what the schema says of everything.
type Content = BTreeMap<String, Vec<BTreeMap<String, String>>>;

fn content(file: &Path) -> Content {
    read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn read(file: &Path) -> Result<Content, Box<dyn std::error::Error>> {
    let db = rusqlite::Connection::open(file)?;
    let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(sound.into());
    }
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut tables = db.prepare(tables)?;
    let mut tables: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    tables.push("sqlite_schema".to_owned());
    tables
        .into_iter()
        .map(|table| {
            let mut read = db.prepare(&format!("SELECT * FROM \"{table}\""))?;
            let columns: Vec<String> = read.column_names().into_iter().map(str::to_owned).collect();
            let row = |row: &rusqlite::Row<'_>| {
                let value = |(at, name): (usize, &String)| row.get::<_, Value>(at).map(|value| (name.clone(), format!("{value:?}")));
                columns.iter().enumerate().map(value).collect::<Result<BTreeMap<_, _>, _>>()
            };
            let mut rows = read.query_map([], row)?.collect::<Result<Vec<_>, _>>()?;
            for row in &mut rows {
                // When a step ran, and where its pages lie, is each database's own.
                row.remove("run_on");
                row.remove("rootpage");
            }
            rows.sort();
            Ok((table, rows))
        })
        .collect::<Result<_, rusqlite::Error>>()
        .map_err(Into::into)
}

/// Rows that were there before and are not any more, by the columns that both know.
fn lost(before: &Content, after: &Content) -> Vec<String> {
    let mut lost = Vec::new();
    for (table, rows) in before.iter().filter(|(table, _)| *table != "sqlite_schema") {
        let there = &after[table];
        let (old, new) = (rows.first().cloned().unwrap_or_default(), there.first().cloned().unwrap_or_default());
        let both = |column: &String| old.contains_key(column) && new.contains_key(column);
        let shared = |row: &BTreeMap<String, String>| -> Vec<(String, String)> {
            row.iter().filter(|(column, _)| both(column)).map(|(column, value)| (column.clone(), value.clone())).collect()
        };
        let there: std::collections::BTreeSet<_> = there.iter().map(shared).collect();
        lost.extend(rows.iter().map(shared).filter(|row| !there.contains(row)).map(|row| format!("{table}: {row:?}")));
    }
    lost
}

fn backups(file: &Path) -> PathBuf {
    file.with_file_name("backups")
}

/// The copies under their final name.
fn copies(file: &Path) -> Vec<PathBuf> {
    let Ok(read) = std::fs::read_dir(backups(file)) else { return Vec::new() };
    read.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|ending| ending == "db")).collect()
}

/// The process that is killed: it does nothing unless a test below started it.
#[test]
fn migrates_until_it_is_killed() {
    let Some(file) = variable(FILE).map(PathBuf::from) else { return };
    if let Some(copy) = variable(COPY) {
        rusqlite::Connection::open(&file).unwrap().execute("VACUUM INTO ?1", [copy]).unwrap();
        return println!("\nmigrated;");
    }
    drop(open_migrated(&DatabaseUrl::sqlite(&file), &backups(&file), at(5)).unwrap());
    println!("\nmigrated;");
}

/// An older database, and what it has to become.
struct Case {
    known: usize,
    file: PathBuf,
    before: Content,
    after: Content,
    /// What the process did that was not disturbed.
    log: Vec<u8>,
    home: tempfile::TempDir,
}

impl Case {
    fn new(recorder: &Recorder, known: usize) -> Self {
        let home = passing_folder();
        let (file, folder) = (home.path().join("older.db"), home.path().join("disk"));
        let fresh = home.path().join("fresh/agent-queue.db");
        drop(open_migrated(&DatabaseUrl::sqlite(&fresh), home.path(), at(1)).unwrap());
        older(&file, known, &fresh);
        let before = content(&file);
        std::fs::create_dir(&folder).unwrap();
        let migrated = folder.join("agent-queue.db");
        std::fs::copy(&file, &migrated).unwrap();
        let mut child = recorder.child("store::migrate_kill::migrates_until_it_is_killed", &folder);
        let told = ended_well(child.env(FILE, &migrated).env("AQ_IO_LOG", log_of(home.path()))).unwrap();
        assert!(told.contains("\nmigrated;"), "{told}");
        let after = content(&migrated);
        assert_eq!(lost(&before, &after), Vec::<String>::new(), "what was there before is there");
        let key_of = |id: &str| id.replace("Text(\"task-", "Integer(").replace("\")", ")");
        assert!(after["events"].iter().all(|event| event["task_key"] == key_of(&event["task_id"])), "older events keep their tasks (R31)");
        assert_eq!(content(&fresh)["sqlite_schema"], after["sqlite_schema"], "the schema is that of a new database");
        let log = std::fs::read(log_of(home.path())).unwrap();
        Self { known, file, before, after, log, home }
    }

    /// Looks at what was left of a start that was cut off, starts again, and looks again.
    fn resume(&self, file: &Path, what: &str) {
        for copy in copies(file) {
            assert!(content(&copy) == self.before, "{what}: {} is no copy of what was there", copy.display());
        }
        let (db, _) = open_migrated(&DatabaseUrl::sqlite(file), &backups(file), at(6)).unwrap_or_else(|error| panic!("{what}: {error}"));
        drop(db);
        assert!(content(file) == self.after, "{what}: the second start did not come to the same end");
        let whole = copies(file).iter().any(|copy| content(copy) == self.before);
        assert!(whole, "{what}: there is no copy of what was there before");
        let there = std::fs::read_dir(backups(file)).unwrap().count();
        assert_eq!(there, copies(file).len(), "{what}: something unfinished is left beside the copies");
    }

    /// Kills the process at its n-th call.
    fn kill_at(&self, recorder: &Recorder, nth: u64) -> bool {
        let home = passing_folder();
        let file = home.path().join("agent-queue.db");
        std::fs::copy(&self.file, &file).unwrap();
        let mut child = recorder.child("store::migrate_kill::migrates_until_it_is_killed", home.path());
        let deed = Deed::end(CALLS, nth);
        let told = ended_well(deed.to(recorder, &mut child).env(FILE, &file)).unwrap();
        let killed = !told.contains("\nmigrated;");
        self.resume(&file, &format!("killed at call {nth}, a database with {} migrations", self.known));
        killed
    }

    /// Cuts the power at a random instant of the undisturbed process.
    fn cut_power(&self, seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        let notes: Vec<Note<'_>> = notes(&self.log);
        let from = self.home.path().join("disk");
        let mut disk = Disk::default();
        disk.put(&from.join("agent-queue.db"), std::fs::read(&self.file).unwrap());
        let instant = random.random_range(0..=notes.len());
        notes[..instant].iter().for_each(|note| disk.follow(note));
        let image = passing_folder();
        disk.cut_power(&mut random, &from, image.path());
        let what = format!("power cut behind note {instant} of {}, seed {seed}, a database with {} migrations", notes.len(), self.known);
        self.resume(&image.path().join("agent-queue.db"), &what);
    }
}

/// Goal G26, store R19, R29: a start that is killed at any call while it brings an older database up to date, or whose power is cut, loses no row; the next
/// one comes to the same end; and a copy under its final name is whole. `AQ_EVERY_CALL=1` leaves no call out, `AQ_IMAGES` sets the power cuts.
#[test]
fn a_migration_killed_at_any_step_is_finished_by_the_next_start() {
    let recorder = Recorder::new();
    let (every, images) = (amount("AQ_EVERY_CALL", 0) == 1, amount("AQ_IMAGES", 40));
    let cases = [Case::new(&recorder, 1), Case::new(&recorder, 9)];
    let (mut kills, mut calls) = (0, Vec::new());
    for case in &cases {
        let all = notes(&case.log).iter().filter(|note| !matches!(note, Note::Told(_))).count() as u64;
        let mut nth = 1;
        while case.kill_at(&recorder, nth) {
            kills += 1;
            nth += if every { 1 } else { (all / 24).max(1) };
        }
        calls.push(all);
        (0..images / 2).for_each(|seed| case.cut_power(seed));
    }
    println!(
        "score: migrations killed: 0 rows lost, 0 starts that do not finish, 0 copies in part; {kills} kills at the calls {calls:?}, {images} power cuts"
    );
}

/// The test above can fail: a copy that has its final name while it is written is found half-written.
#[test]
fn a_copy_that_is_written_under_its_final_name_is_found_in_part() {
    let (recorder, home) = (Recorder::new(), passing_folder());
    let case = Case::new(&recorder, 1);
    let in_part = (1..).step_by(3).map_while(|nth| {
        let copy = home.path().join(format!("{nth}.db"));
        let mut child = recorder.child("store::migrate_kill::migrates_until_it_is_killed", home.path());
        let deed = Deed::end(CALLS, nth);
        let told = ended_well(deed.to(&recorder, &mut child).env(FILE, &case.file).env(COPY, &copy)).unwrap();
        (!told.contains("\nmigrated;")).then(|| copy.exists() && read(&copy).map_or(true, |found| found != case.before))
    });
    assert!(in_part.filter(|found| *found).count() > 0);
}
