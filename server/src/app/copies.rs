//! Copies of an embedded database, and the look for damage in it.
//!
//! Spec: specs/server/retention.md

use std::path::{Path, PathBuf};

use aq_core::retention::{DAY_MS, copies_to_remove};
use aq_core::time::Timestamp;

use super::retention::{Keeper, blocking};
use crate::commands::CommandError;
use crate::store::{DatabaseUrl, StoreError, copy, settings};

/// The setting that holds when the database was last looked through.
const CHECKED: &str = "database.checked_at";
/// What the names of daily copies begin with.
const DAILY: &str = "agent-queue-daily-";

impl Keeper {
    /// Makes the copy of the day, unless there is one or the disk has no room for it, and removes the oldest beyond the number kept (R5).
    /// Returns the new copy.
    ///
    /// # Errors
    /// When the folder cannot be read or the copy not be written; older copies stay then.
    pub async fn copies(&self) -> Result<Option<PathBuf>, CommandError> {
        let now = self.condition.clock.now();
        let (url, folder, kept, reserve) =
            (self.database.clone(), self.home.join("backups"), self.kept.backups, self.kept.disk_reserve_bytes);
        let copying = move || {
            let DatabaseUrl::Sqlite { file, .. } = &url else { return Ok(None) };
            let due = |made: Timestamp| now.millis_since(made) >= DAY_MS;
            let mut made = None;
            if daily(&folder)?.last().is_none_or(|(at, _)| due(*at)) && has_room(&folder, file, reserve)? {
                made = copy(&url, &folder, &format!("daily-{}", now.as_millis())).map_err(std::io::Error::other)?;
            }
            let all = daily(&folder)?;
            for (_, path) in all.iter().take(copies_to_remove(all.len(), kept)) {
                std::fs::remove_file(path)?;
            }
            Ok::<_, std::io::Error>(made)
        };
        blocking("the database cannot be copied", copying).await
    }

    /// Looks through the database once a day (R7). Damage stops all starts and says what to do. Returns what was found.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn check_database(&self) -> Result<Vec<String>, CommandError> {
        let now = self.condition.clock.now();
        let last = match self.reader.read(|db| settings::get(db, CHECKED)).await {
            // Damage that hides when the last look was is one more reason to look.
            Err(StoreError::Damaged(_)) => None,
            last => last?.and_then(|at| at.parse().ok()).map(Timestamp::from_millis),
        };
        if last.is_some_and(|last| now.millis_since(last) < DAY_MS) {
            return Ok(Vec::new());
        }
        let found = self.reader.read(|db| db.quick_check()).await?;
        let reason = found.first().map(|first| {
            format!(
                "the database is damaged ({first}); stop the server and put the newest sound copy of {} in its place (aqd restore)",
                self.home.join("backups").display()
            )
        });
        let sound = reason.is_none();
        self.condition.set("database", reason).await?;
        if sound {
            // Only a sound look counts: a damaged database is looked at again, and told again after a restart.
            self.condition.engine.submit(move |tx| settings::set(tx.db, CHECKED, &now.as_millis().to_string())).await?;
        }
        Ok(found)
    }
}

/// The daily copies with their times, oldest first.
fn daily(folder: &Path) -> std::io::Result<Vec<(Timestamp, PathBuf)>> {
    let read = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let stamp = |name: &str| name.strip_prefix(DAILY)?.strip_suffix(".db")?.parse().ok().map(Timestamp::from_millis);
    let mut found: Vec<_> = read.flatten().filter_map(|entry| Some((stamp(entry.file_name().to_str()?)?, entry.path()))).collect();
    found.sort();
    Ok(found)
}

/// True when the disk would keep its reserve beside another copy of `file`.
fn has_room(folder: &Path, file: &Path, reserve: u64) -> std::io::Result<bool> {
    std::fs::create_dir_all(folder)?;
    let room = rustix::fs::statvfs(folder)?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    Ok(free.saturating_sub(std::fs::metadata(file)?.len()) > reserve)
}
