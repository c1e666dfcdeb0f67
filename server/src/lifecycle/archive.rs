//! Into the archive and out of it: a mark, the figures that leave out what bears it, and the events.

use aq_core::event::EventKind;
use aq_core::task::Trigger;
use aq_core::time::Timestamp;
use serde_json::json;

use super::announcing::{Subject, Tx, announce};
use super::error::LifecycleError;
use super::moves::{Move, apply};
use crate::store::{TaskRecord, archive as rows};

/// Archives a finished task: it is no longer counted, and loses nothing. False when it is archived already or not finished.
///
/// # Errors
/// When the rows cannot be written.
pub fn archive(tx: &mut Tx<'_>, record: &mut TaskRecord, actor: &str, now: Timestamp) -> Result<bool, LifecycleError> {
    if !rows::archive(tx.db, record.key, now)? {
        return Ok(false);
    }
    (record.task.archived_at, record.task.updated_at) = (Some(now), now);
    tx.state.count(&record.task.project, Some(record.task.status), None);
    let payload = json!({ "title": record.task.title, "status": record.task.status.as_str(), "actor": actor });
    announce(tx, EventKind::TaskArchived, now, Subject::task(record), payload)?;
    Ok(true)
}

/// Brings an archived task back under its id, with fresh tries: DEFINED, and at once READY when it waits for nothing. What waits for it waits
/// again if it was COMPLETED. False when it is not in the archive.
///
/// # Errors
/// As [`apply`].
pub fn restore(tx: &mut Tx<'_>, record: &mut TaskRecord, actor: &str, now: Timestamp) -> Result<bool, LifecycleError> {
    if !rows::unarchive(tx.db, record.key, now)? {
        return Ok(false);
    }
    record.task.archived_at = None;
    tx.state.count(&record.task.project, None, Some(record.task.status));
    (record.task.retry_count, record.failure) = (0, None);
    let run = record.task.run_number;
    apply(tx, record, run, Move::by(actor, Trigger::Restore, now))?;
    if record.unmet == 0 {
        apply(tx, record, run, Move::system(Trigger::DepsMet, now))?;
    }
    Ok(true)
}
