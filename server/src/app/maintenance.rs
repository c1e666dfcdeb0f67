//! What is looked after in the background: output made durable, old things removed, room on the disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::api::REQUESTS_KEPT_MS;
use crate::clock::SharedClock;
use crate::commands::CommandError;
use crate::config::ServerConfig;
use crate::events::{OutputHub, Wake};
use crate::lifecycle::Engine;
use crate::orchestrator::{self, Policy};
use crate::shutdown::Shutdown;
use crate::store::{Reader, StoreError, events, requests};

/// How often output is made durable.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// How often old things are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// How often the room on the disk is looked at.
const DISK_EVERY: Duration = Duration::from_secs(10);

/// How often stuck tasks are looked for.
const STUCK_EVERY: Duration = Duration::from_secs(60);

/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// Makes appended output durable once a second.
pub(super) async fn sync_output(hub: OutputHub, shutdown: Shutdown) -> Result<(), StoreError> {
    let mut timer = tokio::time::interval(SYNC_EVERY);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = shutdown.drain().cancelled() => return Ok(()),
        }
        let log = hub.log().clone();
        let failed = tokio::task::spawn_blocking(move || log.sync()).await.unwrap_or_default();
        for (run, error) in failed {
            tracing::warn!(%run, %error, "output is not durable yet");
        }
    }
}

/// Removes what is older than the configuration keeps.
pub(super) async fn sweep(engine: Engine, clock: SharedClock, config: ServerConfig, shutdown: Shutdown) -> Result<(), StoreError> {
    let days = i64::try_from(config.retention.events_days).unwrap_or(i64::MAX / DAY_MS);
    let mut timer = tokio::time::interval(SWEEP_EVERY);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = shutdown.drain().cancelled() => return Ok(()),
        }
        let now = clock.now();
        let (old_events, old_requests) = (now.plus_millis(-days.saturating_mul(DAY_MS)), now.plus_millis(-REQUESTS_KEPT_MS));
        let (events, requests) = engine
            .submit(move |tx| {
                let events = events::remove_before(tx.db, old_events)?;
                Ok::<_, StoreError>((events, requests::remove_before(tx.db, old_requests)?))
            })
            .await?;
        if events + requests > 0 {
            tracing::info!(events, requests, "removed old events and answers kept for repeated requests");
        }
    }
}

/// Archives old finished tasks, at the start and then once an hour.
pub(super) async fn archive(
    engine: Engine,
    reader: Reader,
    clock: SharedClock,
    policy: Arc<Policy>,
    shutdown: Shutdown,
) -> Result<(), StoreError> {
    let mut timer = tokio::time::interval(SWEEP_EVERY);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = shutdown.drain().cancelled() => return Ok(()),
        }
        let swept = orchestrator::archive_old(&engine, &reader, &policy.archive, clock.now()).await?;
        if swept != orchestrator::Swept::default() {
            tracing::info!(archived = swept.archived, failed = swept.failed, "archived old finished tasks");
        }
    }
}

/// Tells of tasks that are stuck for long.
pub(super) async fn tell_stuck(
    engine: Engine,
    reader: Reader,
    clock: SharedClock,
    policy: Arc<Policy>,
    shutdown: Shutdown,
) -> Result<(), StoreError> {
    let mut timer = tokio::time::interval(STUCK_EVERY);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = shutdown.drain().cancelled() => return Ok(()),
        }
        orchestrator::tell_stuck(&engine, &reader, policy.stuck_after_ms, clock.now()).await?;
    }
}

/// Stops new starts while the disk has less room than the configured reserve, and says so. Runs go on.
pub(super) async fn watch_disk(engine: Engine, wake: Wake, home: PathBuf, reserve: u64, shutdown: Shutdown) -> Result<(), CommandError> {
    let mut timer = tokio::time::interval(DISK_EVERY);
    let mut short = false;
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = shutdown.drain().cancelled() => return Ok(()),
        }
        let Ok(room) = rustix::fs::statvfs(&home) else { continue };
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        if (free < reserve) != short {
            short = free < reserve;
            let reason = short.then(|| {
                format!("{} MiB are free on the disk of {}, less than the reserve of {} MiB", free >> 20, home.display(), reserve >> 20)
            });
            match &reason {
                Some(reason) => tracing::warn!(%reason, "nothing new starts"),
                None => tracing::info!("there is room on the disk again"),
            }
            engine
                .submit(move |tx| {
                    tx.state.set_degraded(reason.clone());
                    Ok::<_, CommandError>(())
                })
                .await?;
            wake.ring();
        }
    }
}
