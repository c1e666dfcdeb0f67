//! What can go wrong in the store, told apart by what the caller can do about it.

use diesel::result::{ConnectionError, DatabaseErrorKind, Error as DieselError};

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The row is not there.
    #[error("row not found")]
    NotFound,
    /// A uniqueness rule was broken: the row exists, or an agent or workspace is leased already.
    #[error("conflict: {0}")]
    Conflict(String),
    /// A rule of the schema was broken. This is a defect of ours, caught before it could be stored.
    #[error("refused by a rule of the schema: {0}")]
    Refused(String),
    /// The database cannot be reached or has no memory left; trying again later may help.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The disk takes no more: it is full, over a quota, or failing. What was stored before is there; trying again helps when there is room.
    #[error("the disk takes nothing more: {0}")]
    Full(String),
    /// Another program holds the lock of the database; trying again helps when it has let go.
    #[error("another program holds the database: {0}")]
    Locked(String),
    /// A stored value cannot be read: the column and what was found.
    #[error("stored value of {column} cannot be read: {found}")]
    Corrupt {
        /// Table and column.
        column: &'static str,
        /// What was found.
        found: String,
    },
    /// The file of the database is damaged: a part of it is not what SQLite wrote, or cannot be read from the disk, which SQLite does not tell apart.
    #[error("the database is damaged: {0}; stop the server and put the newest sound copy of its backups in its place (aqd restore)")]
    Damaged(String),
    /// The schema was written by a newer server.
    #[error(
        "the database was written by a newer version (it has migration {found}); start that version, or restore the backup made before the upgrade"
    )]
    NewerSchema {
        /// The newest migration found.
        found: String,
    },
    /// A migration failed; nothing of it was kept.
    #[error("migration failed: {0}")]
    Migration(String),
    /// The store is closing.
    #[error("the store is closing")]
    Closed,
    /// A command ended by a panic; what it had done was taken back. A defect of ours.
    #[error("a defect ended the command: {0}")]
    Panicked(String),
    /// Any other answer of the database.
    #[error("database error: {0}")]
    Database(String),
}

impl StoreError {
    /// True when the same call may succeed later without a change by anybody.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_) | Self::Locked(_) | Self::Closed)
    }

    /// The same error once more, for another command that met it; defects are told as text.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Unavailable(text) => Self::Unavailable(text.clone()),
            Self::Full(text) => Self::Full(text.clone()),
            Self::Locked(text) => Self::Locked(text.clone()),
            Self::Damaged(text) => Self::Damaged(text.clone()),
            Self::Refused(text) => Self::Refused(text.clone()),
            Self::Conflict(text) => Self::Conflict(text.clone()),
            other => Self::Database(other.to_string()),
        }
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(kind, info) => {
                let message = info.message().to_owned();
                match kind {
                    DatabaseErrorKind::UniqueViolation => Self::Conflict(message),
                    DatabaseErrorKind::ForeignKeyViolation | DatabaseErrorKind::CheckViolation | DatabaseErrorKind::NotNullViolation => {
                        Self::Refused(message)
                    }
                    DatabaseErrorKind::ClosedConnection
                    | DatabaseErrorKind::UnableToSendCommand
                    | DatabaseErrorKind::ReadOnlyTransaction
                    | DatabaseErrorKind::SerializationFailure => Self::Unavailable(message),
                    _ => told_as_text(message),
                }
            }
            other => Self::Database(other.to_string()),
        }
    }
}

/// Both databases report these conditions as plain texts; diesel passes them on without the code.
fn told_as_text(message: String) -> StoreError {
    // The third is a log whose locks were refused over and over.
    const LOCKED: [&str; 3] = ["database is locked", "database table is locked", "locking protocol"];
    const DAMAGED: [&str; 3] = ["database disk image is malformed", "malformed database schema", "file is not a database"];
    // A quota, or a file that may not grow, is an I/O error to SQLite.
    const FULL: [&str; 3] = ["database or disk is full", "disk I/O error", "No space left on device"];
    const AWAY: [&str; 6] = [
        "unable to open database file",
        "readonly database",
        "out of memory",
        "the database system is",
        "terminating connection",
        "deadlock detected",
    ];
    let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if says(&LOCKED) {
        StoreError::Locked(message)
    } else if says(&FULL) {
        StoreError::Full(message)
    } else if says(&AWAY) {
        StoreError::Unavailable(message)
    } else if says(&DAMAGED) {
        StoreError::Damaged(message)
    } else {
        StoreError::Database(message)
    }
}

impl From<ConnectionError> for StoreError {
    fn from(error: ConnectionError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
