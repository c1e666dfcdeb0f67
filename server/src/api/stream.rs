//! Turns a source with a cursor into the stream of an answer: what is there first, then what comes, heartbeats when nothing does, and an
//! end of its own when the server ends or the reader does not read.
//!
//! The source is pulled by a task of its own into a small buffer. A reader that stops reading costs that buffer and nothing else: the
//! source is let go, and the reader resumes from the store behind the number it is told.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::status::{self, Status};

/// What a source has to say now.
#[derive(Debug)]
pub enum Batch<M> {
    /// These messages; none when everything there is was said.
    Messages(Vec<M>),
    /// These messages and nothing more, ever.
    End(Vec<M>),
}

/// Something that can be followed by a cursor.
pub trait CursorSource: Send + 'static {
    /// A message of the stream.
    type Message: Send + 'static;

    /// What is there behind the cursor already, and moves the cursor. Keep batches small: a page, not a history.
    ///
    /// # Errors
    /// The status that ends the stream.
    fn ready(&mut self) -> impl Future<Output = Result<Batch<Self::Message>, Status>> + Send;

    /// Waits until there may be something new. May be abandoned at any point.
    fn changed(&mut self) -> impl Future<Output = ()> + Send;

    /// The message that says that there is nothing new; carries the number of the last fact looked at.
    fn heartbeat(&self) -> Self::Message;

    /// The number in a message that a reader resumes behind; `None` for messages without one.
    fn seq(message: &Self::Message) -> Option<u64>;
}

/// How a source is followed.
#[derive(Clone, Copy, Debug)]
pub struct StreamSettings {
    /// Quiet time before a heartbeat.
    pub heartbeat: Duration,
    /// Longest time that a reader may leave a full buffer unread.
    pub stall: Duration,
    /// Messages in the buffer.
    pub buffer: usize,
    /// The number that the stream begins behind, told to a reader that never read anything.
    pub after: u64,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(15), stall: Duration::from_secs(30), buffer: 32, after: 0 }
    }
}

/// The stream of an answer; dropping it lets the source go.
#[derive(Debug)]
pub struct FollowStream<M> {
    messages: mpsc::Receiver<M>,
    ending: Arc<OnceLock<Ending>>,
    task: JoinHandle<()>,
    /// The number of the last message handed to the reader.
    read: u64,
    seq: fn(&M) -> Option<u64>,
    over: bool,
}

#[derive(Debug)]
enum Ending {
    Complete,
    /// The buffer still counts.
    Failed(Status),
    /// The buffer is thrown away.
    Stalled,
}

impl<M> Stream for FollowStream<M> {
    type Item = Result<M, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        if matches!(self.ending.get(), Some(Ending::Stalled)) {
            self.over = true;
            self.messages.close();
            while self.messages.try_recv().is_ok() {}
            return Poll::Ready(Some(Err(status::slow_reader(self.read))));
        }
        match self.messages.poll_recv(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(message)) => {
                self.read = (self.seq)(&message).unwrap_or(self.read);
                Poll::Ready(Some(Ok(message)))
            }
            Poll::Ready(None) => {
                self.over = true;
                match self.ending.get() {
                    Some(Ending::Complete) => Poll::Ready(None),
                    Some(Ending::Failed(status)) => Poll::Ready(Some(Err(status.clone()))),
                    // The task went away without a word: it panicked, or its runtime ends.
                    Some(Ending::Stalled) | None => Poll::Ready(Some(Err(status::shutting_down()))),
                }
            }
        }
    }
}

impl<M> Drop for FollowStream<M> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Follows `source` until it ends, fails, the reader goes or stalls, or `shutdown` comes. gRPC R11, R12. Must be called inside a tokio
/// runtime.
pub fn follow<S: CursorSource>(source: S, settings: StreamSettings, shutdown: CancellationToken) -> FollowStream<S::Message> {
    let (sender, messages) = mpsc::channel(settings.buffer.max(1));
    let ending: Arc<OnceLock<Ending>> = Arc::default();
    let told = Arc::clone(&ending);
    let task = tokio::spawn(async move {
        if let Some(ending) = pump(source, settings, shutdown, &sender).await {
            // Told before the channel closes, so that the reader finds it there.
            let _first = told.set(ending);
        }
    });
    FollowStream { messages, ending, task, read: settings.after, seq: S::seq, over: false }
}

/// `None` when the reader is gone.
async fn pump<S: CursorSource>(
    mut source: S,
    settings: StreamSettings,
    shutdown: CancellationToken,
    sender: &mpsc::Sender<S::Message>,
) -> Option<Ending> {
    let mut quiet_since = Instant::now();
    loop {
        let batch = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Some(Ending::Failed(status::shutting_down())),
            batch = source.ready() => batch,
        };
        let (messages, last) = match batch {
            Ok(Batch::Messages(messages)) => (messages, false),
            Ok(Batch::End(messages)) => (messages, true),
            Err(status) => return Some(Ending::Failed(status)),
        };
        let caught_up = messages.is_empty();
        for message in messages {
            if let Some(ending) = send(sender, message, settings.stall, &shutdown).await? {
                return Some(ending);
            }
            quiet_since = Instant::now();
        }
        if last {
            return Some(Ending::Complete);
        }
        if !caught_up {
            continue;
        }
        tokio::select! {
            () = shutdown.cancelled() => return Some(Ending::Failed(status::shutting_down())),
            () = sender.closed() => return None,
            () = source.changed() => {}
            () = sleep_until(quiet_since + settings.heartbeat) => {
                if let Some(ending) = send(sender, source.heartbeat(), settings.stall, &shutdown).await? {
                    return Some(ending);
                }
                quiet_since = Instant::now();
            }
        }
    }
}

/// `None` when the reader is gone; `Some(Some(_))` when the stream has to end.
async fn send<M>(sender: &mpsc::Sender<M>, message: M, stall: Duration, shutdown: &CancellationToken) -> Option<Option<Ending>> {
    tokio::select! {
        biased;
        permit = sender.reserve() => {
            permit.ok()?.send(message);
            Some(None)
        }
        () = shutdown.cancelled() => Some(Some(Ending::Failed(status::shutting_down()))),
        () = tokio::time::sleep(stall) => Some(Some(Ending::Stalled)),
    }
}
