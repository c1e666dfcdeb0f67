//! The one writer: a thread that owns the write connection and the state that hot decisions read, and the handle through which commands reach it.
//!
//! How commands share a commit lives in `batches`; what they work with, in `tx`; what the state is and what the commands do, elsewhere (`lifecycle`,
//! `commands`, `orchestrator`).

use std::sync::Arc;
use std::thread;

use tokio::sync::{RwLock, oneshot, watch};

use super::batches::{Job, Loop};
use super::dialect::Connection;
use super::error::StoreError;
use super::queue::{Entrance, OnlyExit, Queue};
use super::turns::{Asker, SERVER};
use super::tx::{State, Tx, guarded};

/// A handle to the writer; cheap to clone.
pub struct Writer<S: State> {
    queue: Arc<Entrance<Job<S>>>,
    asker: Asker,
    state: Arc<RwLock<S>>,
    /// Its sender lives on the thread and goes with it.
    alive: watch::Receiver<()>,
}

impl<S: State> Clone for Writer<S> {
    fn clone(&self) -> Self {
        Self { queue: Arc::clone(&self.queue), asker: Arc::clone(&self.asker), state: Arc::clone(&self.state), alive: self.alive.clone() }
    }
}

/// Joins the writer's thread when the server ends.
pub struct WriterThread {
    thread: thread::JoinHandle<()>,
}

impl WriterThread {
    /// Waits until the writer has written what was queued before [`Writer::stop`]. Blocking.
    pub fn join(self) {
        // A panic of the writer was reported when it happened; the process is ending either way.
        let _ended = self.thread.join();
    }
}

impl<S: State> Writer<S> {
    /// Starts the thread. `publish` is called on it with the facts of each batch, right after the commit and before the answers leave; what it
    /// gives back is let go of after them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no thread can be started.
    pub fn start<R: Send + 'static>(
        connection: Connection,
        state: S,
        publish: impl FnMut(Vec<S::Fact>) -> R + Send + 'static,
    ) -> Result<(Self, WriterThread), StoreError> {
        let queue = Queue::new(1);
        let (entrance, exit) = (Entrance::of(&queue), OnlyExit(queue));
        let (life, alive) = watch::channel(());
        let state = Arc::new(RwLock::new(state));
        let written = Arc::clone(&state);
        let thread = thread::Builder::new()
            .name("aq-writer".to_owned())
            .spawn(move || {
                Loop::new(connection, written, publish).run(&exit);
                drop(exit);
                drop(life);
            })
            .map_err(|error| StoreError::Unavailable(format!("cannot start the writer thread: {error}")))?;
        Ok((Self { queue: entrance, asker: Asker::from(SERVER), state, alive }, WriterThread { thread }))
    }

    /// A handle to the same writer for another asker. One whose commands are many waits for its own, not the others for it.
    #[must_use]
    pub fn asked_by(&self, asker: &str) -> Self {
        Self { asker: Asker::from(asker), ..self.clone() }
    }

    /// Runs `command` in the next batch and answers when it is durable.
    ///
    /// `command` may run twice (see the module header), so it must depend on nothing but its arguments, the database and the state.
    ///
    /// # Errors
    /// The command's own error, or [`StoreError`] (as `E`) when the batch could not be committed or the writer has ended.
    pub async fn submit<T, E>(&self, command: impl FnMut(&mut Tx<'_, S>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let receiver = self.enqueue(command);
        receiver.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Like [`Writer::submit`], for threads that are not asynchronous. Blocking.
    ///
    /// # Errors
    /// As [`Writer::submit`].
    pub fn submit_blocking<T, E>(&self, command: impl FnMut(&mut Tx<'_, S>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.enqueue(command).blocking_recv().unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Shows the state as the last commit left it. Until `look` returns nothing is written, so that rows read meanwhile fit the state; keep it
    /// short. Waits for the batch that is being written, and not for one that waits for the database. Blocking.
    pub fn see<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        look(&self.state.blocking_read())
    }

    fn enqueue<T, E>(&self, mut command: impl FnMut(&mut Tx<'_, S>) -> Result<T, E> + Send + 'static) -> oneshot::Receiver<Result<T, E>>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let slot = Arc::new(std::sync::Mutex::new(None));
        let filled = Arc::clone(&slot);
        let job = Job {
            run: Box::new(move |tx| {
                let answer = guarded(|| command(tx));
                let failed = answer.is_err();
                *filled.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(answer);
                // The writer only needs to know that this command failed; the caller gets the command's own error.
                if failed { Err(StoreError::Refused(String::new())) } else { Ok(()) }
            }),
            reply: Box::new(move |outcome| {
                let answer = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
                let answer = match (outcome, answer) {
                    (Ok(()), Some(answer)) => answer,
                    (Ok(()), None) => Err(StoreError::Closed.into()),
                    // A full disk may take back the whole transaction at once. What the command itself met says more than what that did
                    // to the batch, and is just as true: nothing of it was kept.
                    (Err(_), Some(Err(own))) => Err(own),
                    (Err(error), _) => Err(error.into()),
                };
                // A caller that gave up waiting does not want the answer; what was written stays written.
                let _unwanted = sender.send(answer);
            }),
        };
        // When the writer has ended, the job is dropped, with it the sender, and the caller sees `Closed`.
        self.queue.push(&self.asker, job);
        receiver
    }

    /// Waits until the writer has ended: after [`Writer::stop`], when the connection to the database was lost, or by a defect. Nothing can be
    /// written any more; the server has to go down and start anew.
    pub async fn ended(&self) {
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
    }

    /// Ends the writer after everything queued so far.
    pub fn stop(&self) {
        self.queue.close();
    }
}
