//! Tells people of tasks that have waited for long behind others that cannot complete: once per task and threshold.
//!
//! That a task was BLOCKED while others wait for it is told at once, by `lifecycle`.

use std::collections::{BTreeMap, BTreeSet};

use aq_core::event::EventKind;
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use serde_json::json;

use super::isolation::alone;
use crate::lifecycle::{Engine, LifecycleError, Subject, Tx, announce};
use crate::store::{Reader, StoreError, chains, task_trees, tasks};

/// Pairs of a stuck task and what it waits behind that are looked at in one round.
const PAIRS: i64 = 5_000;
/// Tasks told about in one transaction, so that nobody else waits for long.
const PER_COMMIT: usize = 50;
/// Most blockers named in a notice.
const NAMED: usize = 10;
/// An hour, in milliseconds.
const HOUR_MS: f64 = 3_600_000.0;

/// Tells of every DEFINED task that nobody changed for `threshold_ms`, that waits behind a FAILED or BLOCKED one, and that was not told of
/// within the threshold. What is no longer stuck is forgotten, so that it is told anew another time. Returns how many were told. A threshold of
/// 0 or less tells nothing.
///
/// # Errors
/// When the rows cannot be read or written.
pub async fn tell_stuck(engine: &Engine, reader: &Reader, threshold_ms: i64, now: Timestamp) -> Result<usize, StoreError> {
    if threshold_ms <= 0 {
        return Ok(0);
    }
    let before = now.plus_millis(-threshold_ms);
    let (found, told) = reader
        .read(move |db| {
            let found: BTreeSet<i64> = task_trees::stuck(db, before, PAIRS)?.into_iter().map(|stuck| stuck.key).collect();
            let told: BTreeMap<i64, Timestamp> = chains::all_told(db)?.into_iter().collect();
            Ok::<_, StoreError>((found, told))
        })
        .await?;
    let gone: Vec<i64> = told.keys().filter(|key| !found.contains(key)).copied().collect();
    let due: Vec<i64> = found.into_iter().filter(|key| told.get(key).is_none_or(|at| *at <= before)).collect();
    for part in gone.chunks(PER_COMMIT) {
        let part = part.to_vec();
        engine.submit(move |tx| forget(tx, &part)).await?;
    }
    let mut count = 0;
    for part in due.chunks(PER_COMMIT) {
        let part = part.to_vec();
        count += engine.submit(move |tx| tell(tx, &part, before, now)).await?;
    }
    Ok(count)
}

/// Forgets those that wait behind nothing any more; one that was merely edited keeps its instant.
fn forget(tx: &mut Tx<'_>, keys: &[i64]) -> Result<(), StoreError> {
    let mut gone = Vec::new();
    for key in keys {
        let task = match tasks::by_key(tx.db, *key) {
            // Nobody knows whether it waits: what was told of it stays.
            Err(StoreError::Corrupt { .. }) => continue,
            read => read?,
        };
        let waits = task.task.status == TaskStatus::Defined && task.deleted_at.is_none();
        if !waits || chains::blockers(tx.db, *key)?.is_empty() {
            gone.push(*key);
        }
    }
    chains::forget(tx.db, &gone)
}

/// Looks again, in the transaction that tells: what was found may have moved on.
fn tell(tx: &mut Tx<'_>, keys: &[i64], before: Timestamp, now: Timestamp) -> Result<usize, LifecycleError> {
    let mut count = 0;
    for key in keys {
        // One that something else holds up has been told of, and is tried again by whoever noted it.
        if !tx.state.is_held_up(*key, now) {
            let told = alone(tx, *key, now, |tx| tell_of(tx, *key, before, now))?;
            count += usize::from(told == Some(true));
        }
    }
    Ok(count)
}

/// Tells of one task; false when it is not stuck any more, or was told of.
fn tell_of(tx: &mut Tx<'_>, key: i64, before: Timestamp, now: Timestamp) -> Result<bool, LifecycleError> {
    let record = tasks::by_key(tx.db, key)?;
    let blockers = chains::blockers(tx.db, key)?;
    let waits = record.task.status == TaskStatus::Defined && record.deleted_at.is_none();
    if !waits || blockers.is_empty() || chains::told(tx.db, key)?.is_some_and(|at| at > before) {
        return Ok(false);
    }
    chains::tell(tx.db, key, now)?;
    let names: Vec<String> = blockers.iter().take(NAMED).map(|link| format!("{} ({})", link.id, link.status)).collect();
    #[expect(clippy::cast_precision_loss, reason = "hours told with one digit need no more than 52 bits of milliseconds")]
    let hours = (now.millis_since(record.task.created_at) as f64 / HOUR_MS * 10.0).round() / 10.0;
    let payload = json!({ "title": record.task.title, "waiting_on": names, "blockers": blockers.len(), "hours": hours });
    announce(tx, EventKind::TaskStuck, now, Subject::task(&record), payload)?;
    Ok(true)
}
