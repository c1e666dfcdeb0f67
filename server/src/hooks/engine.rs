//! The loop: reads events and the clock, queues what they start, and begins what there is room for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aq_core::event::EventKind;
use aq_core::hook::{Hook, RunState, Trigger, Waiting, matches, startable};
use aq_core::time::Timestamp;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::parts::Parts;
use super::run;
use crate::commands::CommandError;
use crate::commands::hook_runs::{self as runs, CURSOR, Outcome};
use crate::events::EventFeed;
use crate::store::{StoreError, hook_runs, hooks, settings};

/// The loop looks at least this often.
const LOOK_AT_LEAST: Duration = Duration::from_secs(60);
/// After so many events that start nothing the place in them is written.
const UNWRITTEN: u64 = 500;

/// The engine. One per server.
pub struct HookEngine {
    parts: Arc<Parts>,
    feed: EventFeed,
    written: u64,
    hooks: Vec<Hook>,
    stale: bool,
    queued: bool,
    running: JoinSet<()>,
    busy: BTreeMap<Id, (String, String)>,
}

impl HookEngine {
    /// An engine that goes on in the events where the last one was. Runs that an earlier server left running are closed.
    ///
    /// # Errors
    /// When the rows cannot be read or written.
    pub async fn new(parts: Parts) -> Result<Self, CommandError> {
        let (last, now) = (parts.bus.last(), parts.clock.now());
        if let Some(programs) = &parts.programs {
            programs.clear().await;
        }
        let begin = move |tx: &mut crate::lifecycle::Tx<'_>| {
            let closed = runs::close_interrupted(tx, now)?;
            if closed > 0 {
                tracing::info!(closed, "closed runs of hooks that an earlier server left running");
            }
            let kept = settings::get(tx.db, CURSOR)?.and_then(|text| text.parse::<u64>().ok());
            if kept.is_none() {
                settings::set(tx.db, CURSOR, &last.to_string())?;
            }
            Ok::<_, CommandError>(kept.unwrap_or(last))
        };
        let cursor = parts.engine.submit(begin).await?;
        let feed = parts.bus.feed(parts.reader.clone(), cursor, Vec::new());
        Ok(Self {
            parts: Arc::new(parts),
            feed,
            written: cursor,
            hooks: Vec::new(),
            stale: true,
            queued: true,
            running: JoinSet::new(),
            busy: BTreeMap::new(),
        })
    }

    /// Works until the server drains. Runs under way are then given up and closed.
    ///
    /// # Errors
    /// When the place in the events cannot be written at the end.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), CommandError> {
        while !stop.is_cancelled() {
            let next = match self.tick().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%error, "hooks could not be looked at; trying again");
                    None
                }
            };
            let wait = next.map_or(LOOK_AT_LEAST, |at| {
                let millis = u64::try_from(at.millis_since(self.parts.clock.now())).unwrap_or(0);
                Duration::from_millis(millis).min(LOOK_AT_LEAST)
            });
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.feed.changed() => {}
                Some(ended) = self.running.join_next_with_id() => self.ended(ended).await,
                () = tokio::time::sleep(wait) => {}
            }
        }
        self.running.shutdown().await;
        let (now, seen) = (self.parts.clock.now(), self.feed.cursor());
        let close = move |tx: &mut crate::lifecycle::Tx<'_>| {
            settings::set(tx.db, CURSOR, &seen.to_string())?;
            runs::close_interrupted(tx, now).map(drop)
        };
        self.parts.engine.submit(close).await
    }

    /// One look: events, due times, room. Gives the next due time that is still to come.
    ///
    /// # Errors
    /// When the rows cannot be read or written. What one hook causes is logged and stops no other.
    pub async fn tick(&mut self) -> Result<Option<Timestamp>, CommandError> {
        self.reload().await?;
        self.read_events().await?;
        self.fire_due().await?;
        self.begin().await?;
        let now = self.parts.clock.now();
        Ok(self.hooks.iter().filter_map(|hook| hook.next_due).filter(|at| *at > now).min())
    }

    /// Waits until nothing runs, beginning what gets room meanwhile.
    ///
    /// # Errors
    /// As [`HookEngine::tick`].
    pub async fn settle(&mut self) -> Result<(), CommandError> {
        loop {
            self.tick().await?;
            match self.running.join_next_with_id().await {
                Some(ended) => self.ended(ended).await,
                None => return Ok(()),
            }
        }
    }

    async fn reload(&mut self) -> Result<(), CommandError> {
        if self.stale {
            let (good, bad) = self.parts.reader.read(hooks::enabled).await?;
            if !bad.is_empty() {
                tracing::error!(hooks = ?bad, "hooks whose rows cannot be read start nothing");
            }
            (self.hooks, self.stale) = (good, false);
        }
        Ok(())
    }

    async fn read_events(&mut self) -> Result<(), CommandError> {
        loop {
            let page = self.feed.ready().await?;
            if page.is_empty() {
                break;
            }
            let mut wanted = Vec::new();
            for event in page {
                match event.kind {
                    EventKind::HookCreated | EventKind::HookUpdated | EventKind::HookDeleted => {
                        self.stale = true;
                        self.reload().await?;
                    }
                    EventKind::HookFired => self.queued = true,
                    _ => {}
                }
                let on = |hook: &&Hook| {
                    matches!(hook.trigger, Trigger::Event { .. }) && event.at >= hook.updated_at && matches(hook, &event, false)
                };
                wanted.extend(self.hooks.iter().filter(on).map(|hook| (hook.id.clone(), event.as_ref().clone())));
            }
            let seen = self.feed.cursor();
            if !wanted.is_empty() || seen.saturating_sub(self.written) >= UNWRITTEN {
                let now = self.parts.clock.now();
                self.parts.engine.submit(move |tx| runs::fire_events(tx, &wanted, seen, now)).await?;
                (self.written, self.queued) = (seen, true);
            }
        }
        Ok(())
    }

    async fn fire_due(&mut self) -> Result<(), CommandError> {
        let now = self.parts.clock.now();
        let due: Vec<String> =
            self.hooks.iter().filter(|hook| hook.next_due.is_some_and(|at| at <= now)).map(|hook| hook.id.clone()).collect();
        for id in due {
            let hook = id.clone();
            match self.parts.engine.submit(move |tx| runs::fire_due(tx, &hook, now)).await {
                Ok(fired) => self.queued |= fired > 0,
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => tracing::warn!(hook = %id, %error, "the hook could not be started"),
            }
            self.stale = true;
        }
        self.reload().await
    }

    async fn begin(&mut self) -> Result<(), CommandError> {
        if !std::mem::take(&mut self.queued) {
            return Ok(());
        }
        let open = self.parts.reader.read(hook_runs::unfinished).await?;
        let waiting: Vec<_> = open
            .iter()
            .filter(|run| run.state == RunState::Queued)
            .map(|run| Waiting {
                run: run.id.clone(),
                hook: run.hook.clone(),
                by_hand: run.scheduled_at.is_none() && run.event_seq.is_none(),
            })
            .collect();
        let busy: BTreeSet<String> = self.busy.values().map(|(_, hook)| hook.clone()).collect();
        for id in startable(&waiting, &busy, self.parts.rules.concurrent) {
            let now = self.parts.clock.now();
            let begun = self.parts.engine.submit(move |tx| runs::begin(tx, &id, now)).await?;
            if let Some(begun) = begun {
                let (run, hook, parts) = (begun.id.clone(), begun.hook.clone(), Arc::clone(&self.parts));
                let handle = self.running.spawn(async move { run::carry_out(&parts, begun).await });
                self.busy.insert(handle.id(), (run, hook));
            }
        }
        Ok(())
    }

    /// A run is over: there is room. One that broke off is closed here.
    async fn ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        self.queued = true;
        let (id, broken) = match ended {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(error.to_string())),
        };
        let Some((run, hook)) = self.busy.remove(&id) else { return };
        if let Some(broken) = broken {
            tracing::error!(%run, %hook, cause = broken, "a run of a hook broke off");
            let now = self.parts.clock.now();
            let outcome =
                Outcome { failed: Some("the run broke off for a reason of the server; its log has more".to_owned()), ..Outcome::default() };
            if let Err(error) = self.parts.engine.submit(move |tx| runs::conclude(tx, &run, &outcome, now)).await {
                tracing::warn!(%hook, %error, "the run could not be closed; the next start closes it");
            }
        }
    }
}

impl From<StoreError> for Outcome {
    fn from(error: StoreError) -> Self {
        Self { failed: Some(format!("the server's database refused: {error}")), ..Self::default() }
    }
}
