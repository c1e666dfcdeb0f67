//! Readers apart from the writer: a few threads, each with a read-only connection of its own.
//!
//! A read sees what was committed before it began and never waits for the writer. A query that panics is one that failed; its thread goes on. Who
//! reads much keeps nobody else waiting: askers take turns.

use std::sync::Arc;
use std::thread;

use tokio::sync::oneshot;

use super::connection::{DatabaseUrl, Purpose, open};
use super::dialect::Connection;
use super::error::StoreError;
use super::queue::{Entrance, Queue};
use super::turns::{Asker, SERVER};
use super::tx::guarded;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the reader threads; cheap to clone. The threads end when the last handle is dropped.
#[derive(Clone)]
pub struct Reader {
    queue: Arc<Entrance<Job>>,
    asker: Asker,
}

impl Reader {
    /// Starts `threads` readers (at least one). Connections are opened here, so that a wrong database shows at start. Blocking.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when a connection or a thread cannot be had.
    pub fn start(url: &DatabaseUrl, threads: usize) -> Result<Self, StoreError> {
        let threads = threads.max(1);
        let queue = Queue::<Job>::new(threads);
        let handle = Self { queue: Entrance::of(&queue), asker: Asker::from(SERVER) };
        for number in 0..threads {
            let mut connection = open(url, Purpose::Read)?;
            let (queue, url) = (Arc::clone(&queue), url.clone());
            thread::Builder::new()
                .name(format!("aq-reader-{number}"))
                .spawn(move || {
                    let mut over = None;
                    while let Some((asker, job)) = queue.wait(over.take()) {
                        // A database server may have been restarted in between; the job's own error tells when it is still away.
                        if !connection.is_alive() {
                            match open(&url, Purpose::Read) {
                                Ok(opened) => connection = opened,
                                Err(error) => tracing::warn!(%error, "a reader cannot reach the database"),
                            }
                        }
                        job(&mut connection);
                        over = Some(asker);
                    }
                })
                .map_err(|error| StoreError::Unavailable(format!("cannot start a reader thread: {error}")))?;
        }
        Ok(handle)
    }

    /// A handle to the same readers for another asker. One whose queries are many waits for its own, not the others for it.
    #[must_use]
    pub fn asked_by(&self, asker: &str) -> Self {
        Self { queue: Arc::clone(&self.queue), asker: Asker::from(asker) }
    }

    /// Runs `query` on a reader.
    ///
    /// # Errors
    /// The query's own error, or [`StoreError::Closed`] (as `E`) when the readers have ended.
    pub async fn read<T, E>(&self, query: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // A caller that gave up waiting does not want the answer.
            let _unwanted = sender.send(guarded(|| query(connection)));
        });
        self.queue.push(&self.asker, job);
        receiver.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}
