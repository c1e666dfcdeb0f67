//! Telling that tasks wait behind one that cannot complete.

use aq_core::event::EventKind;
use aq_core::ids::TaskId;
use aq_core::time::Timestamp;
use serde_json::json;

use super::announcing::{Subject, Tx, announce};
use super::error::LifecycleError;
use crate::store::{TaskRecord, chains};

/// Most tasks named in a notice; the count tells of all.
pub const STUCK_NAMED: usize = 20;

/// Says once who waits behind a task that was just BLOCKED; nothing when nobody does (F-090).
///
/// # Errors
/// When the rows cannot be read or written.
pub fn tell_stuck(tx: &mut Tx<'_>, record: &TaskRecord, now: Timestamp) -> Result<(), LifecycleError> {
    let stuck = chains::stuck_behind(tx.db, record.key)?;
    if stuck.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = stuck.iter().take(STUCK_NAMED).map(|link| TaskId::as_str(&link.id)).collect();
    let payload = json!({
        "blocked_task": record.task.id.as_str(), "title": record.task.title, "stuck": names, "count": stuck.len(),
        "reason": record.task.blocked_reason.map(aq_core::task::BlockedReason::as_str),
        "remedy": record.task.blocked_reason.map(aq_core::task::BlockedReason::remedy),
    });
    announce(tx, EventKind::ChainStuck, now, Subject::task(record), payload)
}
