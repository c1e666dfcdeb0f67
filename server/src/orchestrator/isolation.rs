//! One task that cannot be moved keeps nobody else waiting: its part of a pass is taken back, told once, and tried again later.
//!
//! What a part does lives in `pass` and `reports`; how a part is taken back lives in the store's writer.

use aq_core::event::EventKind;
use aq_core::ids::{ProjectId, TaskId};
use aq_core::time::Timestamp;
use serde_json::json;

use crate::lifecycle::{HeldUp, LifecycleError, Subject, Tx, announce};
use crate::store::tasks;

/// First wait before a task that could not be moved is tried again, in milliseconds; doubled up to [`LONGEST_WAIT_MS`].
pub(super) const FIRST_WAIT_MS: i64 = 60_000;
/// Longest wait between two tries, in milliseconds.
pub(super) const LONGEST_WAIT_MS: i64 = 3_600_000;

/// Does `part` for the task by itself. `None`: it could not be done, which was noted.
///
/// # Errors
/// When the database refuses for now: then nothing of the whole pass can be done.
pub(super) fn alone<T>(
    tx: &mut Tx<'_>,
    key: i64,
    now: Timestamp,
    part: impl FnOnce(&mut Tx<'_>) -> Result<T, LifecycleError>,
) -> Result<Option<T>, LifecycleError> {
    match tx.apart(part)? {
        Ok(done) => {
            tx.state.put_held_up(key, None);
            Ok(Some(done))
        }
        Err(LifecycleError::Store(error)) if error.is_transient() => Err(error.into()),
        Err(error) => {
            hold_up(tx, key, now, &error)?;
            Ok(None)
        }
    }
}

/// Notes that a task could not be moved. Logged and told the first time only.
///
/// # Errors
/// When the event cannot be written.
pub(super) fn hold_up(tx: &mut Tx<'_>, key: i64, now: Timestamp, error: &LifecycleError) -> Result<(), LifecycleError> {
    let tries = tx.state.held_up.get(&key).map_or(1, |held| held.tries.saturating_add(1));
    let wait = FIRST_WAIT_MS.saturating_mul(1_i64.checked_shl(tries.min(16) - 1).unwrap_or(1)).min(LONGEST_WAIT_MS);
    let until = now.plus_millis(wait);
    tx.state.put_held_up(key, Some(HeldUp { until, tries }));
    if tries > 1 {
        return Ok(());
    }
    // The row may be what cannot be read, so only its name is asked for, as it is stored.
    let (id, project, title) = tasks::label(tx.db, key)?.unwrap_or_default();
    tracing::error!(task = %id, key, %error, "a task could not be moved; the others go on, and it is tried again");
    let subject =
        Subject { project: ProjectId::parse(&project).ok(), task: TaskId::parse(&id).ok(), task_key: Some(key), ..Subject::default() };
    announce(tx, EventKind::TaskHeldUp, now, subject, json!({ "title": title, "until": until.as_millis() }))
}

/// When the next task that could not be moved is tried again.
#[must_use]
pub(super) fn next_try(tx: &Tx<'_>, now: Timestamp) -> Option<Timestamp> {
    tx.state.held_up.values().map(|held| held.until).filter(|until| *until > now).min()
}
