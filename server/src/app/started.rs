//! The parts that hold the state: the writer with its figures, the readers, events and output. Nothing is decided or served yet.

use std::sync::Arc;

use super::error::{AppError, io};
use super::policy;
use crate::beat::Activity;
use crate::clock::SharedClock;
use crate::config::{ServerConfig, sections};
use crate::events::{EventBus, OutputHub, OutputLog, Wake};
use crate::lifecycle::{EPOCH, Engine, Figures, Hot, load};
use crate::store::{Connection, DatabaseUrl, Migrated, Reader, StoreError, WriterThread, settings};

/// Threads that read the database.
const READERS: usize = 3;

/// A server whose parts run but that takes no calls yet.
pub struct Started {
    /// The writer.
    pub engine: Engine,
    /// The readers.
    pub reader: Reader,
    /// Events.
    pub bus: EventBus,
    /// Run output.
    pub hub: OutputHub,
    /// The clock.
    pub clock: SharedClock,
    /// Rings the orchestrator.
    pub wake: Wake,
    /// The figures decisions are made with.
    pub policy: Arc<crate::orchestrator::Policy>,
    pub(super) writer: WriterThread,
}

impl Started {
    /// What tells whether anything happens.
    pub(super) fn activity(&self) -> Activity {
        Activity { bus: self.bus.clone(), hub: self.hub.clone() }
    }
}

/// The database that the configuration names.
pub(crate) fn database(config: &ServerConfig) -> DatabaseUrl {
    match &config.database.url {
        sections::DatabaseUrl::Sqlite(path) => DatabaseUrl::sqlite(path).with_cache(config.database.cache_mib),
        sections::DatabaseUrl::Postgres(url) => DatabaseUrl::parse(url.expose()),
    }
}

/// Counts the start on the database that was opened, and starts writer and readers. Blocking work happens on a blocking thread.
///
/// # Errors
/// [`AppError::Store`].
pub async fn start(
    config: &ServerConfig,
    clock: SharedClock,
    policy: crate::orchestrator::Policy,
    opened: (Connection, Migrated),
) -> Result<Started, AppError> {
    let (url, span) = (database(config), policy::window_ms(config));
    let now = clock.now();
    let opened = tokio::task::spawn_blocking(move || -> Result<(Connection, Figures, Reader), StoreError> {
        let (mut connection, migrated) = opened;
        if !migrated.applied.is_empty() {
            tracing::info!(applied = ?migrated.applied, backup = ?migrated.backup, "brought the database up to date");
        }
        let epoch = settings::get(&mut connection, EPOCH)?.and_then(|value| value.parse::<u64>().ok()).unwrap_or(0) + 1;
        settings::set(&mut connection, EPOCH, &epoch.to_string())?;
        let figures = load(&mut connection, now, span)?;
        for row in &figures.aside {
            tracing::error!(row = %row.subject, found = %row.message, "a row cannot be read; everything else goes on. `aqctl doctor` says what helps");
        }
        Ok((connection, figures, Reader::start(&url, READERS)?))
    });
    let (connection, figures, reader) = opened.await.map_err(|error| StoreError::Database(error.to_string()))??;
    let hub = OutputHub::new(OutputLog::open(&config.server.home.join("output")).map_err(io("the output folder cannot be made"))?);
    let bus = EventBus::new(figures.last_event);
    let publisher = bus.clone();
    let (engine, writer) = Engine::start(connection, Hot::new(figures), move |facts| publisher.publish(facts))?;
    Ok(Started { engine, reader, bus, hub, clock, wake: Wake::default(), policy: Arc::new(policy), writer })
}
