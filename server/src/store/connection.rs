//! Opening connections: where the database is, and how each connection is set up.

use std::fmt;
use std::path::{Path, PathBuf};

use diesel::Connection as _;
use diesel::sqlite::SqliteConnection;

use super::blocking::OwnRuntime;
use super::dialect::{Connection, Link, PgConnection};
use super::error::StoreError;

/// How much of an embedded database is kept in memory where nobody says otherwise, in MiB.
const CACHE_MIB: u64 = 28;

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// An embedded database.
    Sqlite {
        /// Its file.
        file: PathBuf,
        /// How much of it the connections keep in memory together, at most, in MiB.
        cache_mib: u64,
    },
    /// A `postgres://` URL; may hold a password, so it is never printed whole.
    Postgres(String),
}

impl DatabaseUrl {
    /// The embedded database at `path`.
    #[must_use]
    pub fn sqlite(path: &Path) -> Self {
        Self::Sqlite { file: path.to_owned(), cache_mib: CACHE_MIB }
    }

    /// The same database, of which its connections keep so many MiB in memory together; no more than before with PostgreSQL, whose server does that.
    #[must_use]
    pub fn with_cache(mut self, mib: u64) -> Self {
        if let Self::Sqlite { cache_mib, .. } = &mut self {
            *cache_mib = mib;
        }
        self
    }

    /// Reads a configured value: a `postgres://` or `postgresql://` URL, else a file path.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::Postgres(text.to_owned())
        } else {
            Self::sqlite(Path::new(text))
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { file, .. } => write!(f, "sqlite {}", file.display()),
            Self::Postgres(url) => match url.rsplit_once('@') {
                Some((_, host)) => write!(f, "postgres {host}"),
                None => f.write_str("postgres"),
            },
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The one connection that writes.
    Write,
    /// A connection that only reads.
    Read,
}

/// Opens a connection and sets it up.
///
/// On SQLite the busy timeout comes first, so that the switch to WAL itself waits for its lock; commits are synchronised in full, because an
/// acknowledged result must survive a power cut. Blocking; never call it on an asynchronous worker.
pub(super) fn open(url: &DatabaseUrl, purpose: Purpose) -> Result<Connection, StoreError> {
    match url {
        DatabaseUrl::Sqlite { file, cache_mib } => {
            if let Some(parent) = file.parent() {
                std::fs::create_dir_all(parent)
                    .map_err(|error| StoreError::Unavailable(format!("cannot create {}: {error}", parent.display())))?;
            }
            let mut connection = Connection::new(Link::Sqlite(SqliteConnection::establish(&file.to_string_lossy())?));
            connection.batch(
                "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                 PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA journal_size_limit = 67108864; \
                 PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY;",
            )?;
            // The one that writes needs four times as much as each of the three that read.
            let part = cache_mib.saturating_mul(1024) / 7;
            connection.batch(&match purpose {
                Purpose::Write => format!("PRAGMA cache_size = -{};", part.saturating_mul(4)),
                Purpose::Read => format!("PRAGMA cache_size = -{part}; PRAGMA query_only = ON;"),
            })?;
            Ok(connection)
        }
        DatabaseUrl::Postgres(url) => {
            OwnRuntime::available().map_err(|error| StoreError::Unavailable(format!("cannot open a connection: {error}")))?;
            let mut connection = Connection::new(Link::Postgres(PgConnection::establish(url)?));
            // The writer may wait: its batch belongs to nobody else. A reader that takes this long has lost its caller.
            connection.batch(match purpose {
                Purpose::Write => {
                    "SET application_name = 'aqd writer'; SET statement_timeout = 0; SET lock_timeout = 0; \
                     SET idle_in_transaction_session_timeout = 0; SET synchronous_commit = on"
                }
                Purpose::Read => {
                    "SET application_name = 'aqd reader'; SET statement_timeout = '60s'; SET default_transaction_read_only = on"
                }
            })?;
            Ok(connection)
        }
    }
}

#[cfg(test)]
mod tests {
    use diesel::{QueryableByName, RunQueryDsl as _};

    use super::*;

    /// Store R34: the connections share what may be kept in memory, most of it for the one that writes.
    #[test]
    fn connections_share_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(&folder.path().join("a.db"));
        for (url, kept) in [(url.clone(), [16_384, 4_096]), (url.with_cache(7), [4_096, 1_024])] {
            for (purpose, kib) in [Purpose::Write, Purpose::Read].into_iter().zip(kept) {
                let Link::Sqlite(mut db) = open(&url, purpose).unwrap().link else { panic!("an embedded database") };
                let size = diesel::sql_query("SELECT cache_size FROM pragma_cache_size").get_result::<Size>(&mut db).unwrap();
                assert_eq!(size.cache_size, -kib);
            }
        }
    }

    #[derive(QueryableByName)]
    struct Size {
        #[diesel(sql_type = diesel::sql_types::Integer)]
        cache_size: i32,
    }

    /// F-039: a URL with a password is never printed whole.
    #[test]
    fn printing_hides_the_password() {
        let url = DatabaseUrl::parse("postgres://aq:geheim@127.0.0.1:5432/aq");
        assert_eq!(url.to_string(), "postgres 127.0.0.1:5432/aq");
        assert!(!format!("{url:?}").contains("geheim"));
    }
}
