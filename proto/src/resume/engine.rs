//! The loop under every resuming stream: open, read, wait, open again. What a message means is the cursor's.
//!
//! The loop runs as a task of its own and hands messages over through a bounded channel, so that waiting for the next message can be
//! abandoned at any point without losing one.
//!
//! Spec: specs/proto/resume.md

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Status};

use super::Backoff;
use crate::error_detail::{ErrorDetail, reason};

/// Messages that wait for the consumer before the stream is held back.
const BUFFERED: usize = 256;

/// What a cursor says about a message.
#[derive(Debug)]
pub enum Accepted<M> {
    /// It is the next one.
    Deliver(M),
    /// It is the next one after a note about what is missing.
    Both(M, M),
    /// It was delivered before, or is of no interest to the consumer.
    Skip,
    /// It is the next one and the last.
    End(M),
    /// It cannot be the next one: something before it is missing, so the call is repeated.
    Broken(String),
}

/// The position in a stream: makes the request that goes on behind it, and judges what comes.
pub trait Cursor: Send + 'static {
    /// The request that opens the stream.
    type Request: Send + 'static;
    /// A message of the stream.
    type Message: Send + 'static;

    /// The request that goes on behind what was accepted so far.
    fn request(&self) -> Self::Request;

    /// Judges the next message and moves on.
    fn accept(&mut self, message: Self::Message) -> Accepted<Self::Message>;
}

/// Why a resuming stream waits at the moment.
#[derive(Clone, Debug)]
pub struct Interruption {
    /// What broke it.
    pub status: Status,
    /// How often it was tried in vain since the last message.
    pub attempt: u32,
    /// When it is tried again.
    pub retry_in: Duration,
}

/// Why a resuming stream ends without its last message.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ResumeError {
    /// The server refuses; trying again would not help.
    #[error("{}", .0.message())]
    Refused(Status),
    /// Nothing came for the time allowed.
    #[error("gave up after {waited:?} without a message: {}", last.message())]
    GaveUp {
        /// How long it was tried.
        waited: Duration,
        /// The last failure.
        last: Status,
    },
}

/// Told of each interruption before the wait.
pub type OnInterruption = Arc<dyn Fn(&Interruption) + Send + Sync>;

/// How a stream is resumed.
#[derive(Clone)]
pub struct ResumeOptions {
    /// How long to wait between attempts.
    pub backoff: Backoff,
    /// A stream without any message, heartbeats included, for so long is taken for dead.
    pub idle: Duration,
    /// Give up when nothing came for so long. `None`: never.
    pub give_up_after: Option<Duration>,
    /// Called each time before waiting.
    pub on_interruption: Option<OnInterruption>,
}

impl Default for ResumeOptions {
    fn default() -> Self {
        Self { backoff: Backoff::default(), idle: Duration::from_secs(45), give_up_after: None, on_interruption: None }
    }
}

impl fmt::Debug for ResumeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResumeOptions")
            .field("backoff", &self.backoff)
            .field("idle", &self.idle)
            .field("give_up_after", &self.give_up_after)
            .finish_non_exhaustive()
    }
}

/// A stream that survives broken connections. Each message comes once and in order; after the last one, or an error, it is over.
/// Dropping it ends the call.
#[derive(Debug)]
pub struct Resumed<M> {
    messages: mpsc::Receiver<Result<M, ResumeError>>,
    task: JoinHandle<()>,
}

impl<M> Resumed<M> {
    /// The next message; `None` when it is over. Abandoning the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<M, ResumeError>> {
        self.messages.recv().await
    }
}

impl<M> Stream for Resumed<M> {
    type Item = Result<M, ResumeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_recv(cx)
    }
}

impl<M> Drop for Resumed<M> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// True when repeating the call cannot help. Resume R4.
#[must_use]
pub fn is_fatal(status: &Status) -> bool {
    match status.code() {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss
        | Code::Unauthenticated => true,
        Code::Aborted => ErrorDetail::is(status, reason::LEASE_TAKEN),
        _ => false,
    }
}

/// Opens a stream with `open` and keeps it open, behind `cursor`. Must be called inside a tokio runtime.
pub fn resume<C, F, Opening, S>(cursor: C, open: F, options: ResumeOptions) -> Resumed<C::Message>
where
    C: Cursor,
    F: FnMut(C::Request) -> Opening + Send + 'static,
    Opening: Future<Output = Result<S, Status>> + Send + 'static,
    S: Stream<Item = Result<C::Message, Status>> + Send + Unpin + 'static,
{
    let (sender, messages) = mpsc::channel(BUFFERED);
    let task = tokio::spawn(run(cursor, open, options, sender));
    Resumed { messages, task }
}

/// How one opening of the stream ended.
enum Broke {
    Over,
    Failed(Status),
}

async fn run<C, F, Opening, S>(mut cursor: C, mut open: F, options: ResumeOptions, sender: mpsc::Sender<Result<C::Message, ResumeError>>)
where
    C: Cursor,
    F: FnMut(C::Request) -> Opening + Send + 'static,
    Opening: Future<Output = Result<S, Status>> + Send + 'static,
    S: Stream<Item = Result<C::Message, Status>> + Send + Unpin + 'static,
{
    let mut attempt: u32 = 0;
    let mut last_sign = Instant::now();
    loop {
        let opened = timeout(options.idle, open(cursor.request())).await;
        let broke = match opened {
            Ok(Ok(stream)) => read(&mut cursor, stream, options.idle, &sender, &mut attempt, &mut last_sign).await,
            Ok(Err(status)) => Broke::Failed(status),
            Err(_) => Broke::Failed(Status::unavailable("the server did not open the stream in time")),
        };
        let Broke::Failed(status) = broke else { return };
        if is_fatal(&status) {
            let _closed = sender.send(Err(ResumeError::Refused(status))).await;
            return;
        }
        let asked = ErrorDetail::of(&status).and_then(|detail| detail.retry_after).unwrap_or_default();
        let retry_in = options.backoff.delay(attempt, rand::random::<f64>()).max(asked);
        let waited = last_sign.elapsed();
        if options.give_up_after.is_some_and(|most| waited.saturating_add(retry_in) > most) {
            let _closed = sender.send(Err(ResumeError::GaveUp { waited, last: status })).await;
            return;
        }
        if let Some(tell) = &options.on_interruption {
            tell(&Interruption { status, attempt, retry_in });
        }
        attempt = attempt.saturating_add(1);
        sleep(retry_in).await;
    }
}

async fn read<C, S>(
    cursor: &mut C,
    mut stream: S,
    idle: Duration,
    sender: &mpsc::Sender<Result<C::Message, ResumeError>>,
    attempt: &mut u32,
    last_sign: &mut Instant,
) -> Broke
where
    C: Cursor,
    S: Stream<Item = Result<C::Message, Status>> + Send + Unpin,
{
    loop {
        let message = match timeout(idle, stream.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(status))) => return Broke::Failed(status),
            Ok(None) => return Broke::Failed(Status::unavailable("the stream stopped without its last message")),
            Err(_) => return Broke::Failed(Status::unavailable("the stream was silent for too long")),
        };
        *last_sign = Instant::now();
        let deliver = match cursor.accept(message) {
            // A hole is no sign of progress: without the wait growing, a server that repeats it would be asked in a tight loop.
            Accepted::Broken(what) => return Broke::Failed(Status::unavailable(what)),
            Accepted::Skip => {
                *attempt = 0;
                continue;
            }
            Accepted::Deliver(message) => (Some(message), None, false),
            Accepted::Both(first, second) => (Some(first), Some(second), false),
            Accepted::End(message) => (Some(message), None, true),
        };
        *attempt = 0;
        let (first, second, last) = deliver;
        for message in [first, second].into_iter().flatten() {
            if sender.send(Ok(message)).await.is_err() {
                return Broke::Over;
            }
        }
        // The time the consumer took is not the server's silence.
        *last_sign = Instant::now();
        if last {
            return Broke::Over;
        }
    }
}
