//! Archives finished tasks that nobody touched for long. Each is a transaction of its own, so that one that cannot be archived stops no other
//! (D-28).

use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;

use super::policy::ArchivePolicy;
use crate::lifecycle::{Engine, LifecycleError, archive};
use crate::store::{Reader, StoreError, archive as rows, tasks};

/// Tasks looked for at once.
const PAGE: i64 = 500;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Tasks archived.
    pub archived: usize,
    /// Tasks that could not be; each is in the log.
    pub failed: usize,
}

/// Archives every task that the policy says: in one of its statuses, not changed for its time, without unfinished subtasks or, unless it is
/// COMPLETED, unfinished tasks that wait for it.
///
/// # Errors
/// When the tasks cannot be looked for, or the writer has ended. A task that cannot be archived is an entry of the log, not an error.
pub async fn archive_old(engine: &Engine, reader: &Reader, policy: &ArchivePolicy, now: Timestamp) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    if !policy.enabled {
        return Ok(swept);
    }
    let before = now.plus_millis(-policy.after_ms);
    let mut after = 0;
    loop {
        let statuses = policy.statuses.clone();
        let found = reader.read(move |db| rows::candidates(db, None, &statuses, before, after, PAGE)).await?;
        let Some(last) = found.last() else { return Ok(swept) };
        after = *last;
        for key in found {
            let statuses = policy.statuses.clone();
            match engine.submit(move |tx| one(tx, key, &statuses, before, now)).await {
                Ok(archived) => swept.archived += usize::from(archived),
                Err(LifecycleError::Store(StoreError::Closed)) => return Err(StoreError::Closed),
                Err(error) => {
                    swept.failed += 1;
                    tracing::warn!(key, %error, "a finished task cannot be archived; the others go on");
                }
            }
        }
    }
}

/// Looks again, in the transaction that archives: the task may have been restarted meanwhile.
fn one(
    tx: &mut crate::lifecycle::Tx<'_>,
    key: i64,
    statuses: &[TaskStatus],
    before: Timestamp,
    now: Timestamp,
) -> Result<bool, LifecycleError> {
    if rows::candidates(tx.db, None, statuses, before, key - 1, 1)?.first() != Some(&key) {
        return Ok(false);
    }
    let mut record = tasks::by_key(tx.db, key)?;
    archive(tx, &mut record, "system", now)
}
