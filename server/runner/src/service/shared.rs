//! What the actors of all runs share.
//!
//! Spec: specs/server/runner/service.md

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aq_core::ids::RunRef;
use aq_core::runner_link::RunnerSink;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::RunnerConfig;
use super::mail::Mail;
use super::places::Home;
use crate::git::Rooms;
use crate::shim::ShimProgram;

/// What all actors share.
pub(super) struct Shared {
    pub(super) config: RunnerConfig,
    pub(super) home: Home,
    pub(super) rooms: Rooms,
    pub(super) shim: ShimProgram,
    pub(super) sink: Arc<dyn RunnerSink>,
    pub(super) tasks: TaskTracker,
    pub(super) closing: CancellationToken,
    pub(super) actors: Mutex<BTreeMap<RunRef, UnboundedSender<Mail>>>,
    pub(super) runtime: Handle,
}

impl Shared {
    /// Does blocking work on its own thread; shutdown waits for it. A panic in it is an error in words.
    pub(super) async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
        self.tasks.spawn_blocking(work).await.map_err(|error| format!("an internal error: {error}"))
    }

    /// The runs that an actor has in its hands.
    pub(super) fn in_hand(&self) -> Vec<RunRef> {
        let actors = self.actors.lock().unwrap_or_else(PoisonError::into_inner);
        actors.iter().filter(|(_, mail)| !mail.is_closed()).map(|(run, _)| run.clone()).collect()
    }
}
