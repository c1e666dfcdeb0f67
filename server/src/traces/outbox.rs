//! Spans on their way: a bounded queue that nobody waits for, and the loop that sends them in batches (traces R8, R10).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Spans that wait at most.
const WAITING: usize = 4096;
/// Spans of a batch at most.
const BATCH: usize = 512;
/// How long a batch waits for more.
const LINGER: Duration = Duration::from_secs(1);
/// How long a batch may take, with everything that is tried again meanwhile.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long sending goes on when the server ends.
const LAST: Duration = Duration::from_secs(2);
/// What is lost is told again after this time at the earliest.
const AGAIN: Duration = Duration::from_secs(60);

/// Where spans are put. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbox {
    spans: mpsc::Sender<SpanData>,
    lost: Arc<AtomicU64>,
}

/// Where they come out.
#[derive(Debug)]
pub struct Inbox {
    spans: mpsc::Receiver<SpanData>,
    /// Spans that were dropped and not told of yet.
    lost: Arc<AtomicU64>,
    /// Spans that were taken out and have not arrived.
    under_way: u64,
    error: Option<String>,
    told: Option<Instant>,
}

/// A queue with both its ends.
#[must_use]
pub fn outbox() -> (Outbox, Inbox) {
    let (sender, spans) = mpsc::channel(WAITING);
    let lost = Arc::new(AtomicU64::new(0));
    (Outbox { spans: sender, lost: Arc::clone(&lost) }, Inbox { spans, lost, under_way: 0, error: None, told: None })
}

impl Outbox {
    /// Puts a span into the queue; when there is no room it is dropped and counted.
    pub(super) fn put(&self, span: SpanData) {
        if self.spans.try_send(span).is_err() {
            self.lost(1);
        }
    }

    /// Counts spans that could not be made.
    pub(super) fn lost(&self, count: u64) {
        self.lost.fetch_add(count, Ordering::Relaxed);
    }
}

impl Inbox {
    /// Sends spans to `endpoint` as they come. From `done` on, when no more will come, for two seconds at most.
    pub async fn deliver<E: SpanExporter>(&mut self, exporter: &E, endpoint: &str, done: CancellationToken) {
        let late = async {
            done.cancelled().await;
            tokio::time::sleep(LAST).await;
        };
        tokio::select! {
            () = self.send_all(exporter, endpoint, &done) => {}
            () = late => {
                let waiting = u64::try_from(self.spans.len()).unwrap_or(u64::MAX);
                self.lost.fetch_add(self.under_way.saturating_add(waiting), Ordering::Relaxed);
                self.under_way = 0;
            }
        }
        if done.is_cancelled() {
            self.told = None;
            self.tell(endpoint);
        }
    }

    async fn send_all<E: SpanExporter>(&mut self, exporter: &E, endpoint: &str, done: &CancellationToken) {
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                biased;
                taken = self.spans.recv_many(&mut batch, BATCH) => if taken == 0 { return },
                () = done.cancelled() => return,
            }
            let full = async {
                while let Some(room) = BATCH.checked_sub(batch.len()).filter(|room| *room > 0) {
                    if self.spans.recv_many(&mut batch, room).await == 0 {
                        return;
                    }
                }
            };
            tokio::select! {
                () = full => {}
                () = tokio::time::sleep(LINGER) => {}
                () = done.cancelled() => {}
            }
            let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
            self.under_way = count;
            let sent = tokio::time::timeout(PATIENCE, exporter.export(batch)).await;
            if let Err(error) = sent.unwrap_or(Err(OTelSdkError::Timeout(PATIENCE))) {
                self.lost.fetch_add(count, Ordering::Relaxed);
                self.error = Some(error.to_string());
            }
            self.under_way = 0;
            self.tell(endpoint);
        }
    }

    /// Tells of what was lost, once a minute at most.
    fn tell(&mut self, endpoint: &str) {
        let now = Instant::now();
        if self.told.is_some_and(|at| now.saturating_duration_since(at) < AGAIN) {
            return;
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost == 0 {
            return;
        }
        self.told = Some(now);
        let error = self.error.take().unwrap_or_else(|| "more spans came than could be sent, or their rows could not be read".to_owned());
        tracing::warn!(lost, endpoint, %error, "spans were dropped; everything else goes on. Is the collector of `traces.endpoint` there?");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use aq_core::ids::{RunRef, TaskId};
    use opentelemetry_sdk::error::OTelSdkResult;

    use super::super::ids::TraceIds;
    use super::super::spans::{Call, Outcome};
    use super::*;

    /// A collector that takes batches, refuses them, or never answers.
    #[derive(Debug)]
    struct Collector {
        batches: Mutex<Vec<usize>>,
        answers: bool,
        refuses: bool,
    }

    impl Collector {
        fn new(answers: bool, refuses: bool) -> Arc<Self> {
            Arc::new(Self { batches: Mutex::default(), answers, refuses })
        }
    }

    #[derive(Clone, Debug)]
    struct Exporter(Arc<Collector>);

    impl SpanExporter for Exporter {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            if !self.0.answers {
                std::future::pending::<()>().await;
            }
            self.0.batches.lock().unwrap().push(batch.len());
            if self.0.refuses { Err(OTelSdkError::InternalFailure("refused".into())) } else { Ok(()) }
        }
    }

    fn span() -> SpanData {
        let run = RunRef { task: TaskId::parse("swift-falcon").unwrap(), number: 1 };
        let at = std::time::UNIX_EPOCH;
        let call = Call { item: 1, id: String::new(), name: String::new(), start: at, end: at, outcome: Outcome::Answered };
        TraceIds::new("store", 1.0).call_span(&run, &call)
    }

    /// traces R8: what does not fit is dropped and counted, nobody waits; the rest goes in batches, a second after the first span of each.
    #[tokio::test(start_paused = true)]
    async fn spans_go_in_batches() {
        let (outbox, mut inbox) = outbox();
        (0..WAITING + 7).for_each(|_| outbox.put(span()));
        assert_eq!(outbox.lost.load(Ordering::Relaxed), 7);
        let collector = Collector::new(true, false);
        let done = CancellationToken::new();
        let (exporter, stop) = (Exporter(Arc::clone(&collector)), done.clone());
        let began = Instant::now();
        let delivering = tokio::spawn(async move { inbox.deliver(&exporter, "here", stop).await });
        tokio::time::sleep(LINGER / 2).await;
        assert_eq!(*collector.batches.lock().unwrap(), vec![BATCH; WAITING / BATCH], "full batches wait for nobody");
        assert_eq!(outbox.lost.load(Ordering::Relaxed), 0, "it was told");
        outbox.put(span());
        outbox.put(span());
        done.cancel();
        delivering.await.unwrap();
        assert_eq!(collector.batches.lock().unwrap().last(), Some(&2));
        assert!(began.elapsed() < LINGER, "the end waits for no more");
    }

    /// traces R8: a collector that refuses is told of once a minute, with everything that was lost.
    #[tokio::test(start_paused = true)]
    async fn refusals_are_counted_and_told_seldom() {
        let (outbox, mut inbox) = outbox();
        let (exporter, done) = (Exporter(Collector::new(true, true)), CancellationToken::new());
        let stop = done.clone();
        let delivering = tokio::spawn(async move { inbox.deliver(&exporter, "here", stop).await });
        let mut untold = Vec::new();
        for _ in 0..4 {
            outbox.put(span());
            tokio::time::sleep(Duration::from_secs(25)).await;
            untold.push(outbox.lost.load(Ordering::Relaxed));
        }
        assert_eq!(untold, [0, 1, 2, 0], "told with the first, and a minute later");
        done.cancel();
        delivering.await.unwrap();
    }

    /// traces R10: a collector that never answers holds up the end for two seconds, and what did not arrive is counted.
    #[tokio::test(start_paused = true)]
    async fn the_end_does_not_wait_for_long() {
        let (outbox, mut inbox) = outbox();
        let done = CancellationToken::new();
        (0..3).for_each(|_| outbox.put(span()));
        done.cancel();
        let began = Instant::now();
        inbox.deliver(&Exporter(Collector::new(false, false)), "here", done).await;
        assert_eq!(began.elapsed(), LAST);
        assert_eq!((outbox.lost.load(Ordering::Relaxed), inbox.under_way), (0, 0), "it was told");
    }
}
