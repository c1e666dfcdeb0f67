//! Traces: where their ids come from, what agents are told of them, and the loop that follows and sends.

use std::sync::Arc;
use std::time::Duration;

use aq_core::ids::RunRef;
use aq_core::runner_link::{RunnerLink, RunnerOrder};
use opentelemetry_otlp::SpanExporter;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::error::AppError;
use super::started::Started;
use crate::background::{Background, OnExit};
use crate::config::ServerConfig;
use crate::store::{StoreError, settings};
use crate::traces::{self, Follower, Inbox, Models, Sources, TraceIds};

/// The identity of the store, which the ids of traces are made of.
const IDENTITY: &str = "traces.identity";
/// How long the end may wait for what is told last: what it takes at most, and a little.
const FINISH: Duration = Duration::from_secs(4);
/// The variable by which the program of a run learns of its span.
const TRACEPARENT: &str = "TRACEPARENT";

/// What is needed to tell of tasks, where the configuration wants it.
pub(super) struct Traces {
    parts: Option<Parts>,
}

struct Parts {
    endpoint: String,
    exporter: SpanExporter,
    ids: TraceIds,
    models: Models,
    follower: Follower,
    inbox: Inbox,
}

impl Traces {
    /// Notes where events and output stand. Call it before what was running is taken up, so that what ended meanwhile is told (traces R9).
    ///
    /// # Errors
    /// [`AppError`] when no exporter can be made, or the store cannot be used.
    pub(super) async fn open(config: &ServerConfig, started: &Started) -> Result<Self, AppError> {
        let Some(endpoint) = config.traces.endpoint.clone() else { return Ok(Self { parts: None }) };
        let identity = identity(started).await?;
        let exporter = traces::exporter(&config.traces, &endpoint, &identity)?;
        let (ids, models) = (TraceIds::new(&identity, config.traces.sample), Models::default());
        let (outbox, inbox) = traces::outbox();
        let place = started.bus.last();
        let open = open_runs(started).await?;
        let sources = Sources { bus: started.bus.clone(), reader: started.reader.clone(), hub: started.hub.clone() };
        let follower = Follower::new(sources, ids.clone(), outbox, models.clone(), place, open);
        Ok(Self { parts: Some(Parts { endpoint, exporter, ids, models, follower, inbox }) })
    }

    /// The way to the runner, on which runs get their context.
    pub(super) fn listen(&self, inner: Arc<dyn RunnerLink>) -> Arc<dyn RunnerLink> {
        match &self.parts {
            Some(parts) => Arc::new(Telling { inner, ids: parts.ids.clone(), models: parts.models.clone() }),
            None => inner,
        }
    }

    /// Follows and sends, beyond the drain, until the end that comes back is called for.
    pub(super) fn spawn(self, background: &Background) -> TracesEnd {
        let end = TracesEnd { stop: CancellationToken::new(), ended: CancellationToken::new() };
        let Some(Parts { endpoint, exporter, follower, inbox, .. }) = self.parts else {
            end.ended.cancel();
            return end;
        };
        tracing::info!(%endpoint, "spans are sent");
        let parts = (Arc::new(follower), Arc::new(Mutex::new(inbox)), Arc::new(exporter));
        let told = end.clone();
        background.spawn("traces", OnExit::Restart, move |_| {
            let ((follower, inbox, exporter), endpoint, end) = (parts.clone(), endpoint.clone(), told.clone());
            async move {
                let done = CancellationToken::new();
                let followed = async {
                    let followed = follower.follow(end.stop.clone()).await;
                    done.cancel();
                    followed
                };
                let sent = async { inbox.lock().await.deliver(exporter.as_ref(), &endpoint, done.clone()).await };
                let (followed, ()) = tokio::join!(followed, sent);
                if end.stop.is_cancelled() {
                    end.ended.cancel();
                }
                followed
            }
        });
        end
    }
}

/// Ends the telling of spans. It outlasts the drain, during which runs end that are taken along. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct TracesEnd {
    stop: CancellationToken,
    ended: CancellationToken,
}

impl TracesEnd {
    /// Has told what had ended by now, or ran out of time (traces R10). Calling it again changes nothing.
    pub(super) async fn finish(&self) {
        self.stop.cancel();
        let _late = tokio::time::timeout(FINISH, self.ended.cancelled()).await;
    }
}

/// The identity of the store; drawn once (traces R2).
async fn identity(started: &Started) -> Result<String, StoreError> {
    let drawn = uuid::Uuid::new_v4().to_string();
    let kept = started.engine.submit(move |tx| {
        if let Some(kept) = settings::get(tx.db, IDENTITY)? {
            return Ok::<_, StoreError>(kept);
        }
        settings::set(tx.db, IDENTITY, &drawn)?;
        Ok(drawn.clone())
    });
    kept.await
}

/// The open runs, each with the number of its last stored item.
async fn open_runs(started: &Started) -> Result<Vec<(RunRef, u64)>, StoreError> {
    let open = started.engine.submit(|tx| Ok::<_, StoreError>(tx.state.runs.values().map(|open| open.run.clone()).collect::<Vec<_>>()));
    let (open, log) = (open.await?, started.hub.log().clone());
    let read = tokio::task::spawn_blocking(move || {
        // A file that cannot be read is told of where its run is taken up.
        open.into_iter().map(|run| (run.clone(), log.last_seq(&run).unwrap_or(0))).collect()
    });
    read.await.map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// The runner, whose runs are told which span is theirs.
struct Telling {
    inner: Arc<dyn RunnerLink>,
    ids: TraceIds,
    models: Models,
}

impl RunnerLink for Telling {
    fn order(&self, mut order: RunnerOrder) {
        if let RunnerOrder::Start(start) | RunnerOrder::Attach { start, .. } = &mut order {
            if self.ids.sampled(&start.run.task) {
                self.models.note(&start.run, &start.profile.model);
            }
            start.profile.env.insert(TRACEPARENT.to_owned(), self.ids.traceparent(&start.run));
        }
        self.inner.order(order);
    }
}
