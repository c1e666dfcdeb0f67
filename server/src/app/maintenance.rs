//! What is looked after in the background, and when: output made durable, old things removed, room on the disk, a sound database.
//!
//! What is done lives in `retention` and `copies`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::degraded::Condition;
use super::retention::Keeper;
use crate::api::KeyRing;
use crate::background::{Background, OnExit};
use crate::beat::{Activity, Beat};
use crate::clock::SharedClock;
use crate::commands::CommandError;
use crate::events::OutputHub;
use crate::lifecycle::Engine;
use crate::orchestrator::{self, Policy};
use crate::shutdown::Shutdown;
use crate::store::{Reader, StoreError, api_keys};

/// How soon after it was appended output is made durable, and how often at most.
const SYNC_AFTER: Duration = Duration::from_secs(1);

/// How often the room on the disk is looked at while anything happens.
const DISK_EVERY: Duration = Duration::from_secs(10);

/// How often stuck tasks are looked for.
const STUCK_EVERY: Duration = Duration::from_secs(60);

/// How often the use of keys is written.
const KEYS_EVERY: Duration = Duration::from_secs(60);

/// How often old things are looked for.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// When a loop begins after the start, so that starts stay quick; spread by chance up to twice this.
pub(super) const FIRST_AFTER: Duration = Duration::from_secs(20);

/// Waits `wait` and up to a tenth more (the first time: up to twice as long), so that the loops of a server, and of several, do not come all at once.
/// False when the server drains.
pub(super) async fn pause(wait: Duration, spread: f64, shutdown: &Shutdown) -> bool {
    let wait = wait.mul_f64(1.0 + spread * rand::random::<f64>());
    tokio::select! {
        () = tokio::time::sleep(wait) => true,
        () = shutdown.drain().cancelled() => false,
    }
}

/// Starts the loops of retention.
pub(super) fn spawn(background: &Background, keeper: &Keeper) {
    /// A loop that does `$work` of the keeper soon after the start and then once an hour.
    macro_rules! hourly {
        ($name:literal, $work:ident) => {
            let keeper = keeper.clone();
            background.spawn($name, OnExit::Restart, move |shutdown| {
                let keeper = keeper.clone();
                async move {
                    let mut more = pause(FIRST_AFTER, 1.0, &shutdown).await;
                    while more {
                        keeper.$work().await?;
                        more = pause(SWEEP_EVERY, 0.1, &shutdown).await;
                    }
                    Ok::<(), CommandError>(())
                }
            });
        };
    }
    hourly!("old records", records);
    hourly!("old output", output);
    hourly!("old work directories", work_directories);
    hourly!("room for work", room_for_work);
    hourly!("old references", mirrors);
    hourly!("database copies", copies);
    hourly!("database check", check_database);
}

/// Makes output durable a second after it was appended; without output it sleeps.
pub(super) async fn sync_output(hub: OutputHub, shutdown: Shutdown) -> Result<(), StoreError> {
    let due = async || {
        hub.log().appended().await;
        tokio::time::sleep(SYNC_AFTER).await;
    };
    loop {
        tokio::select! {
            () = due() => {}
            () = shutdown.drain().cancelled() => return Ok(()),
        }
        let log = hub.log().clone();
        let failed = tokio::task::spawn_blocking(move || log.sync()).await.unwrap_or_default();
        for (run, error) in failed {
            tracing::warn!(%run, %error, "output is not durable yet");
        }
    }
}

/// Writes once a minute when keys were last used, and once more at the end.
pub(super) async fn note_keys(engine: Engine, ring: KeyRing, shutdown: Shutdown) -> Result<(), StoreError> {
    let mut timer = Beat::every(KEYS_EVERY);
    loop {
        let ending = tokio::select! {
            _ = timer.tick() => false,
            () = shutdown.drain().cancelled() => true,
        };
        let used = ring.take_used();
        if !used.is_empty() {
            engine.submit(move |tx| used.iter().try_for_each(|(kid, at)| api_keys::note_used(tx.db, kid, *at))).await?;
        }
        if ending {
            return Ok(());
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
    let mut timer = Beat::every(SWEEP_EVERY);
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
    let mut timer = Beat::every(STUCK_EVERY);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = shutdown.drain().cancelled() => return Ok(()),
        }
        orchestrator::tell_stuck(&engine, &reader, policy.stuck_after_ms, clock.now()).await?;
    }
}

/// Stops new starts while the disk has less room than the configured reserve, and says so. Runs go on.
pub(super) async fn watch_disk(
    condition: Condition,
    activity: Activity,
    home: PathBuf,
    reserve: u64,
    shutdown: Shutdown,
) -> Result<(), CommandError> {
    let (mut timer, mut waiting) = (Beat::while_active(DISK_EVERY, activity), Beat::every(DISK_EVERY));
    // What was said last; nothing yet.
    let mut said: Option<Option<String>> = None;
    loop {
        // While starts wait for room, nothing happens just because of that.
        let timer = if matches!(said, Some(Some(_))) { &mut waiting } else { &mut timer };
        tokio::select! {
            _ = timer.tick() => {}
            () = shutdown.drain().cancelled() => return Ok(()),
        }
        let Ok(room) = rustix::fs::statvfs(&home) else { continue };
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        let reason = (free < reserve).then(|| {
            format!("{} MiB are free on the disk of {}, less than the reserve of {} MiB", free >> 20, home.display(), reserve >> 20)
        });
        // The writer need not be woken to hear the same again.
        if said.as_ref() != Some(&reason) {
            condition.set("disk", reason.clone()).await?;
            said = Some(reason);
        }
    }
}
