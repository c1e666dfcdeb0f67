//! Puts a copy of the database in the place of the present one, while no server runs. At every moment one of the two is there, whole.
//!
//! Spec: specs/server/retention.md

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aq_core::time::Timestamp;
use aq_proto::client::read_key_file;

use crate::home::{Home, HomeError};
use crate::lifecycle::EPOCH;
use crate::store::{Connection, DatabaseUrl, StoreError, api_keys, open_copy, settings};

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Where what was there before lies; `None`: there was nothing.
    pub aside: Option<PathBuf>,
    /// Where the administrator's key of the home lies, when the copy does not know it; the next start makes a new one.
    pub key_aside: Option<PathBuf>,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Its own tools do that.
    #[error("the database is a PostgreSQL server; put a copy back with pg_restore")]
    NotEmbedded,
    /// A server runs, or the directory cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The copy must not be put back.
    #[error("{} cannot be put back: {problem}", path.display())]
    Unsound {
        /// The copy.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The file system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// What it is about.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A file beside the database that goes, unless it takes the database's place.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        for file in [self.0.clone(), beside(&self.0, "-wal"), beside(&self.0, "-shm")] {
            let _gone = std::fs::remove_file(file);
        }
    }
}

/// Puts `copy` in the place of the database (retention R11). Blocking.
///
/// # Errors
/// [`RestoreError`]; the present database is as it was then.
pub fn restore(home: &Path, url: &DatabaseUrl, copy: &Path, now: Timestamp) -> Result<Restored, RestoreError> {
    let DatabaseUrl::Sqlite { file, .. } = url else { return Err(RestoreError::NotEmbedded) };
    let home = Home::open(home)?;
    let unsound = |problem: String| RestoreError::Unsound { path: copy.to_owned(), problem };
    let same = |path: &Path| path.canonicalize().ok();
    if same(copy).is_some() && same(copy) == same(file) {
        return Err(unsound("it is the database itself".to_owned()));
    }
    let folder = file.parent().unwrap_or(home.path());
    std::fs::create_dir_all(folder).map_err(io_of(folder))?;
    let scratch = Scratch(folder.join(format!(".restore-{}.db", now.as_millis())));
    std::fs::copy(copy, &scratch.0).map_err(|error| unsound(error.to_string()))?;
    std::fs::set_permissions(&scratch.0, std::fs::Permissions::from_mode(0o600)).map_err(io_of(&scratch.0))?;
    let key_is_known = {
        let mut db = sound(&scratch.0).map_err(unsound)?;
        // Shims of the time after the copy heed no server with an older epoch than theirs.
        let epoch = settled(file).max(counter(&mut db));
        settings::set(&mut db, EPOCH, &epoch.to_string()).map_err(|error| unsound(error.to_string()))?;
        knows_key(&mut db, &home.path().join("admin.key"), now).map_err(|error| unsound(error.to_string()))?
    };
    File::open(&scratch.0).and_then(|file| file.sync_all()).map_err(io_of(&scratch.0))?;
    let aside = put_aside(file, &home.path().join("backups"), now)?;
    std::fs::rename(&scratch.0, file).map_err(io_of(file))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_of(folder))?;
    let key = home.path().join("admin.key");
    let mut restored = Restored { aside, key_aside: None };
    if !key_is_known && key.exists() {
        let old = home.path().join(format!("admin.key.before-restore-{}", now.as_millis()));
        std::fs::rename(&key, &old).map_err(io_of(&key))?;
        restored.key_aside = Some(old);
    }
    Ok(restored)
}

fn io_of(path: &Path) -> impl FnOnce(io::Error) -> RestoreError {
    let path = path.to_owned();
    move |source| RestoreError::Io { path, source }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The copy, whole and of a schema that this server knows.
fn sound(copy: &Path) -> Result<Connection, String> {
    let mut db = open_copy(copy).map_err(|error| error.to_string())?;
    let damage = db.quick_check().map_err(|error| error.to_string())?;
    match damage.first() {
        Some(first) => Err(format!("it is damaged ({first})")),
        None => Ok(db),
    }
}

fn counter(db: &mut Connection) -> u64 {
    settings::get(db, EPOCH).ok().flatten().and_then(|epoch| epoch.parse().ok()).unwrap_or(0)
}

/// Folds what the present database has written last into its file, and gives its epoch. One that is damaged is kept as it is.
fn settled(file: &Path) -> u64 {
    if !file.exists() {
        return 0;
    }
    let folded = open_copy(file).and_then(|mut db| {
        let epoch = counter(&mut db);
        db.batch("PRAGMA wal_checkpoint(TRUNCATE)").map(|()| epoch)
    });
    folded.unwrap_or(0)
}

/// True when the database knows the key in the file, or there is none.
fn knows_key(db: &mut Connection, file: &Path, now: Timestamp) -> Result<bool, StoreError> {
    let Ok(key) = read_key_file(file) else { return Ok(!file.exists()) };
    Ok(api_keys::get(db, key.kid())?.is_some_and(|known| known.admits(key.secret(), now)))
}

/// Keeps the present database under a name of its own, with what it has not folded into its file. The file itself stays until another takes its place.
fn put_aside(file: &Path, backups: &Path, now: Timestamp) -> Result<Option<PathBuf>, RestoreError> {
    if !file.exists() {
        return Ok(None);
    }
    std::fs::create_dir_all(backups).map_err(io_of(backups))?;
    let aside = backups.join(format!("agent-queue-before-restore-{}.db", now.as_millis()));
    std::fs::hard_link(file, &aside).or_else(|_| std::fs::copy(file, &aside).map(drop)).map_err(io_of(&aside))?;
    let log = beside(file, "-wal");
    if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        std::fs::copy(&log, beside(&aside, "-wal")).map_err(io_of(&log))?;
    }
    for ending in ["-wal", "-shm"] {
        let part = beside(file, ending);
        match std::fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_of(&part)(error)),
            _ => {}
        }
    }
    Ok(Some(aside))
}
