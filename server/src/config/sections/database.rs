//! Section `database`: which database keeps the state.
//!
//! Keys: `url`, `cache_mib`. The user name and password of a PostgreSQL URL are never printed (F-039).

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::config::reader::Reader;
use crate::config::secret::{MASK, Secret};

/// Which database keeps the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Database {
    /// Where it is. Default: SQLite at `<home>/db/agent-queue.db`.
    pub url: DatabaseUrl,
    /// How much of an embedded database its connections keep in memory together, at most, in MiB: 1 to 65,536.
    pub cache_mib: u64,
}

/// The place of a database. `Debug`, `Display` and serialisation mask the credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// An SQLite file, absolute path.
    Sqlite(PathBuf),
    /// A `postgres://` or `postgresql://` URL.
    Postgres(Secret),
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => f.write_str(&masked(url.expose())),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Database {
    pub(in crate::config) fn read(mut reader: Reader<'_>, home: &Path) -> Self {
        let url = match reader.optional_text("url") {
            None => None,
            Some(text) if text.starts_with("postgres://") || text.starts_with("postgresql://") => {
                Some(DatabaseUrl::Postgres(Secret::new(text)))
            }
            Some(text) => {
                let path = ["sqlite://", "sqlite:"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(&text);
                // The text is not quoted: what looks like a broken URL may well hold a password.
                if path.contains("://") {
                    let remedy = "write `sqlite:/path/to/file.db` or `postgres://user:password@host/database`".to_owned();
                    reader.error("url", "names a database we do not know", Some(remedy));
                    None
                } else {
                    reader.resolve_path("url", path).map(DatabaseUrl::Sqlite)
                }
            }
        };
        let cache_mib = reader.count("cache_mib", 1..=65_536, 28);
        reader.finish();
        Self { cache_mib, url: url.unwrap_or_else(|| DatabaseUrl::Sqlite(home.join("db").join("agent-queue.db"))) }
    }
}

/// Scheme, host and database of a URL; the credentials and the parameters, which may hold a password, are masked.
fn masked(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let (rest, parameters) = match rest.split_once('?') {
        Some((rest, _)) => (rest, format!("?{MASK}")),
        None => (rest, String::new()),
    };
    match rest.rsplit_once('@') {
        Some((_, place)) => format!("{scheme}://{MASK}@{place}{parameters}"),
        None => format!("{scheme}://{rest}{parameters}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-039: neither password nor user nor parameters are printed, wherever they hide.
    #[test]
    fn a_printed_url_has_no_credentials() {
        for (url, shown) in [
            ("postgres://u:p@ss@db:5432/aq", "postgres://***@db:5432/aq"),
            ("postgresql://db/aq?user=u&password=hush", "postgresql://db/aq?***"),
            ("postgres://u:hush@/aq?host=/run", "postgres://***@/aq?***"),
        ] {
            let url = DatabaseUrl::Postgres(Secret::new(url.to_owned()));
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
        }
    }
}
