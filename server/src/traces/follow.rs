//! Follows committed events, and watches the output of the runs that they name, until the server ends.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aq_core::event::{Event, EventFilter, EventKind};
use aq_core::ids::RunRef;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::history;
use super::ids::TraceIds;
use super::outbox::Outbox;
use super::spans::{RunOver, instant};
use super::watch::Watch;
use crate::events::{EventBus, EventFeed, OutputHub};
use crate::store::{Connection, Reader, StoreError};

/// Wait before events are read again that could not be.
const AGAIN: Duration = Duration::from_secs(1);
/// Looks into the rows at one time. Thousands of tasks may end at once, and callers of the API wait for the same readers.
const LOOKS: usize = 1;
/// How long what is being told may take when the server ends.
const FINISH: Duration = Duration::from_secs(1);

/// Where what is told comes from.
#[derive(Clone)]
pub struct Sources {
    /// Events.
    pub bus: EventBus,
    /// Rows.
    pub reader: Reader,
    /// Run output.
    pub hub: OutputHub,
}

/// The models that open runs asked for. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Models(Arc<Mutex<HashMap<RunRef, String>>>);

impl Models {
    /// Notes the model of a run that is ordered; empty: none was asked for.
    pub fn note(&self, run: &RunRef, model: &str) {
        if !model.is_empty() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run.clone(), model.to_owned());
        }
    }

    /// The model of a run that is over.
    fn take(&self, run: &RunRef) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(run).unwrap_or_default()
    }
}

/// Tells what ends. One for each server.
pub struct Follower {
    sources: Sources,
    ids: TraceIds,
    outbox: Outbox,
    models: Models,
    /// The number of the last event that was taken.
    place: AtomicU64,
    /// Runs that are open already, with the number of their last stored item.
    open: Mutex<Vec<(RunRef, u64)>>,
    looks: Semaphore,
}

/// The runs that are watched, and the work on those that ended.
#[derive(Default)]
struct Watched {
    ends: HashMap<RunRef, oneshot::Sender<Arc<Event>>>,
    work: JoinSet<()>,
}

impl Follower {
    /// Follows the events after `place`. `open`: the runs that an earlier server began, with the number of their last stored item.
    #[must_use]
    pub fn new(sources: Sources, ids: TraceIds, outbox: Outbox, models: Models, place: u64, open: Vec<(RunRef, u64)>) -> Self {
        let (place, open) = (AtomicU64::new(place), Mutex::new(open));
        Self { sources, ids, outbox, models, place, open, looks: Semaphore::new(LOOKS) }
    }

    /// Tells what ends until `stop`, and what had ended by then.
    ///
    /// # Errors
    /// Never.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) -> Result<(), Infallible> {
        let kinds = [EventKind::TaskStarted, EventKind::RunEnded].into_iter().chain(history::ENDS).map(EventFilter::One).collect();
        let Sources { bus, reader, .. } = self.sources.clone();
        let mut feed = bus.feed(reader, self.place.load(Ordering::Relaxed), kinds);
        let mut watched = Watched::default();
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for (run, known) in open {
            self.watch(&mut watched, run, known);
        }
        loop {
            self.take(&mut feed, &mut watched, &stop).await;
            tokio::select! {
                () = feed.changed() => {}
                Some(_) = watched.work.join_next(), if !watched.work.is_empty() => {}
                () = stop.cancelled() => break,
            }
        }
        self.take(&mut feed, &mut watched, &stop).await;
        // Those that go on are told by the next server.
        watched.ends.clear();
        let _late = tokio::time::timeout(FINISH, async { while watched.work.join_next().await.is_some() {} }).await;
        Ok(())
    }

    /// Takes the events that are there.
    async fn take(self: &Arc<Self>, feed: &mut EventFeed, watched: &mut Watched, stop: &CancellationToken) {
        loop {
            match feed.ready().await {
                Ok(events) if events.is_empty() => return,
                Ok(events) => {
                    for event in events {
                        self.heard(watched, event);
                    }
                    self.place.store(feed.cursor(), Ordering::Relaxed);
                }
                Err(error) => {
                    tracing::debug!(%error, "events cannot be read for traces yet");
                    tokio::select! {
                        () = tokio::time::sleep(AGAIN) => {}
                        () = stop.cancelled() => return,
                    }
                }
            }
        }
    }

    fn heard(self: &Arc<Self>, watched: &mut Watched, event: Arc<Event>) {
        if event.task.as_ref().is_none_or(|task| !self.ids.sampled(task)) {
            return;
        }
        match (event.kind, history::run_of(&event)) {
            // The program runs: its output was opened before.
            (EventKind::TaskStarted, Some(run)) => self.watch(watched, run, 0),
            (EventKind::RunEnded, Some(run)) => match watched.ends.remove(&run) {
                // Whoever watches it goes on until it hears this.
                Some(end) => drop(end.send(event)),
                None => {
                    let this = Arc::clone(self);
                    watched.work.spawn(async move { this.run_over(&event, this.place_in(run, 0), false).await });
                }
            },
            (EventKind::TaskStarted | EventKind::RunEnded, None) => {}
            _ => {
                let this = Arc::clone(self);
                watched.work.spawn(async move { this.task_over(&event).await });
            }
        }
    }

    fn place_in(&self, run: RunRef, known: u64) -> Watch {
        Watch::new(&self.sources.hub, &self.ids, &self.outbox, run, known)
    }

    fn watch(self: &Arc<Self>, watched: &mut Watched, run: RunRef, known: u64) {
        if watched.ends.contains_key(&run) || !self.ids.sampled(&run.task) {
            return;
        }
        let (end, ended) = oneshot::channel();
        let (this, mut watch) = (Arc::clone(self), self.place_in(run.clone(), known));
        watched.ends.insert(run, end);
        watched.work.spawn(async move {
            if let Some(event) = watch.until(ended).await {
                this.run_over(&event, watch, true).await;
            }
        });
    }

    /// Tells a run that is over, and what of its calls was not told yet.
    async fn run_over(&self, event: &Arc<Event>, mut watch: Watch, watched: bool) {
        let Some(over) = self.read(event, history::run_over).await else { return };
        if watched || over.again.is_none() {
            // Before it is taken up again, a run has told every call.
            watch.rest(instant(event.at)).await;
        }
        let models = (self.models.take(&over.run), watch.seen().model().to_owned());
        let span = self.ids.run_span(&RunOver { models, calls: watch.seen().begun(), ..over });
        self.outbox.put(span);
    }

    async fn task_over(&self, event: &Arc<Event>) {
        if let Some(over) = self.read(event, history::task_over).await {
            self.outbox.put(self.ids.task_span(&over));
        }
    }

    /// Reads rows about an event; what cannot be read is a span that is lost.
    async fn read<T: Send + 'static>(
        &self,
        event: &Arc<Event>,
        read: impl Fn(&mut Connection, &Event) -> Result<Option<T>, StoreError> + Send + 'static,
    ) -> Option<T> {
        // Never closed; were it, the look would only not be bounded.
        let _look = self.looks.acquire().await;
        let about = Arc::clone(event);
        match self.sources.reader.read(move |db| read(db, &about)).await {
            Ok(found) => found,
            Err(error) => {
                tracing::debug!(%error, event = event.seq, "a span cannot be told");
                self.outbox.lost(1);
                None
            }
        }
    }
}
