//! The only file that knows which database is in use: the connection that is one of two, and the macro that writes each query once
//! and compiles it for both.
//!
//! Query functions live beside their table; opening connections lives in `connection`.

use diesel::connection::SimpleConnection as _;
use diesel::sqlite::SqliteConnection;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;

use super::error::StoreError;

/// The PostgreSQL connection behind diesel's synchronous interface.
pub(super) type PgConnection = AsyncConnectionWrapper<AsyncPgConnection>;

/// A connection to whichever database the server runs on.
pub enum Connection {
    /// The embedded database.
    Sqlite(SqliteConnection),
    /// A PostgreSQL server.
    Postgres(PgConnection),
}

/// The databases there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, embedded.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Connection {
    /// Which database this is.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs statements without parameters.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sql)?,
            Self::Postgres(connection) => connection.batch_execute(sql)?,
        }
        Ok(())
    }

    /// Opens a write transaction. SQLite takes its write lock at once, so that a read-then-write never fails half-way; on PostgreSQL
    /// the writer holds the only write transaction of the scheduling leader.
    pub(super) fn begin_write(&mut self) -> Result<(), StoreError> {
        match self.dialect() {
            Dialect::Sqlite => self.batch("BEGIN IMMEDIATE"),
            Dialect::Postgres => self.batch("BEGIN"),
        }
    }
}

/// Writes query functions once and compiles them for both databases.
///
/// Each `pub fn name(connection, args…) -> Result<…> { … }` becomes a function over [`Connection`] that calls the body compiled against
/// the connection type in use. Inside the body `connection` is a plain diesel connection.
macro_rules! queries {
    ($($(#[$meta:meta])* pub fn $name:ident($connection:ident $(, $arg:ident : $kind:ty)* $(,)?) -> $result:ty $body:block)*) => {
        mod sqlite {
            #[allow(unused_imports, clippy::allow_attributes, reason = "each table file uses its own part of the prelude")]
            use super::*;
            $(pub(super) fn $name($connection: &mut diesel::sqlite::SqliteConnection $(, $arg: $kind)*) -> $result $body)*
        }
        mod postgres {
            #[allow(unused_imports, clippy::allow_attributes, reason = "each table file uses its own part of the prelude")]
            use super::*;
            $(pub(super) fn $name($connection: &mut $crate::store::dialect::PgConnection $(, $arg: $kind)*) -> $result $body)*
        }
        $(
            $(#[$meta])*
            pub fn $name(connection: &mut $crate::store::Connection $(, $arg: $kind)*) -> $result {
                match connection {
                    $crate::store::Connection::Sqlite(connection) => sqlite::$name(connection $(, $arg)*),
                    $crate::store::Connection::Postgres(connection) => postgres::$name(connection $(, $arg)*),
                }
            }
        )*
    };
}
pub(super) use queries;
