//! Followers of run output: each holds a cursor and reads the log; nobody is sent anything.
//!
//! The newest items of a live run are kept in memory, so that many followers cost one read of the disk at most.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use aq_core::ids::RunRef;
use aq_core::output::OutputItem;
use aq_proto::v1 as pb;
use tokio::sync::watch;

use super::output_log::{OutputError, OutputLog};

/// Items of a live run kept in memory.
const KEPT: usize = 256;

/// Bytes of a live run kept in memory.
const KEPT_BYTES: usize = 128 * 1024;

/// Most items handed over at once from memory.
const PAGE: usize = 64;

/// Most stored items handed over at once: the next read of the disk is paid for all of them.
const STORED_PAGE: usize = 256;

/// Stored bytes after which a page is full, however few its items are.
const STORED_BYTES: u64 = 64 * 1024;

/// How far a run's output has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    last: u64,
    ended: bool,
}

struct Channel {
    recent: Mutex<Recent>,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct Recent {
    items: VecDeque<Arc<pb::OutputItem>>,
    bytes: usize,
}

/// The output of all runs: stored, and followed live; cheap to clone.
#[derive(Clone)]
pub struct OutputHub {
    log: OutputLog,
    live: Arc<Mutex<HashMap<RunRef, Arc<Channel>>>>,
}

impl OutputHub {
    /// A hub over `log`.
    #[must_use]
    pub fn new(log: OutputLog) -> Self {
        Self { log, live: Arc::default() }
    }

    /// The log behind the hub.
    #[must_use]
    pub const fn log(&self) -> &OutputLog {
        &self.log
    }

    /// Stores items and wakes the run's followers.
    ///
    /// # Errors
    /// As [`OutputLog::append`].
    pub fn append(&self, run: &RunRef, items: &[OutputItem]) -> Result<(), OutputError> {
        let new = self.log.append(run, items)?;
        let Some(last) = new.last().map(|item| item.seq) else { return Ok(()) };
        let channel = self.channel(run)?;
        {
            let mut recent = channel.recent.lock().unwrap_or_else(PoisonError::into_inner);
            for item in new {
                recent.bytes += prost::Message::encoded_len(item.as_ref());
                recent.items.push_back(item);
            }
            while recent.items.len() > KEPT || (recent.bytes > KEPT_BYTES && recent.items.len() > 1) {
                if let Some(gone) = recent.items.pop_front() {
                    recent.bytes -= prost::Message::encoded_len(gone.as_ref());
                }
            }
        }
        channel.progress.send_modify(|progress| progress.last = last);
        Ok(())
    }

    /// Opens a run's channel before its first item, so that followers wait instead of seeing an end.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn begin(&self, run: &RunRef) -> Result<(), OutputError> {
        self.channel(run).map(|_| ())
    }

    /// True from [`OutputHub::begin`] (or the first item) to [`OutputHub::end`].
    #[must_use]
    pub fn is_live(&self, run: &RunRef) -> bool {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).contains_key(run)
    }

    /// True while the channel of any run is open.
    #[must_use]
    pub fn any_live(&self) -> bool {
        !self.live.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Nothing more will come of this run: makes its output durable and ends its followers after the last item.
    ///
    /// # Errors
    /// When the output cannot be made durable.
    pub fn end(&self, run: &RunRef) -> Result<(), OutputError> {
        let closed = self.log.close(run);
        if let Some(channel) = self.live.lock().unwrap_or_else(PoisonError::into_inner).remove(run) {
            channel.progress.send_modify(|progress| progress.ended = true);
        }
        closed
    }

    /// How many follow live runs now.
    #[must_use]
    pub fn followers(&self) -> usize {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.values().map(|channel| channel.progress.receiver_count()).sum()
    }

    /// Follows a run after item `after`. A run that is not live ends after its last stored item.
    #[must_use]
    pub fn feed(&self, run: RunRef, after: u64) -> OutputFeed {
        let channel = self.live.lock().unwrap_or_else(PoisonError::into_inner).get(&run).cloned();
        let progress = channel.as_ref().map(|channel| channel.progress.subscribe());
        OutputFeed { log: self.log.clone(), channel, progress, run, cursor: after }
    }

    fn channel(&self, run: &RunRef) -> Result<Arc<Channel>, OutputError> {
        if let Some(channel) = self.live.lock().unwrap_or_else(PoisonError::into_inner).get(run) {
            return Ok(Arc::clone(channel));
        }
        let last = self.log.last_seq(run)?;
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let channel = live.entry(run.clone()).or_insert_with(|| {
            Arc::new(Channel { recent: Mutex::default(), progress: watch::Sender::new(Progress { last, ended: false }) })
        });
        Ok(Arc::clone(channel))
    }
}

/// One follower's place in a run's output.
pub struct OutputFeed {
    log: OutputLog,
    channel: Option<Arc<Channel>>,
    progress: Option<watch::Receiver<Progress>>,
    run: RunRef,
    cursor: u64,
}

impl OutputFeed {
    /// The number of the last item handed over.
    #[must_use]
    pub const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The next items that are there already; empty when the end was reached so far.
    ///
    /// # Errors
    /// When older items have to be read from the log and cannot be.
    pub async fn ready(&mut self) -> Result<Vec<Arc<pb::OutputItem>>, OutputError> {
        let items = match self.kept() {
            Some(items) => items,
            None => self.stored().await?,
        };
        if let Some(last) = items.last() {
            self.cursor = last.seq;
        }
        Ok(items)
    }

    /// True when the run was over and everything it said was handed over, as of the last call of [`OutputFeed::ready`] that gave nothing.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.progress.as_ref().is_none_or(|progress| {
            let progress = *progress.borrow();
            progress.ended && self.cursor >= progress.last
        })
    }

    /// Waits until there is something new or the run has ended.
    pub async fn changed(&mut self) {
        let Some(progress) = &mut self.progress else { return };
        // When the sender is gone the run has ended; its last state stays readable.
        let cursor = self.cursor;
        let _ended = progress.wait_for(|progress| progress.last > cursor || progress.ended).await;
    }

    /// The items from memory; `None` when the next one is no longer there.
    fn kept(&self) -> Option<Vec<Arc<pb::OutputItem>>> {
        let channel = self.channel.as_ref()?;
        let recent = channel.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(first) = recent.items.front() else {
            // Nothing came since the server started; what is stored is older.
            return (self.cursor >= channel.progress.borrow().last).then(Vec::new);
        };
        if self.cursor + 1 < first.seq {
            return None;
        }
        let skip = usize::try_from(self.cursor + 1 - first.seq).unwrap_or(usize::MAX);
        Some(recent.items.iter().skip(skip).take(PAGE).cloned().collect())
    }

    async fn stored(&self) -> Result<Vec<Arc<pb::OutputItem>>, OutputError> {
        let (log, run, cursor) = (self.log.clone(), self.run.clone(), self.cursor);
        let joined = tokio::task::spawn_blocking(move || log.read(&run, cursor, STORED_PAGE, STORED_BYTES)).await;
        joined.unwrap_or_else(|error| Err(OutputError::Io { run: self.run.clone(), what: "read", source: std::io::Error::other(error) }))
    }
}
