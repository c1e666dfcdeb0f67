//! The only file that knows which database is in use: the connection that is one of two, and the macro that writes each query once
//! and compiles it for both.
//!
//! Query functions live beside their table; opening connections lives in `connection`.

use diesel::connection::SimpleConnection as _;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{QueryResult, QueryableByName, RunQueryDsl as _};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;

use super::blocking::OwnRuntime;
use super::error::StoreError;

/// The PostgreSQL connection behind diesel's synchronous interface.
pub(super) type PgConnection = AsyncConnectionWrapper<AsyncPgConnection, OwnRuntime>;

/// Held by the one write transaction that is open on a PostgreSQL database, and by the server that is migrating it.
const WRITE_LOCK: i64 = 0x4147_5155_4555_4501;

/// Held by the write connection of the server that leads.
const LEADER_LOCK: i32 = 0x4147_5155;

/// A connection to whichever database the server runs on.
pub struct Connection {
    pub(super) link: Link,
    pub(super) touched: Touched,
}

/// The connection that is one of two.
#[expect(clippy::large_enum_variant, reason = "a server has a handful of connections, each in a place of its own for its whole life")]
pub(super) enum Link {
    /// The embedded database.
    Sqlite(SqliteConnection),
    /// A PostgreSQL server.
    Postgres(PgConnection),
}

/// The tasks whose row, or whose run's row, was written since somebody asked: whoever keeps copies of rows lets go of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Keys of tasks.
    pub keys: Vec<i64>,
    /// True when nobody noted which: it may be any.
    pub any: bool,
}

/// The databases there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, embedded.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A statement that ends, begins or marks something and has no parameters. Its text is fixed, so that its preparation is kept.
macro_rules! fixed {
    ($($name:ident = $sql:literal;)+) => {$(
        #[derive(Clone, Copy, QueryId)]
        struct $name;

        impl QueryFragment<Sqlite> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
                out.push_sql($sql);
                Ok(())
            }
        }

        impl diesel::RunQueryDsl<SqliteConnection> for $name {}
    )+};
}

fixed! {
    Begin = "BEGIN IMMEDIATE";
    Commit = "COMMIT";
    Mark = "SAVEPOINT command";
    Keep = "RELEASE SAVEPOINT command";
    MarkPart = "SAVEPOINT part";
    KeepPart = "RELEASE SAVEPOINT part";
}

impl Connection {
    pub(super) fn new(link: Link) -> Self {
        Self { link, touched: Touched::default() }
    }

    /// Which database this is.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self.link {
            Link::Sqlite(_) => Dialect::Sqlite,
            Link::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The tasks whose rows were written since the last call.
    pub fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    /// Runs statements without parameters.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        match &mut self.link {
            Link::Sqlite(connection) => connection.batch_execute(sql)?,
            Link::Postgres(connection) => connection.batch_execute(sql)?,
        }
        Ok(())
    }

    /// Opens a write transaction that is alone until it ends. SQLite takes its write lock at once, so that a read-then-write never fails
    /// half-way; PostgreSQL takes a lock of ours that is held to the commit, so that event numbers become visible in their order.
    pub(super) fn begin_write(&mut self) -> Result<(), StoreError> {
        match &mut self.link {
            Link::Sqlite(connection) => Ok(Begin.execute(connection).map(drop)?),
            Link::Postgres(_) => self.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock({WRITE_LOCK})")),
        }
    }

    /// Commits the transaction that [`Connection::begin_write`] opened.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        match &mut self.link {
            Link::Sqlite(connection) => Ok(Commit.execute(connection).map(drop)?),
            Link::Postgres(_) => self.batch("COMMIT"),
        }
    }

    /// Takes back the whole transaction that [`Connection::begin_write`] opened.
    pub(super) fn roll_back(&mut self) -> Result<(), StoreError> {
        self.batch("ROLLBACK")
    }

    /// Marks the place to which one command can be taken back.
    pub(super) fn mark(&mut self) -> Result<(), StoreError> {
        match &mut self.link {
            Link::Sqlite(connection) => Ok(Mark.execute(connection).map(drop)?),
            Link::Postgres(_) => self.batch("SAVEPOINT command"),
        }
    }

    /// Keeps what was done since [`Connection::mark`].
    pub(super) fn keep(&mut self) -> Result<(), StoreError> {
        match &mut self.link {
            Link::Sqlite(connection) => Ok(Keep.execute(connection).map(drop)?),
            Link::Postgres(_) => self.batch("RELEASE SAVEPOINT command"),
        }
    }

    /// Takes back what was done since [`Connection::mark`].
    pub(super) fn take_back(&mut self) -> Result<(), StoreError> {
        self.batch("ROLLBACK TO SAVEPOINT command; RELEASE SAVEPOINT command").map_err(without_savepoint)
    }

    /// As [`Connection::mark`], for a part of a command.
    pub(super) fn mark_part(&mut self) -> Result<(), StoreError> {
        match &mut self.link {
            Link::Sqlite(connection) => Ok(MarkPart.execute(connection).map(drop)?),
            Link::Postgres(_) => self.batch("SAVEPOINT part"),
        }
    }

    /// As [`Connection::keep`], for a part of a command.
    pub(super) fn keep_part(&mut self) -> Result<(), StoreError> {
        match &mut self.link {
            Link::Sqlite(connection) => Ok(KeepPart.execute(connection).map(drop)?),
            Link::Postgres(_) => self.batch("RELEASE SAVEPOINT part"),
        }
    }

    /// As [`Connection::take_back`], for a part of a command.
    pub(super) fn take_back_part(&mut self) -> Result<(), StoreError> {
        self.batch("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part").map_err(without_savepoint)
    }

    /// Keeps other servers from migrating the same database meanwhile. An embedded database is guarded by the lock of its home.
    pub(super) fn lock_schema(&mut self) -> Result<(), StoreError> {
        match self.dialect() {
            Dialect::Sqlite => Ok(()),
            Dialect::Postgres => self.batch(&format!("SELECT pg_advisory_lock({WRITE_LOCK})")),
        }
    }

    /// Takes the leader's lock for as long as this connection lives; false when another server's connection has it. One for each schema.
    pub(super) fn try_lead(&mut self) -> Result<bool, StoreError> {
        match &mut self.link {
            Link::Sqlite(_) => Ok(true),
            Link::Postgres(connection) => {
                let sql = format!("SELECT pg_try_advisory_lock({LEADER_LOCK}, hashtext(current_schema())) AS leads");
                let answer: Leads = diesel::sql_query(sql).get_result(connection)?;
                Ok(answer.leads)
            }
        }
    }

    /// Ends what [`Connection::lock_schema`] began.
    pub(super) fn unlock_schema(&mut self) -> Result<(), StoreError> {
        match self.dialect() {
            Dialect::Sqlite => Ok(()),
            Dialect::Postgres => self.batch(&format!("SELECT pg_advisory_unlock({WRITE_LOCK})")),
        }
    }

    /// False when the connection is gone and a new one must be opened. An embedded database is never gone.
    pub(super) fn is_alive(&mut self) -> bool {
        self.dialect() == Dialect::Sqlite || self.batch("").is_ok()
    }

    /// True when losing the connection leaves open whether the last commit happened.
    pub(super) const fn commits_over_a_wire(&self) -> bool {
        matches!(self.link, Link::Postgres(_))
    }

    /// Looks for damage: the structure of the file and every foreign key on SQLite, an answer at all on PostgreSQL, which checks itself.
    /// Empty: none found. Reads the whole file, so it belongs on a reader. Damage that cuts the look itself short is found damage.
    ///
    /// # Errors
    /// [`StoreError`] when the check itself cannot run.
    pub fn quick_check(&mut self) -> Result<Vec<String>, StoreError> {
        let looked = match &mut self.link {
            Link::Postgres(connection) => connection.batch_execute("SELECT 1").map(|()| Vec::new()),
            Link::Sqlite(connection) => damage(connection),
        };
        match looked.map_err(StoreError::from) {
            Err(StoreError::Damaged(text)) => Ok(vec![text]),
            found => found,
        }
    }
}

/// SQLite answers some failures (of the disk, of memory) by taking back the whole transaction, and every savepoint goes with it. That is nobody's mistake.
fn without_savepoint(error: StoreError) -> StoreError {
    match error {
        StoreError::Database(text) if text.contains("no such savepoint") => {
            StoreError::Unavailable("a failure took back the whole transaction".to_owned())
        }
        other => other,
    }
}

/// What is wrong with the structure of the file; where that is sound, the rows that point at nothing.
fn damage(connection: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    let lines: Vec<CheckLine> = diesel::sql_query("PRAGMA quick_check(20)").load(connection)?;
    let broken: Vec<String> = lines.into_iter().map(|line| line.quick_check).filter(|line| line != "ok").collect();
    if !broken.is_empty() {
        return Ok(broken);
    }
    let orphans: Vec<Orphan> =
        diesel::sql_query("SELECT \"table\" AS name, parent FROM pragma_foreign_key_check LIMIT 20").load(connection)?;
    Ok(orphans.into_iter().map(|row| format!("a row of {} points at nothing in {}", row.name, row.parent)).collect())
}

#[derive(QueryableByName)]
struct Leads {
    #[diesel(sql_type = Bool)]
    leads: bool,
}

#[derive(QueryableByName)]
struct CheckLine {
    #[diesel(sql_type = Text)]
    quick_check: String,
}

#[derive(QueryableByName)]
struct Orphan {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    parent: String,
}

/// Writes query functions once and compiles them for both databases.
///
/// Each `fn name(connection, args…) -> Result<…> { … }` becomes a function over [`Connection`] that calls the body compiled against
/// the connection type in use. Inside the body `connection` is a plain diesel connection.
macro_rules! queries {
    ($($(#[$meta:meta])* $vis:vis fn $name:ident($connection:ident $(, $arg:ident : $kind:ty)* $(,)?) -> $result:ty $body:block)*) => {
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
            $vis fn $name(connection: &mut $crate::store::Connection $(, $arg: $kind)*) -> $result {
                match &mut connection.link {
                    $crate::store::dialect::Link::Sqlite(connection) => sqlite::$name(connection $(, $arg)*),
                    $crate::store::dialect::Link::Postgres(connection) => postgres::$name(connection $(, $arg)*),
                }
            }
        )*
    };
}
pub(super) use queries;
