//! Where a test's database lives: a folder of its own for SQLite, a schema of its own on PostgreSQL.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use aq_core::time::Timestamp;
use aq_server::store::{Connection, DatabaseUrl, open_migrated};
use tempfile::TempDir;

/// The URL of a PostgreSQL server for tests, and whether there has to be one.
#[expect(clippy::disallowed_methods, reason = "tests get the address of a database server from the environment")]
fn environment() -> (Option<String>, bool) {
    (std::env::var("AQ_TEST_POSTGRES_URL").ok(), std::env::var("AQ_REQUIRE_POSTGRES").is_ok_and(|value| value == "1"))
}

/// A database that goes away with the test.
pub(crate) struct Home {
    folder: TempDir,
    url: DatabaseUrl,
    schema: Option<(String, String)>,
}

impl Home {
    /// An embedded database.
    pub(super) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(&folder.path().join("db/agent-queue.db"));
        Self { folder, url, schema: None }
    }

    /// A schema on the PostgreSQL server that the environment names; says so when it names none.
    pub(crate) fn postgres() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let Some(server) = environment().0 else {
            eprintln!("AQ_TEST_POSTGRES_URL is not set: nothing was tested on PostgreSQL");
            return None;
        };
        let schema = format!("aq_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        postgres_batch(&server, &format!("CREATE SCHEMA {schema}"));
        let sign = if server.contains('?') { '&' } else { '?' };
        let url = DatabaseUrl::parse(&format!("{server}{sign}options=-csearch_path%3D{schema}"));
        Some(Self { folder: tempfile::tempdir().unwrap(), url, schema: Some((server, schema)) })
    }

    /// The database on a PostgreSQL server as a configuration names it.
    pub(crate) fn address(&self) -> String {
        let (server, schema) = self.schema.as_ref().unwrap();
        let sign = if server.contains('?') { '&' } else { '?' };
        format!("{server}{sign}options=-csearch_path%3D{schema}")
    }

    /// Where the database is.
    pub(crate) fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// The file of an embedded database.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("db/agent-queue.db")
    }

    /// The folder that goes away with the test.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A write connection to the migrated database.
    pub(super) fn open(&self) -> Connection {
        open_migrated(&self.url, &self.folder.path().join("backups"), Timestamp::from_millis(1)).unwrap().0
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some((server, schema)) = &self.schema {
            postgres_batch(server, &format!("DROP SCHEMA {schema} CASCADE"));
        }
    }
}

/// Runs statements on a PostgreSQL server, on a connection of their own.
pub(super) fn postgres_batch(server: &str, sql: &str) {
    let (server, sql) = (server.to_owned(), sql.to_owned());
    // A thread of its own, because some tests are asynchronous themselves.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&server, tokio_postgres::NoTls).await.unwrap();
            let driver = tokio::spawn(connection);
            client.batch_execute(&sql).await.unwrap();
            drop(client);
            driver.await.unwrap().unwrap();
        });
    })
    .join()
    .unwrap();
}

/// Writes tests over a [`Home`] once and runs them on both databases.
macro_rules! on_both {
    ($($(#[$meta:meta])* fn $name:ident($home:ident) $body:block)*) => {
        $($(#[$meta])* fn $name($home: &$crate::store::backend::Home) $body)*
        mod sqlite {
            $(#[test] fn $name() { super::$name(&$crate::store::backend::Home::sqlite()); })*
        }
        mod postgres {
            $(#[test] fn $name() {
                if let Some(home) = $crate::store::backend::Home::postgres() {
                    super::$name(&home);
                }
            })*
        }
    };
}
pub(super) use on_both;

/// Where PostgreSQL has to be tested, it is: CI sets both variables.
#[test]
fn postgres_is_tested_where_it_is_required() {
    let (url, required) = environment();
    assert!(!required || url.is_some(), "AQ_REQUIRE_POSTGRES=1 needs AQ_TEST_POSTGRES_URL");
}
