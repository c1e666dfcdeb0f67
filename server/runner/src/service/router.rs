//! Takes the server's orders and hands each to the actor of its run.
//!
//! Spec: specs/server/runner/service.md

use std::sync::{Arc, Mutex, PoisonError};

use aq_core::ids::RunRef;
use aq_core::runner_link::{RunnerLink, RunnerOrder, RunnerSink};
use tokio::runtime::Handle;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::actor::{self, Errand};
use super::config::RunnerConfig;
use super::mail::Mail;
use super::places::Home;
use super::release;
use super::shared::Shared;
use crate::git::Rooms;
use crate::process::clock;
use crate::shim::ShimProgram;

/// The runner of this machine. Dropping it detaches like [`RunnerService::shutdown`], without waiting.
pub struct RunnerService {
    shared: Arc<Shared>,
}

impl RunnerService {
    /// Starts the service. Call within a tokio runtime; orders may then be given from any thread.
    #[must_use]
    pub fn start(config: RunnerConfig, sink: Arc<dyn RunnerSink>) -> Arc<Self> {
        let git_clock: crate::git::Clock = Arc::new(clock::now);
        let rooms = Rooms::new(config.home.clone(), config.identity.clone(), config.git.clone(), git_clock);
        rooms.clear_dead_locks();
        let shared = Shared {
            home: Home::new(config.home.clone()),
            shim: ShimProgram { program: config.program.clone() },
            rooms,
            config,
            sink,
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            actors: Mutex::default(),
            runtime: Handle::current(),
        };
        Arc::new(Self { shared: Arc::new(shared) })
    }

    /// The repositories and work directories, for the server's own looks at them.
    #[must_use]
    pub fn rooms(&self) -> &Rooms {
        &self.shared.rooms
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Lets go of every run without ending any (service R12): agents go on under their shims, and the next process attaches. Returns when
    /// nothing of ours is at work any more.
    pub async fn shutdown(&self) {
        self.shared.closing.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// Hands `mail` to the run's actor; false when it has none.
    fn send(&self, run: &RunRef, mail: Mail) -> Result<(), Mail> {
        let actors = self.shared.actors.lock().unwrap_or_else(PoisonError::into_inner);
        match actors.get(run) {
            Some(actor) => actor.send(mail).map_err(|returned| returned.0),
            None => Err(mail),
        }
    }

    /// Starts an actor for the run, unless it has one.
    fn spawn(&self, run: &RunRef, errand: Errand, mail: Option<Mail>) {
        if self.shared.closing.is_cancelled() {
            return;
        }
        let mut actors = self.shared.actors.lock().unwrap_or_else(PoisonError::into_inner);
        actors.retain(|_, actor| !actor.is_closed());
        if actors.contains_key(run) {
            tracing::debug!(%run, "the run is in hand already");
            return;
        }
        let (sender, receiver) = unbounded_channel();
        if let Some(mail) = mail {
            drop(sender.send(mail));
        }
        actors.insert(run.clone(), sender);
        let (shared, run, closing) = (Arc::clone(&self.shared), run.clone(), self.shared.closing.clone());
        // Dropping an actor at any of its awaits is what a crash would do, and every state of it is made for that.
        let work = async move { closing.run_until_cancelled(actor::act(shared, run, errand, receiver)).await };
        drop(self.shared.tasks.spawn_on(work, &self.shared.runtime));
    }
}

impl RunnerLink for RunnerService {
    fn order(&self, order: RunnerOrder) {
        let unknown = |run: &RunRef, what: &str| tracing::info!(%run, "{what} for a run that is not in hand was dropped");
        match order {
            RunnerOrder::Start(start) => self.spawn(&start.run.clone(), Errand::Run { start, last_seq: None }, None),
            RunnerOrder::Attach { start, last_seq } => {
                self.spawn(&start.run.clone(), Errand::Run { start, last_seq: Some(last_seq) }, None);
            }
            RunnerOrder::Conclude(conclude) => {
                let run = conclude.run.clone();
                if let Err(mail) = self.send(&run, Mail::Conclude(conclude)) {
                    self.spawn(&run, Errand::Idle, Some(mail));
                }
            }
            RunnerOrder::Stop { run, reason } => {
                if self.send(&run, Mail::Stop(reason)).is_err() {
                    unknown(&run, "a stop");
                }
            }
            RunnerOrder::Answer { run, request_id, answer } => {
                if self.send(&run, Mail::Answer { request_id, answer }).is_err() {
                    unknown(&run, "an answer");
                }
            }
            RunnerOrder::Message { run, message_id, text } => {
                if self.send(&run, Mail::Message { message_id, text }).is_err() {
                    unknown(&run, "a message");
                }
            }
            RunnerOrder::Release { run, project, task_ended } => {
                if let Err(mail) = self.send(&run, Mail::Release { project, task_ended }) {
                    self.spawn(&run, Errand::Idle, Some(mail));
                }
            }
            RunnerOrder::Retire { run, project, workspace } => {
                let shared = Arc::clone(&self.shared);
                let work = async move { release::retire(&shared, run, project, workspace).await };
                drop(self.shared.tasks.spawn_on(work, &self.shared.runtime));
            }
            RunnerOrder::Clear { run, project, branch } => {
                let (shared, closing) = (Arc::clone(&self.shared), self.shared.closing.clone());
                let work = async move { closing.run_until_cancelled(release::clear(&shared, &run, &project, &branch)).await };
                drop(self.shared.tasks.spawn_on(work, &self.shared.runtime));
            }
            RunnerOrder::Sweep { open } => {
                let (shared, closing) = (Arc::clone(&self.shared), self.shared.closing.clone());
                let work = async move { closing.run_until_cancelled(release::sweep(&shared, &open)).await };
                drop(self.shared.tasks.spawn_on(work, &self.shared.runtime));
            }
        }
    }
}

impl Drop for RunnerService {
    fn drop(&mut self) {
        self.shared.closing.cancel();
    }
}

impl std::fmt::Debug for RunnerService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunnerService").field("config", &self.shared.config).finish_non_exhaustive()
    }
}
