//! What is old goes: run output, events, kept answers, keys of ended runs, work directories of ended tasks, rescues,
//! notes in mirrors.
//!
//! What of it goes is decided in `aq_core::retention`; when it is looked for lives in `maintenance`, copies of the database in `copies`.
//!
//! Spec: specs/server/retention.md

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use aq_core::audit::Entry;
use aq_core::ids::{RunRef, TaskId};
use aq_core::principal::Principal;
use aq_core::retention::{Seated, StoredOutput, days_before, directory_goes, output_to_remove};
use aq_core::runner_link::{RunnerLink, RunnerOrder};
use aq_core::task::TaskStatus;
use aq_runner::git::Rooms;

use super::degraded::Condition;
use crate::api::REQUESTS_KEPT_MS;
use crate::commands::CommandError;
use crate::config::sections;
use crate::events::OutputHub;
use crate::lifecycle::{Tx, record};
use crate::store::{DatabaseUrl, Reader, StoreError, api_keys, audit, events, requests, retention};

/// Events, and records of the audit log, removed in one command, so that the writer is never held up for long.
const EVENTS_AT_ONCE: i64 = 5_000;

/// Rescues of a project that stay however old they are.
const RESCUES_KEPT: usize = 10;

/// Removes what is older than the configuration keeps.
#[derive(Clone)]
pub struct Keeper {
    /// The writer, the clock and the machine's condition.
    pub condition: Condition,
    /// The readers.
    pub reader: Reader,
    /// Run output.
    pub hub: OutputHub,
    /// Who removes work directories.
    pub link: Arc<dyn RunnerLink>,
    /// The mirrors and work directories.
    pub rooms: Rooms,
    /// The data directory.
    pub home: PathBuf,
    /// The database.
    pub database: DatabaseUrl,
    /// How long things are kept.
    pub kept: sections::Retention,
}

/// Does blocking work beside the asynchronous workers.
pub(super) async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, CommandError> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    done.map_err(|error| CommandError::Unavailable(format!("{what}: {error}")))
}

impl Keeper {
    /// Removes old records of the audit log, and records that it did (audit R8).
    async fn audit(&self) -> Result<(), CommandError> {
        let now = self.condition.clock.now();
        let before = days_before(now, self.kept.audit_days);
        loop {
            let cut = move |tx: &mut Tx<'_>| {
                let removed = audit::remove_some_before(tx.db, before, EVENTS_AT_ONCE)?;
                if removed > 0 {
                    let until = audit::cut(tx.db)?.seq;
                    let entry = Entry {
                        at: now,
                        actor: (&Principal::server()).into(),
                        method: "server:audit_cut".to_owned(),
                        choices: vec![format!("removed={removed}"), format!("until={until}")],
                        origin: "inside".to_owned(),
                        code: "OK".to_owned(),
                        ..Entry::default()
                    };
                    record(tx, entry)?;
                }
                Ok::<_, StoreError>(removed)
            };
            let removed = self.condition.engine.submit(cut).await?;
            if i64::try_from(removed).unwrap_or(i64::MAX) < EVENTS_AT_ONCE {
                return Ok(());
            }
        }
    }

    /// Removes old events, answers kept for repeated requests, and keys of runs that are over (R3). Returns how many of each.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn records(&self) -> Result<(usize, usize, usize), CommandError> {
        let now = self.condition.clock.now();
        let (old_events, old_requests) = (days_before(now, self.kept.events_days), now.plus_millis(-REQUESTS_KEPT_MS));
        let mut removed = 0;
        loop {
            let some = self.condition.engine.submit(move |tx| events::remove_some_before(tx.db, old_events, EVENTS_AT_ONCE)).await?;
            removed += some;
            if i64::try_from(some).unwrap_or(i64::MAX) < EVENTS_AT_ONCE {
                break;
            }
        }
        self.audit().await?;
        let (requests, keys) = self
            .condition
            .engine
            .submit(move |tx| {
                let requests = requests::remove_before(tx.db, old_requests)?;
                Ok::<_, StoreError>((requests, api_keys::remove_of_runs_before(tx.db, old_requests)?))
            })
            .await?;
        if removed + requests + keys > 0 {
            tracing::info!(events = removed, requests, keys, "removed old records");
        }
        Ok((removed, requests, keys))
    }

    /// Removes output of runs that ended long ago, and the oldest when all together take too much (R1). Returns whose went.
    ///
    /// # Errors
    /// When the output folder or the database cannot be read.
    pub async fn output(&self) -> Result<Vec<RunRef>, CommandError> {
        let log = self.hub.log().clone();
        let files = blocking("the output folder cannot be read", move || log.stored()).await?;
        let tasks: BTreeSet<TaskId> = files.iter().map(|(run, ..)| run.task.clone()).collect();
        let tasks: Vec<_> = tasks.into_iter().collect();
        let ends: BTreeMap<RunRef, _> = self.reader.read(move |db| retention::run_ends(db, &tasks)).await?.into_iter().collect();
        let stored: Vec<_> = files
            .into_iter()
            .map(|(run, bytes, written)| {
                // What no row knows is as old as its last byte.
                let ended_at = ends.get(&run).copied().unwrap_or(Some(written));
                StoredOutput { run, bytes, ended_at }
            })
            .collect();
        let before = days_before(self.condition.clock.now(), self.kept.output_days);
        let gone = output_to_remove(&stored, before, self.kept.output_bytes);
        let (log, list) = (self.hub.log().clone(), gone.clone());
        let removing = move || {
            for run in &list {
                if let Err(error) = log.remove(run) {
                    tracing::warn!(%run, %error, "old output could not be removed");
                }
            }
            Ok(())
        };
        blocking("old output cannot be removed", removing).await?;
        if !gone.is_empty() {
            tracing::info!(runs = gone.len(), "removed old output");
        }
        Ok(gone)
    }

    /// Orders the removal of work directories whose tasks are over, those that a killed server left behind included (R2). The runner saves
    /// what is not on the task's branch first. Returns the tasks.
    ///
    /// # Errors
    /// When the folders or the database cannot be read.
    pub async fn work_directories(&self) -> Result<Vec<TaskId>, CommandError> {
        let rooms = self.rooms.clone();
        let seated = blocking("the work directories cannot be read", move || rooms.seated()).await?;
        let projects: BTreeMap<TaskId, _> = seated.into_iter().map(|(project, task)| (task, project)).collect();
        let names: Vec<TaskId> = projects.keys().cloned().collect();
        let seats = self.reader.read(move |db| retention::seats(db, &names)).await?;
        let before = days_before(self.condition.clock.now(), self.kept.workspace_days);
        let wanted: Vec<i64> = seats.iter().map(|seat| seat.key).collect();
        // Asked of the writer: a run that begins after this finds its directory gone or its actor in the way of the removal.
        let open: BTreeSet<i64> = self
            .condition
            .engine
            .submit(move |tx| Ok::<_, CommandError>(wanted.iter().filter(|key| tx.state.runs.contains_key(*key)).copied().collect()))
            .await?;
        let mut cleared = Vec::new();
        for seat in seats {
            let task =
                Seated { status: seat.status, deleted: seat.deleted, open_run: open.contains(&seat.key), updated_at: seat.updated_at };
            let (Some(branch), Some(project)) = (seat.branch, projects.get(&seat.task)) else { continue };
            if seat.run_number == 0 || !directory_goes(task, before) {
                continue;
            }
            let run = RunRef { task: seat.task.clone(), number: seat.run_number };
            self.link.order(RunnerOrder::Clear { run, project: project.clone(), branch });
            cleared.push(seat.task);
        }
        if !cleared.is_empty() {
            tracing::info!(tasks = cleared.len(), "work directories of tasks that are over go, after what they hold is saved");
        }
        Ok(cleared)
    }

    /// Lets go of rescues past their time and of notes about tasks that were over long ago (R4), and packs mirrors that lie in many files. Returns how many
    /// rescues went, and the notes of how many tasks.
    ///
    /// # Errors
    /// When the mirrors cannot be listed, or the database cannot be read; one mirror that cannot be read is logged.
    pub async fn mirrors(&self) -> Result<(usize, usize), CommandError> {
        let (rooms, before) = (self.rooms.clone(), days_before(self.condition.clock.now(), self.kept.rescue_refs_days));
        let listing = rooms.clone();
        let listed = move || {
            let mut names = BTreeSet::new();
            for project in listing.mirrored()? {
                let rescues = listing.list_rescues(&project).unwrap_or_default();
                names.extend(rescues.into_iter().filter(|rescue| rescue.at < before).map(|rescue| rescue.run.task));
                names.extend(listing.noted(&project).unwrap_or_default());
            }
            Ok::<_, std::io::Error>(names)
        };
        let names: Vec<TaskId> = blocking("the mirrors cannot be listed", listed).await?.into_iter().collect();
        let seats = self.reader.read(move |db| retention::seats(db, &names)).await?;
        // A task that a person may still take up again keeps what its runs left, however long it waits. One that no row knows is over.
        let open = |seat: &&retention::Seat| !seat.deleted && seat.status != TaskStatus::Completed;
        let waiting: BTreeSet<TaskId> = seats.iter().filter(open).map(|seat| seat.task.clone()).collect();
        // Of a task that no row knows it is not known since when it is over, so its notes stay.
        let long_over = seats.into_iter().filter(|seat| !open(&seat) && seat.updated_at < before);
        let long_over: Vec<(TaskId, String)> = long_over.filter_map(|seat| Some((seat.task, seat.branch?))).collect();
        let pruning = move || {
            let (mut rescues_gone, mut notes_gone) = (0, 0);
            for project in rooms.mirrored()? {
                match rooms.prune_rescues(&project, before, RESCUES_KEPT, |task| !waiting.contains(task)) {
                    Ok(rescues) => {
                        for rescue in &rescues {
                            tracing::info!(%project, run = %rescue.run, commit = %rescue.commit, "let go of an old rescue");
                        }
                        rescues_gone += rescues.len();
                    }
                    Err(error) => tracing::warn!(%project, %error, "old rescues could not be looked at"),
                }
                match rooms.forget_notes(&project, &long_over) {
                    Ok(tasks) if tasks.is_empty() => {}
                    Ok(tasks) => {
                        tracing::info!(%project, tasks = tasks.len(), "let go of notes about tasks that were over long ago");
                        notes_gone += tasks.len();
                    }
                    Err(error) => tracing::warn!(%project, %error, "old notes could not be let go of"),
                }
                if let Err(error) = rooms.tidy(&project) {
                    tracing::warn!(%project, %error, "a mirror could not be packed");
                }
            }
            Ok::<_, std::io::Error>((rescues_gone, notes_gone))
        };
        blocking("the mirrors cannot be listed", pruning).await
    }

    /// Stops starts while all work directories together take more than they may (R6).
    ///
    /// # Errors
    /// When the condition cannot be told.
    pub async fn room_for_work(&self) -> Result<(), CommandError> {
        let (folder, most) = (self.home.join("workspaces"), self.kept.workspaces_bytes);
        let taken = blocking("the work directories cannot be measured", move || Ok(size_of(&folder))).await?;
        let reason = (taken > most).then(|| {
            format!(
                "the work directories take {} MiB, more than the {} MiB of retention.workspaces_bytes; finish or delete tasks, or raise it",
                taken >> 20,
                most >> 20
            )
        });
        self.condition.set("workspaces", reason).await
    }
}

/// Bytes on disk of everything below `folder`; links are not followed, and what goes away meanwhile counts nothing.
fn size_of(folder: &std::path::Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let mut folders = vec![folder.to_owned()];
    let mut taken = 0_u64;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            taken = taken.saturating_add(metadata.blocks().saturating_mul(512));
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    taken
}
