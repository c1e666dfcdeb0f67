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
    /// The database cannot be reached, is locked or has no space; trying again later may help.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A stored value cannot be read: the column and what was found.
    #[error("stored value of {column} cannot be read: {found}")]
    Corrupt {
        /// Table and column.
        column: &'static str,
        /// What was found.
        found: String,
    },
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
        matches!(self, Self::Unavailable(_) | Self::Closed)
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
                    _ if is_unavailable(&message) => Self::Unavailable(message),
                    _ => Self::Database(message),
                }
            }
            other => Self::Database(other.to_string()),
        }
    }
}

/// Both databases report these conditions as plain texts; diesel passes them on without the code.
fn is_unavailable(message: &str) -> bool {
    [
        "database is locked",
        "database table is locked",
        "database or disk is full",
        "disk I/O error",
        "unable to open database file",
        "readonly database",
        "No space left on device",
        "the database system is",
        "terminating connection",
        "deadlock detected",
    ]
    .iter()
    .any(|text| message.contains(text))
}

impl From<ConnectionError> for StoreError {
    fn from(error: ConnectionError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
