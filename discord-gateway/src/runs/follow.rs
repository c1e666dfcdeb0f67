//! Following the output of a run: folded into text, shown in its thread by a few edits, until its end.

use std::time::Duration;

use aq_proto::resume::{ResumeOptions, stream_run_output};
use aq_proto::v1 as pb;
use pb::output_item::Body;
use pb::stream_run_output_response::Event;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::thread::Thread;
use super::{log, refresh};
use crate::backend::RunRecord;
use crate::bridge::Bridge;
use crate::buffer::{Fold, MOST, Pages};
use crate::render::{Step, step};

/// The shortest time between two flushes of a thread: Discord takes one message a second of a channel.
const FLUSH: Duration = Duration::from_millis(1200);

/// Most flushes a second of all threads together, well below what Discord takes of one bot.
const TOGETHER: u32 = 32;

/// A thread that was left alone for so long has room for a few messages at once, while few others are written.
const RESTED: Duration = Duration::from_secs(5);
const FEW: u32 = 10;

/// The shortest time between two edits of a card for its last step, for each run that is followed.
const CARD: Duration = Duration::from_millis(1500);

/// Where the reading stands.
#[derive(Default)]
struct Reading {
    fold: Fold,
    pages: Pages,
    step: Step,
    stepped: bool,
    /// Everything up to this item is in `pages`.
    told: u64,
    /// The newest item; what `fold` keeps back ends with it.
    seen: u64,
    /// Everything up to this item was in `pages` at the last flush.
    flushed: u64,
}

impl Reading {
    fn item(&mut self, item: pb::OutputItem) {
        self.seen = item.seq;
        let Some(body) = item.body else { return };
        if let Body::Usage(usage) = &body {
            self.step.tokens +=
                usage.tokens.as_ref().map_or(0, |tokens| tokens.input + tokens.output + tokens.cache_read + tokens.cache_write);
        }
        if let Some(text) = step(&body) {
            self.step.text = text;
            self.stepped = true;
        }
        let text = self.fold.item(&body);
        self.pages.push(&text);
        if self.fold.is_empty() {
            self.told = item.seq;
        }
    }

    /// Puts what was kept back into the pages too.
    fn unfold(&mut self) {
        let rest = self.fold.rest();
        self.pages.push(&rest);
        self.told = self.seen;
    }
}

/// Follows a run to its end.
pub(super) async fn follow(bridge: &Bridge, task: &str, run: u32, record: RunRecord) -> Result<(), Status> {
    let request = pb::StreamRunOutputRequest {
        task_id: task.to_owned(),
        run_number: run,
        after_seq: record.from,
        follow: true,
        ..pb::StreamRunOutputRequest::default()
    };
    let mut reading = Reading { told: record.from, seen: record.from, flushed: record.from, ..Reading::default() };
    let mut thread = Some(Thread::take_up(bridge, task, run, record).await);
    let mut stream = stream_run_output(bridge.server.own().runs(), request, ResumeOptions::default());
    let mut writing: Option<JoinHandle<(Thread, bool)>> = None;
    let mut next_flush = Instant::now();
    let mut rested = Instant::now();
    let mut next_card = Instant::now() + CARD;
    let mut over = false;
    while !over {
        let due = thread.is_some() && (reading.pages.is_due() || !reading.fold.is_empty());
        tokio::select! {
            message = stream.next() => match message {
                Some(Ok(message)) => match message.event {
                    Some(Event::Item(item)) => reading.item(item),
                    Some(Event::Gap(gap)) => {
                        reading.pages.push(&format!("-# … items {} to {} are not kept any more …\n", gap.from_seq, gap.to_seq));
                        (reading.told, reading.seen) = (gap.to_seq, gap.to_seq);
                    }
                    Some(Event::RunEnded(_) | Event::End(_)) => over = true,
                    Some(Event::Heartbeat(_)) | None => {}
                },
                Some(Err(error)) => {
                    tracing::debug!(task, run, %error, "the output cannot be followed");
                    over = true;
                }
                None => over = true,
            },
            done = async { match &mut writing { Some(handle) => handle.await, None => std::future::pending().await } } => {
                writing = None;
                match done {
                    Ok((back, true)) => thread = Some(back),
                    // The thread is gone; the run goes on without it.
                    Ok((_, false)) | Err(_) => return forget(bridge, task, run).await,
                }
            }
            () = sleep_until(next_flush), if due => {
                let (now, together) = (Instant::now(), following(bridge));
                // A thread that is written all the time gets one message at a time, so that its newest state is never behind others.
                let most = if now >= rested && together <= FEW { MOST } else { 1 };
                next_flush = now + FLUSH.max(Duration::from_secs(together.into()) / TOGETHER);
                rested = now + RESTED;
                writing = flush(bridge, &mut thread, &mut reading, most);
            }
            () = sleep_until(next_card), if reading.stepped => {
                reading.stepped = false;
                // Cards of one channel share its limit: the more there are, the rarer each is edited.
                next_card = Instant::now() + CARD * following(bridge).max(4);
                bridge.stepped(task, run, reading.step.clone());
                let (bridge, task) = (bridge.clone(), task.to_owned());
                tokio::spawn(async move { drop(refresh(&bridge, &task, run, false).await) });
            }
        }
    }
    if let Some(handle) = writing {
        match handle.await {
            Ok((back, true)) => thread = Some(back),
            Ok((_, false)) | Err(_) => return forget(bridge, task, run).await,
        }
    }
    reading.unfold();
    if let Some(handle) = flush(bridge, &mut thread, &mut reading, MOST) {
        thread = handle.await.ok().map(|(back, _)| back);
    }
    if let Some(thread) = &mut thread {
        thread.settle(bridge).await;
    }
    bridge.stepped(task, run, reading.step.clone());
    refresh(bridge, task, run, true).await?;
    if let Some(thread) = thread {
        log::attach(bridge, task, run, &thread.record).await?;
    }
    forget(bridge, task, run).await
}

/// How many runs are followed.
fn following(bridge: &Bridge) -> u32 {
    u32::try_from(bridge.following()).unwrap_or(u32::MAX)
}

/// Shows what is new in at most so many messages; the thread comes back when that is done.
fn flush(bridge: &Bridge, thread: &mut Option<Thread>, reading: &mut Reading, most: usize) -> Option<JoinHandle<(Thread, bool)>> {
    let owned = thread.take()?;
    if !reading.pages.is_due() {
        reading.unfold();
    }
    let acts = reading.pages.flush(owned.is_old(bridge), most);
    if acts.is_empty() {
        *thread = Some(owned);
        return None;
    }
    let from = std::mem::replace(&mut reading.flushed, reading.told);
    let bridge = bridge.clone();
    Some(tokio::spawn(async move { owned.apply(&bridge, acts, from).await }))
}

/// The run is not followed any more, not after a restart either.
async fn forget(bridge: &Bridge, task: &str, run: u32) -> Result<(), Status> {
    bridge.server.keep(Vec::new(), vec![RunRecord::live_key(task, run)]).await
}
