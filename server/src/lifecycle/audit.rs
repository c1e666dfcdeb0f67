//! Writing the audit log: a record in the transaction of what it tells, behind the newest one.
//!
//! What a record says lives in `aq_core::audit`; which calls have one, in `api`.
//!
//! Spec: specs/server/audit.md

use aq_core::audit::{Entry, Place, Record};

use super::announcing::Tx;
use crate::store::{Connection, StoreError, audit};

/// Writes a record.
///
/// # Errors
/// When the row cannot be written; then nothing of what it tells may be kept either.
pub fn record(tx: &mut Tx<'_>, entry: Entry) -> Result<(), StoreError> {
    let record = Record::behind(tx.state.audit, entry);
    match audit::insert(tx.db, &record) {
        // A row that another program put there. The next start goes on behind it, and a look at the log names it.
        Err(StoreError::Conflict(_)) => {
            return Err(StoreError::Corrupt {
                column: "audit_log.seq",
                found: format!("a record {} that this server did not write", record.seq),
            });
        }
        other => other?,
    }
    tx.state.set_audit(record.place());
    Ok(())
}

/// Where the next record goes: behind the newest one that was written. Rows that somebody added behind it keep their numbers, and their
/// hashes are not taken up, so that they stay visible as what they are.
pub(super) fn load(db: &mut Connection) -> Result<Place, StoreError> {
    let newest = audit::newest(db)?;
    Ok(Place { seq: newest.seq.max(audit::last(db)?), ..newest })
}
