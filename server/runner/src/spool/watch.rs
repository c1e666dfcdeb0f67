//! How a reader learns that there is more: the shim nudges it over the control socket; without a socket it looks, seldom.
//!
//! Spec: specs/server/runner/spool.md

use std::path::PathBuf;
use std::time::Duration;

use crate::shim::{Connection, Event, RunFolder};

/// The first and the longest pause between looks when the shim cannot be asked.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Waits for news of one spool.
pub(super) struct Watch {
    folder: RunFolder,
    connection: Option<Connection>,
    pause: Duration,
}

impl Watch {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder: RunFolder::new(folder), connection: None, pause: FIRST_PAUSE }
    }

    /// True when nothing can be added to the spool any more.
    pub(super) fn is_over(&self) -> bool {
        if self.folder.has_exit() {
            return true;
        }
        // Without a run file the shim has not started yet, or was lost before it could say so: only an attach can tell.
        self.folder.read_run().is_ok_and(|run| !run.is_shim_alive())
    }

    /// Returns when there may be more to read, or the run may be over. Cancelling loses nothing.
    pub(super) async fn news(&mut self) {
        if self.connection.is_none() {
            self.connection = Connection::watch(&self.folder).await.ok();
            if self.connection.is_some() {
                // What was written before the shim knew of us needs one more look.
                return;
            }
        }
        match &mut self.connection {
            Some(connection) => match connection.event().await {
                Ok(Event::Data) => self.pause = FIRST_PAUSE,
                Err(_) => {
                    self.connection = None;
                    tokio::time::sleep(FIRST_PAUSE).await;
                }
            },
            None => {
                tokio::time::sleep(self.pause).await;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}
