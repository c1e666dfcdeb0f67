//! A live shim in the server's hands: feed the agent, stop the run, wait for its end.
//!
//! Spec: specs/server/runner/shim.md

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::sync::Mutex;

use super::connection::{Connection, TalkError, unexpected};
use super::folder::{FolderError, RunFolder};
use super::spec::{ExitRecord, RunFile};
use super::wire::{self, Reply, Request, StdinReceipt};
use crate::process::open_proven;

/// The shim is gone and has left no exit record: the run is lost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run is lost: {reason}")]
pub struct Lost {
    /// What was found instead, in words.
    pub reason: String,
}

/// A shim that was seen alive. Dropping this ends nothing.
pub struct Shim {
    folder: RunFolder,
    run: RunFile,
    epoch: u64,
    /// `None` when it had ended by the time it was looked at.
    handle: Option<AsyncFd<OwnedFd>>,
    connection: Mutex<Option<Connection>>,
}

impl Shim {
    /// Takes up the shim that the run file names.
    pub(super) fn open(folder: RunFolder, epoch: u64) -> Result<Self, FolderError> {
        let run = folder.read_run()?;
        let handle = open_proven(run.shim).map(async_handle).transpose();
        let handle = handle.map_err(|source| FolderError::Io { path: folder.path().to_owned(), source })?;
        Ok(Self { folder, run, epoch, handle, connection: Mutex::new(None) })
    }

    /// Process id of the shim.
    #[must_use]
    pub fn pid(&self) -> u32 {
        u32::try_from(self.run.shim.pid).unwrap_or(0)
    }

    /// What the shim said of itself when it started.
    #[must_use]
    pub const fn run_file(&self) -> &RunFile {
        &self.run
    }

    /// The run's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Asks over the kept connection, and once more over a new one when that has broken. Every request may be repeated: input is
    /// deduplicated, the others say what should be.
    async fn ask(&self, request: &Request) -> Result<Reply, TalkError> {
        let mut kept = self.connection.lock().await;
        // Taken out while in use: a cancelled exchange must not leave its answer to the next one.
        if let Some(mut connection) = kept.take() {
            match connection.ask(request).await {
                Err(TalkError::Io(_)) => {}
                answer => {
                    *kept = Some(connection);
                    return answer;
                }
            }
        }
        let mut connection = Connection::open(&self.folder, self.epoch).await?;
        let answer = connection.ask(request).await;
        *kept = Some(connection);
        answer
    }

    async fn order(&self, request: &Request) -> Result<(), TalkError> {
        match self.ask(request).await? {
            Reply::Ok => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Writes `bytes` to the agent's standard input, after everything sent before. Repeating an id writes once.
    ///
    /// # Errors
    /// Refused (closed, full, an older server), or the shim is gone. After an `Io` or `Silent` error the bytes may have arrived: send
    /// them again under the same id.
    pub async fn send_stdin(&self, id: &str, bytes: &[u8]) -> Result<StdinReceipt, TalkError> {
        match self.ask(&Request::Stdin { id: id.to_owned(), data: wire::encode(bytes) }).await? {
            Reply::Stdin { receipt } => Ok(receipt),
            other => Err(unexpected(&other)),
        }
    }

    /// Closes the agent's standard input once everything sent was written. Repeating it changes nothing.
    ///
    /// # Errors
    /// As for [`Shim::send_stdin`].
    pub async fn close_stdin(&self) -> Result<(), TalkError> {
        self.order(&Request::CloseStdin).await
    }

    /// Starts the kill ladder: SIGINT, after `grace` SIGTERM, after another `grace` the certain end. Zero: the end at once. Returns when the
    /// shim has taken the order; [`Shim::wait`] tells when it is done. The reason of the first order is the one recorded.
    ///
    /// # Errors
    /// As for [`Shim::send_stdin`]. A shim that is gone needs no stopping.
    pub async fn stop(&self, reason: &str, grace: Duration) -> Result<(), TalkError> {
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.order(&Request::Stop { reason: reason.to_owned(), grace_ms }).await
    }

    /// Changes the silence limit and starts to count it anew; zero: none, while the agent waits for a person or for a long tool call.
    ///
    /// # Errors
    /// As for [`Shim::send_stdin`].
    pub async fn set_silence_limit(&self, limit: Duration) -> Result<(), TalkError> {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        self.order(&Request::Silence { limit_ms }).await
    }

    /// True while the agent's own process runs; false while only the end of the run is being worked on.
    ///
    /// # Errors
    /// As for [`Shim::send_stdin`].
    pub async fn is_agent_alive(&self) -> Result<bool, TalkError> {
        match self.ask(&Request::Status).await? {
            Reply::Status { leader_alive, .. } => Ok(leader_alive),
            other => Err(unexpected(&other)),
        }
    }

    /// Waits until the run is over. Cancelling and repeating it are fine.
    ///
    /// # Errors
    /// [`Lost`]: the shim ended without a record. What it left behind is for [`super::end_leftovers`].
    pub async fn wait(&self) -> Result<ExitRecord, Lost> {
        if let Some(handle) = &self.handle {
            // A failing wait ends in the look at the record below.
            drop(handle.readable().await);
        }
        read_record(&self.folder)
    }
}

/// Registers a process handle, which becomes readable when the process has ended.
#[expect(deprecated, reason = "the replacement is an unsafe function; an owned descriptor keeps its number for as long as it lives")]
pub(super) fn async_handle(handle: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(handle)
}

/// The exit record of a run whose shim has ended.
pub(super) fn read_record(folder: &RunFolder) -> Result<ExitRecord, Lost> {
    folder.read_exit().map_err(|error| Lost {
        reason: match error {
            FolderError::Missing(_) => "its shim ended without an exit record".to_owned(),
            other => other.to_string(),
        },
    })
}

impl std::fmt::Debug for Shim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shim").field("folder", &self.folder.path()).field("pid", &self.run.shim.pid).finish_non_exhaustive()
    }
}
