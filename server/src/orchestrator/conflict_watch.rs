//! Thinks the landing of work that waits for approval through whenever something lands in its project or others may have pushed, and tells
//! early that it would conflict (orchestrator R34).
//!
//! How a landing is thought through lives in the runner; nothing here changes a repository.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aq_core::event::EventKind;
use aq_core::git_link::{GitLink, GitPlace, GitRefused};
use aq_core::ids::ProjectId;
use aq_core::runner_link::BoxFuture;
use aq_core::task::TaskStatus;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::orders;
use super::parts::Parts;
use crate::events::EventBus;
use crate::lifecycle::{LifecycleError, Subject, Tx, announce};
use crate::store::{runs, tasks};

/// Shortest time between two looks, however much happens.
const REST: Duration = Duration::from_secs(5);
/// Longest wait for the next turn of fetching. Timers stand still while the machine sleeps, and the clock may be set.
const LONGEST: Duration = Duration::from_secs(60);
/// A project's remote is asked for what others pushed at most once in this time, in milliseconds, and only while work waits there.
const FETCH_EVERY_MS: i64 = 300_000;
/// Most branches that are thought through in one round; the rest follow in the next one.
const BRANCHES: usize = 64;

/// One task whose work waits.
#[derive(Clone, Debug)]
struct Waiting {
    key: i64,
    run: u32,
    landings: u64,
    turn: i64,
    place: GitPlace,
    branch: String,
}

/// What a round leaves to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// More than one round takes on: the next one follows soon.
    More,
    /// What waits is thought through again when something lands, and in the next turn of fetching.
    Waits,
    /// No work waits, and none begins to without an event.
    Nothing,
}

/// What was thought through already.
#[derive(Default)]
struct Seen {
    /// By task: the run, how often work had landed in the project by then, and the turn of fetching.
    tasks: BTreeMap<i64, (u32, u64, i64)>,
    /// By project: the last turn in which its remote was asked.
    fetched: BTreeMap<ProjectId, i64>,
}

/// Says in which files landing a branch would conflict; none: it lands cleanly. The remote is asked first when the last word says so.
type Foresee = Arc<dyn Fn(GitPlace, String, bool) -> BoxFuture<'static, Result<Vec<String>, GitRefused>> + Send + Sync>;

/// Watches for conflicts.
#[derive(Clone)]
pub struct ConflictWatch {
    parts: Parts,
    bus: EventBus,
    foresee: Foresee,
    rest: Duration,
}

impl ConflictWatch {
    /// A watch that asks git, and is woken by `bus`.
    #[must_use]
    pub fn new(parts: Parts, bus: EventBus, git: Arc<dyn GitLink>) -> Self {
        Self::asking(parts, bus, move |place, branch, fetch| {
            let git = Arc::clone(&git);
            Box::pin(async move { git.forecast(place, branch, fetch).await.map(|forecast| forecast.conflicts) })
        })
    }

    /// A watch that asks `foresee`.
    #[must_use]
    pub fn asking(
        parts: Parts,
        bus: EventBus,
        foresee: impl Fn(GitPlace, String, bool) -> BoxFuture<'static, Result<Vec<String>, GitRefused>> + Send + Sync + 'static,
    ) -> Self {
        Self { parts, bus, foresee: Arc::new(foresee), rest: REST }
    }

    /// Rests at least `rest` between two looks, instead of five seconds.
    #[must_use]
    pub const fn resting(mut self, rest: Duration) -> Self {
        self.rest = rest;
        self
    }

    /// Thinks through what is new since `seen`, and tells what changed.
    ///
    /// # Errors
    /// When the rows cannot be read or written.
    async fn round(&self, seen: &mut Seen) -> Result<Left, LifecycleError> {
        let (known, turn) = (seen.tasks.clone(), self.parts.clock.now().as_millis().div_euclid(FETCH_EVERY_MS));
        let (waiting, live) = self.parts.engine.submit(move |tx| look(tx, &known, turn)).await?;
        seen.tasks.retain(|key, _| live.contains(key));
        let left = match (waiting.len() == BRANCHES, live.is_empty()) {
            (true, _) => Left::More,
            (false, true) => Left::Nothing,
            (false, false) => Left::Waits,
        };
        for one in waiting {
            let Waiting { key, run, landings, turn, place, branch } = one;
            // What cannot be thought through now is looked at again after the next landing or fetch; the landing itself finds out in any case.
            seen.tasks.insert(key, (run, landings, turn));
            let fetch = seen.fetched.insert(place.project.clone(), turn) != Some(turn);
            match (self.foresee)(place, branch.clone(), fetch).await {
                Ok(conflicts) => {
                    let now = self.parts.clock.now();
                    let tell = move |tx: &mut Tx<'_>| tell(tx, (key, run), &branch, &conflicts, now);
                    self.parts.engine.submit(tell).await?;
                }
                Err(error) => tracing::debug!(key, %branch, %error, "the landing of a branch cannot be thought through"),
            }
        }
        Ok(left)
    }

    /// Goes round until `stop`.
    ///
    /// # Errors
    /// When the rows cannot be read or written.
    pub async fn run(self, stop: CancellationToken) -> Result<(), LifecycleError> {
        let mut seen = Seen::default();
        loop {
            // Read before the look: what is committed meanwhile is a reason for another one.
            let heard = self.bus.last();
            let left = self.round(&mut seen).await?;
            let next = async {
                tokio::time::sleep(self.rest).await;
                match left {
                    Left::More => {}
                    Left::Waits => drop(tokio::time::timeout(self.until_turn(), self.bus.moved(heard)).await),
                    Left::Nothing => self.bus.moved(heard).await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = next => {}
            }
        }
    }

    /// Time until the next turn of fetching begins.
    fn until_turn(&self) -> Duration {
        let left = FETCH_EVERY_MS - self.parts.clock.now().as_millis().rem_euclid(FETCH_EVERY_MS);
        Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(LONGEST)
    }

    /// One round that knows nothing of earlier ones, for those who do not want to wait.
    ///
    /// # Errors
    /// When the rows cannot be read or written.
    pub async fn once(&self) -> Result<(), LifecycleError> {
        self.round(&mut Seen::default()).await.map(drop)
    }
}

/// The tasks that have to be thought through, and the keys of all that wait.
fn look(tx: &mut Tx<'_>, seen: &BTreeMap<i64, (u32, u64, i64)>, turn: i64) -> Result<(Vec<Waiting>, Vec<i64>), LifecycleError> {
    let waits = |hot: &crate::lifecycle::ProjectHot| hot.counts.get(&TaskStatus::AwaitingApproval).is_some_and(|count| *count > 0);
    if !tx.state.projects.values().any(waits) {
        return Ok((Vec::new(), Vec::new()));
    }
    let (mut found, mut live) = (Vec::new(), Vec::new());
    for record in tasks::in_status(tx.db, TaskStatus::AwaitingApproval)? {
        live.push(record.key);
        let landings = tx.state.landings.get(&record.task.project).copied().unwrap_or(0);
        let number = record.task.run_number;
        if found.len() == BRANCHES || seen.get(&record.key) == Some(&(number, landings, turn)) {
            continue;
        }
        let Some(run) = runs::get(tx.db, record.key, number)? else { continue };
        let Some(order) = orders::workspace(tx.state, &record, &run.run.workspace) else { continue };
        let place = GitPlace { project: record.task.project.clone(), source: order.source, default_branch: order.default_branch };
        found.push(Waiting { key: record.key, run: number, landings, turn, place, branch: order.branch });
    }
    Ok((found, live))
}

/// Tells that a task's work would conflict now, in other files than before, or no more. The same is told once.
fn tell(
    tx: &mut Tx<'_>,
    (key, run): (i64, u32),
    branch: &str,
    files: &[String],
    now: aq_core::time::Timestamp,
) -> Result<(), LifecycleError> {
    let record = tasks::by_key(tx.db, key)?;
    let waits = record.task.status == TaskStatus::AwaitingApproval && record.task.run_number == run && record.deleted_at.is_none();
    let before = tx.state.clashes.get(&key).map(Vec::as_slice).unwrap_or_default();
    if !waits || before == files {
        return Ok(());
    }
    tx.state.put_clash(key, (!files.is_empty()).then(|| files.to_vec()));
    let payload = json!({ "title": record.task.title, "branch": branch, "files": files });
    announce(tx, EventKind::ConflictExpected, now, Subject { run: Some(run), ..Subject::task(&record) }, payload)
}
