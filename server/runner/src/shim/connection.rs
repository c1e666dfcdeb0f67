//! The server's end of a control socket: connect, show the key, ask, hear events.
//!
//! Spec: specs/server/runner/shim.md

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::folder::{FolderError, RunFolder};
use super::wire::{self, Refusal, Reply, Request};

/// A shim answers within milliseconds; this long means that it is stopped or starved.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

/// Why a shim could not be talked to.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// It refused.
    #[error("the shim refused: {0}")]
    Refused(#[from] Refusal),
    /// The run folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The socket failed; the shim may be gone.
    #[error("the shim cannot be reached: {0}")]
    Io(#[from] io::Error),
    /// No answer in time.
    #[error("the shim does not answer")]
    Silent,
}

/// What a watched shim tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is more output in the spool.
    Data,
}

/// A connection that has shown the key.
pub struct Connection {
    stream: BufReader<UnixStream>,
    line: Vec<u8>,
}

impl Connection {
    async fn start(folder: &RunFolder, first: impl FnOnce(String) -> Request) -> Result<Self, TalkError> {
        let (run, spec) = (folder.read_run()?, folder.read_spec()?);
        let stream = UnixStream::connect(&run.socket).await?;
        let mut connection = Self { stream: BufReader::new(stream), line: Vec::new() };
        match connection.ask(&first(spec.key)).await? {
            Reply::Ok => Ok(connection),
            other => Err(unexpected(&other)),
        }
    }

    /// Connects to the shim of a run folder in order to give orders under `epoch`.
    ///
    /// # Errors
    /// The shim is not there, or refuses the key or the epoch.
    pub async fn open(folder: &RunFolder, epoch: u64) -> Result<Self, TalkError> {
        Self::start(folder, |key| Request::Hello { key, epoch }).await
    }

    /// Connects in order to hear of new output only.
    ///
    /// # Errors
    /// The shim is not there, or refuses the key.
    pub async fn watch(folder: &RunFolder) -> Result<Self, TalkError> {
        Self::start(folder, |key| Request::Watch { key }).await
    }

    /// Asks and waits for the answer; events that come in between are dropped.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Reply, TalkError> {
        let talk = async {
            self.stream.get_mut().write_all(&wire::line(request)).await?;
            loop {
                match self.read().await? {
                    Reply::Data => {}
                    Reply::Refused { why } => return Err(TalkError::Refused(why)),
                    reply => return Ok(reply),
                }
            }
        };
        tokio::time::timeout(ANSWER_PATIENCE, talk).await.map_err(|_| TalkError::Silent)?
    }

    /// The next event of a watched shim. Cancelling loses nothing.
    ///
    /// # Errors
    /// The connection has ended: so has the shim, in all likelihood.
    pub async fn event(&mut self) -> Result<Event, TalkError> {
        loop {
            if matches!(self.read().await?, Reply::Data) {
                return Ok(Event::Data);
            }
        }
    }

    async fn read(&mut self) -> Result<Reply, TalkError> {
        // `read_until` keeps what it has read in `line` when it is cancelled.
        let count = self.stream.read_until(b'\n', &mut self.line).await?;
        if count == 0 || !self.line.ends_with(b"\n") {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let reply = serde_json::from_slice(&self.line).map_err(io::Error::other);
        self.line.clear();
        Ok(reply?)
    }
}

/// An answer that does not fit the question.
pub(super) fn unexpected(reply: &Reply) -> TalkError {
    TalkError::Io(io::Error::other(format!("unexpected answer {reply:?}")))
}
