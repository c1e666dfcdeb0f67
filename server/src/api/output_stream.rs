//! What StreamRunOutput streams: the runs of a task, one after the other, each from its stored part into its live one.
//!
//! The place is (run, item). Between runs, and before the first, the task's own events say when to look again.

use std::sync::Arc;
use std::time::Duration;

use aq_core::ids::{RunRef, TaskId};
use aq_proto::v1 as pb;
use pb::stream_run_output_response::{Event as Body, RunEnded, StreamEnd};

use super::convert;
use super::incoming::task_id;
use super::service::Api;
use super::status::{ApiError, Status};
use super::stream::{Batch, CursorSource};
use super::views;
use crate::commands::{CommandError, Context, task};
use crate::events::{EventFeed, OutputFeed};
use crate::store::{RunRecord, TaskRecord, details, runs};

/// Wait before looking again at a run that is open and whose output was not opened yet.
const SOON: Duration = Duration::from_millis(200);

/// A message on its way to one reader. Small, and an item is shared with every other reader of the run: a thousand readers have buffers, and
/// what is sent is many times as large.
#[derive(Debug)]
pub(super) enum Said {
    /// An item of this run's output.
    Item {
        /// The run's number.
        run: u32,
        /// The item.
        item: Arc<pb::OutputItem>,
    },
    /// Anything else.
    Other(Box<pb::StreamRunOutputResponse>),
}

impl From<Said> for pb::StreamRunOutputResponse {
    fn from(said: Said) -> Self {
        match said {
            Said::Item { run, item } => Self { run_number: run, event: Some(Body::Item(Arc::unwrap_or_clone(item))) },
            Said::Other(message) => *message,
        }
    }
}

/// A place in the output of a task.
pub(super) struct OutputSource {
    api: Api,
    context: Context,
    task: TaskId,
    /// The only run wanted; 0: all of the task's.
    only: u32,
    follow: bool,
    /// The run being read; 0: none yet.
    number: u32,
    /// Set while a run is read; `None` between runs.
    feed: Option<OutputFeed>,
    /// The number of the last item of this run that was handed over.
    cursor: u64,
    /// The task's events: what wakes the stream between runs.
    events: EventFeed,
    /// Something may have changed since the rows were looked at last.
    look: bool,
    /// The run is open in the rows and its output is not.
    soon: bool,
}

/// The rows of a task and one run of it.
struct Rows {
    task: TaskRecord,
    run: Option<RunRecord>,
    shown: Option<pb::Run>,
}

impl OutputSource {
    /// Fixes the place. What does not exist is refused here, before the stream begins.
    pub(super) async fn open(api: Api, context: Context, body: &pb::StreamRunOutputRequest) -> Result<Self, ApiError> {
        let id = task_id("task_id", &body.task_id)?;
        if body.run_number != 0 && body.first_run_number != 0 {
            return Err(ApiError::invalid("first_run_number", "is for streams over the whole task; leave run_number 0"));
        }
        // The feed begins before the rows are read, so that nothing falls between the two.
        let events = api.parts.bus.feed(api.turn(&context).reader(), api.parts.bus.last(), Vec::new());
        let mut source = Self {
            api,
            context,
            task: id,
            only: body.run_number,
            follow: body.follow,
            number: 0,
            feed: None,
            cursor: 0,
            events,
            look: true,
            soon: false,
        };
        let wanted = body.run_number.max(body.first_run_number);
        let rows = source.rows(wanted).await?.ok_or_else(|| ApiError::not_found("task", source.task.as_str()))?;
        let newest = rows.task.task.run_number;
        let missing = wanted > newest && (body.run_number != 0 || !body.follow);
        if missing {
            return Err(ApiError::not_found("run", format!("{}/{wanted}", source.task)));
        }
        let number = if wanted == 0 { newest } else { wanted };
        if number != 0 && number <= newest {
            let after = if body.after_seq == 0 && body.tail > 0 {
                let last = source.last_seq(number).await?;
                last.saturating_sub(u64::from(body.tail))
            } else {
                body.after_seq
            };
            source.enter(number, after);
        } else {
            // The run that is asked for is still to come: nothing of those before it is wanted.
            source.number = number.saturating_sub(1);
        }
        Ok(source)
    }

    fn run_ref(&self, number: u32) -> RunRef {
        RunRef { task: self.task.clone(), number }
    }

    async fn last_seq(&self, number: u32) -> Result<u64, ApiError> {
        let (log, run) = (self.api.parts.hub.log().clone(), self.run_ref(number));
        let read = tokio::task::spawn_blocking(move || log.last_seq(&run)).await;
        Ok(read.map_err(|error| CommandError::Internal(error.to_string()))??)
    }

    fn enter(&mut self, number: u32, after: u64) {
        self.number = number;
        self.cursor = after;
        self.feed = Some(self.api.parts.hub.feed(self.run_ref(number), after));
    }

    /// The task and the run of this number; `None` when the task is gone.
    async fn rows(&self, number: u32) -> Result<Option<Rows>, ApiError> {
        let (context, id, hub) = (self.context.clone(), self.task.clone(), self.api.parts.hub.clone());
        self.api
            .turn(&context)
            .read(move |db| {
                let record = match task(db, &context, &id) {
                    Ok(record) => record,
                    Err(CommandError::NotFound { .. }) => return Ok(None),
                    Err(error) => return Err(error.into()),
                };
                let run = runs::get(db, record.key, number)?;
                let costs = details::run_costs(db, &[record.key])?;
                let shown = run.as_ref().map(|run| views::run(&hub, &record, run, &costs));
                Ok(Some(Rows { task: record, run, shown }))
            })
            .await
    }

    fn message(&self, event: Body) -> Said {
        Said::Other(Box::new(pb::StreamRunOutputResponse { run_number: self.number, event: Some(event) }))
    }

    fn end(&self, reason: pb::StreamEndReason, rows: Option<Rows>) -> Said {
        let task_status = rows.as_ref().map_or(0, |rows| convert::task_status(rows.task.task.status));
        let run = rows.and_then(|rows| rows.shown);
        self.message(Body::End(StreamEnd { reason: reason.into(), task_status, run }))
    }

    /// The next items of the run being read, with a gap before them where some are missing; empty when there are none now.
    async fn items(&mut self, feed: &mut OutputFeed) -> Result<Vec<Said>, ApiError> {
        let items = feed.ready().await?;
        let mut messages = Vec::with_capacity(items.len() + 1);
        if let Some(first) = items.first().filter(|first| first.seq > self.cursor + 1) {
            let reason = "these items are no longer kept".to_owned();
            messages.push(self.message(Body::Gap(pb::StreamGap { from_seq: self.cursor + 1, to_seq: first.seq - 1, reason })));
        }
        for item in items {
            self.cursor = item.seq;
            messages.push(Said::Item { run: self.number, item });
        }
        Ok(messages)
    }

    async fn step(&mut self) -> Result<Batch<Said>, ApiError> {
        loop {
            if let Some(mut feed) = self.feed.take() {
                let messages = self.items(&mut feed).await?;
                let over = messages.is_empty() && feed.ended();
                if !over {
                    let caught_up = messages.is_empty();
                    self.feed = Some(feed);
                    if caught_up && !self.follow {
                        let rows = self.rows(self.number).await?;
                        return Ok(Batch::End(vec![self.end(pb::StreamEndReason::CaughtUp, rows)]));
                    }
                    return Ok(Batch::Messages(messages));
                }
                if let Some(batch) = self.after_feed().await? {
                    return Ok(batch);
                }
                continue;
            }
            if !self.look {
                return Ok(Batch::Messages(Vec::new()));
            }
            self.look = false;
            if let Some(batch) = self.between().await? {
                return Ok(batch);
            }
        }
    }

    /// The output of the run is at its end: is the run?
    async fn after_feed(&mut self) -> Result<Option<Batch<Said>>, ApiError> {
        let Some(rows) = self.rows(self.number).await? else {
            return Ok(Some(Batch::End(vec![self.end(pb::StreamEndReason::Deleted, None)])));
        };
        let open = rows.run.as_ref().is_some_and(|run| run.run.is_open());
        if open {
            if !self.follow {
                return Ok(Some(Batch::End(vec![self.end(pb::StreamEndReason::CaughtUp, Some(rows))])));
            }
            // Chosen, and not opened yet: the feed is made again, because it does not learn of an opening.
            self.soon = true;
            self.enter(self.number, self.cursor);
            return Ok(Some(Batch::Messages(Vec::new())));
        }
        let ended = self.message(Body::RunEnded(RunEnded { run: rows.shown.clone() }));
        if self.only != 0 {
            return Ok(Some(Batch::End(vec![ended, self.end(pb::StreamEndReason::Finished, Some(rows))])));
        }
        self.look = true;
        Ok(Some(Batch::Messages(vec![ended])))
    }

    /// Between runs: the next one, the same one again (an approval lands it), the end, or a wait.
    async fn between(&mut self) -> Result<Option<Batch<Said>>, ApiError> {
        let Some(rows) = self.rows(self.number).await? else {
            return Ok(Some(Batch::End(vec![self.end(pb::StreamEndReason::Deleted, None)])));
        };
        if rows.run.as_ref().is_some_and(|run| run.run.is_open()) {
            self.enter(self.number, self.cursor);
            return Ok(None);
        }
        if rows.task.task.run_number > self.number {
            self.enter(self.number + 1, 0);
            return Ok(None);
        }
        let settled = rows.task.task.status.is_finished();
        if settled || !self.follow {
            let reason = if settled { pb::StreamEndReason::Finished } else { pb::StreamEndReason::CaughtUp };
            return Ok(Some(Batch::End(vec![self.end(reason, Some(rows))])));
        }
        Ok(Some(Batch::Messages(Vec::new())))
    }
}

impl CursorSource for OutputSource {
    type Message = Said;

    async fn ready(&mut self) -> Result<Batch<Self::Message>, Status> {
        // Between runs only events of this task matter; the others are passed over without reading rows.
        if self.feed.is_none() {
            loop {
                let events = self.events.ready().await.map_err(ApiError::from)?;
                if events.is_empty() {
                    break;
                }
                self.look |= events.iter().any(|event| event.task.as_ref() == Some(&self.task));
            }
        }
        Ok(self.step().await?)
    }

    async fn changed(&mut self) {
        if std::mem::take(&mut self.soon) {
            tokio::time::sleep(SOON).await;
            return;
        }
        match &mut self.feed {
            Some(feed) => feed.changed().await,
            None => self.events.changed().await,
        }
    }

    fn heartbeat(&self) -> Self::Message {
        let time = Some(convert::timestamp(self.api.parts.clock.now()));
        self.message(Body::Heartbeat(pb::Heartbeat { last_seq: self.cursor, time }))
    }

    fn seq(message: &Self::Message) -> Option<u64> {
        match message {
            Said::Item { item, .. } => Some(item.seq),
            Said::Other(other) => match &other.event {
                Some(Body::Heartbeat(beat)) => Some(beat.last_seq),
                _ => None,
            },
        }
    }
}
