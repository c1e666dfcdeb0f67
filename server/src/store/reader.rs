//! Readers apart from the writer: a few threads, each with a read-only connection of its own.
//!
//! A read sees what was committed before it began and never waits for the writer. A query that panics is one that failed; its thread goes on.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;

use super::connection::{DatabaseUrl, Purpose, open};
use super::dialect::Connection;
use super::error::StoreError;
use super::tx::guarded;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the reader threads; cheap to clone. The threads end when the last handle is dropped.
#[derive(Clone)]
pub struct Reader {
    sender: mpsc::Sender<Job>,
}

impl Reader {
    /// Starts `threads` readers (at least one). Connections are opened here, so that a wrong database shows at start. Blocking.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when a connection or a thread cannot be had.
    pub fn start(url: &DatabaseUrl, threads: usize) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads.max(1) {
            let mut connection = open(url, Purpose::Read)?;
            let receiver = Arc::clone(&receiver);
            let url = url.clone();
            thread::Builder::new()
                .name(format!("aq-reader-{number}"))
                .spawn(move || {
                    loop {
                        let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                        let Ok(job) = job else { break };
                        // A database server may have been restarted in between; the job's own error tells when it is still away.
                        if !connection.is_alive() {
                            match open(&url, Purpose::Read) {
                                Ok(opened) => connection = opened,
                                Err(error) => tracing::warn!(%error, "a reader cannot reach the database"),
                            }
                        }
                        job(&mut connection);
                    }
                })
                .map_err(|error| StoreError::Unavailable(format!("cannot start a reader thread: {error}")))?;
        }
        Ok(Self { sender })
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
        if self.sender.send(job).is_err() {
            return Err(StoreError::Closed.into());
        }
        receiver.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}
