//! Named loops that run as long as the server: started, watched, restarted or mourned, and listed for operators.
//!
//! What a loop does is its own business; what its death means is declared here, where it is started.
//!
//! Spec: specs/server/background.md

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::task::TaskTracker;

use crate::shutdown::{Reason, Shutdown};

/// First wait before a loop is started again.
pub const FIRST_BACKOFF: Duration = Duration::from_millis(250);
/// Longest wait before a loop is started again.
pub const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// A loop that ran this long has proved itself: its next failure waits [`FIRST_BACKOFF`] again.
pub const PROVEN_AFTER: Duration = Duration::from_secs(60);

/// What the end of a loop means while the server is not stopping (background R2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExit {
    /// It is told in the log, and that is all: the loop had an end.
    Log,
    /// It is started again, with growing waits.
    Restart,
    /// The server cannot live without it and stops.
    StopServer,
}

/// Where a loop is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoopState {
    /// It runs.
    Running,
    /// It failed and will be started again after this wait.
    Waiting(Duration),
    /// It has ended.
    Ended,
}

/// One loop as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopStatus {
    /// Its name.
    pub name: &'static str,
    /// Where it is in its life.
    pub state: LoopState,
    /// How often it was started again.
    pub restarts: u64,
    /// What it said when it last failed; a panic is told as such.
    pub last_error: Option<String>,
}

/// Starts loops and watches them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Background {
    shutdown: Shutdown,
    tracker: TaskTracker,
    statuses: Arc<Mutex<BTreeMap<&'static str, LoopStatus>>>,
}

impl Background {
    /// A supervisor whose loops end with `shutdown`.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self { shutdown, tracker: TaskTracker::new(), statuses: Arc::default() }
    }

    /// Starts a loop under a name of its own. `start` makes the future afresh for every start; it should end when
    /// [`Shutdown::drain`] is cancelled, and is dropped when [`Shutdown::force`] is.
    pub fn spawn<S, F, E>(&self, name: &'static str, on_exit: OnExit, mut start: S)
    where
        S: FnMut(Shutdown) -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display + Send + 'static,
    {
        let this = self.clone();
        this.note(name, LoopState::Running, None);
        self.tracker.spawn(async move {
            let mut backoff = FIRST_BACKOFF;
            loop {
                let started = tokio::time::Instant::now();
                let ended = this.attempt(start(this.shutdown.clone())).await;
                if this.shutdown.drain().is_cancelled() {
                    this.note(name, LoopState::Ended, ended.err());
                    return;
                }
                let told = ended.as_ref().err().map_or("it returned", String::as_str).to_owned();
                match on_exit {
                    OnExit::Log => {
                        tracing::info!(name, outcome = %told, "background loop {name} ended");
                        this.note(name, LoopState::Ended, ended.err());
                        return;
                    }
                    OnExit::StopServer => {
                        tracing::error!(name, outcome = %told, "background loop {name} ended, and the server cannot go on without it");
                        this.note(name, LoopState::Ended, ended.err());
                        this.shutdown.request(Reason::LoopEnded(name.to_owned()));
                        return;
                    }
                    OnExit::Restart => {
                        if started.elapsed() >= PROVEN_AFTER {
                            backoff = FIRST_BACKOFF;
                        }
                        tracing::warn!(name, outcome = %told, wait = ?backoff, "background loop {name} ended and is started again");
                        this.note(name, LoopState::Waiting(backoff), ended.err());
                    }
                }
                tokio::select! {
                    () = this.shutdown.drain().cancelled() => {
                        this.note(name, LoopState::Ended, None);
                        return;
                    }
                    () = tokio::time::sleep(backoff) => {}
                }
                backoff = backoff.saturating_mul(2).min(LONGEST_BACKOFF);
                this.restarted(name);
            }
        });
    }

    /// Runs one start of a loop to its end; a panic and a forced stop are told as errors.
    async fn attempt<F, E>(&self, future: F) -> Result<(), String>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display + Send + 'static,
    {
        tokio::select! {
            biased;
            () = self.shutdown.force().cancelled() => Err("it was stopped by force".to_owned()),
            ended = std::panic::AssertUnwindSafe(future).catch_unwind() => match ended {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(panic) => Err(format!("it panicked: {}", panic_text(panic.as_ref()))),
            },
        }
    }

    /// Every loop that was started, by name.
    #[must_use]
    pub fn statuses(&self) -> Vec<LoopStatus> {
        self.lock().values().cloned().collect()
    }

    /// Resolves when every loop has ended. Start no loop afterwards.
    pub async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    fn note(&self, name: &'static str, state: LoopState, error: Option<String>) {
        let mut statuses = self.lock();
        let status = statuses.entry(name).or_insert(LoopStatus { name, state: LoopState::Running, restarts: 0, last_error: None });
        status.state = state;
        if error.is_some() {
            status.last_error = error;
        }
    }

    fn restarted(&self, name: &'static str) {
        if let Some(status) = self.lock().get_mut(name) {
            status.state = LoopState::Running;
            status.restarts = status.restarts.saturating_add(1);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, LoopStatus>> {
        // The map is whole between any two statements, so a panic elsewhere leaves nothing half written.
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a panic said.
#[must_use]
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::mpsc;

    use super::*;
    use crate::shutdown;

    type Never = std::convert::Infallible;

    fn background() -> (shutdown::Controller, Shutdown, Background) {
        let (controller, shutdown) = shutdown::pair(Duration::from_secs(1));
        (controller, shutdown.clone(), Background::new(shutdown))
    }

    /// F-057, background R3: failures and panics restart a loop with growing waits; a proven loop starts from the first wait again.
    #[tokio::test(start_paused = true)]
    async fn a_failing_loop_is_restarted_with_backoff() {
        let (controller, shutdown, background) = background();
        let (sender, mut starts) = mpsc::unbounded_channel();
        let begun = tokio::time::Instant::now();
        let attempts = Arc::new(AtomicU32::new(0));
        background.spawn("shaky", OnExit::Restart, move |_| {
            let attempt = attempts.fetch_add(1, Ordering::SeqCst);
            sender.send(begun.elapsed()).unwrap();
            async move {
                match attempt {
                    0 => Err("no database"),
                    1 => panic!("boom"),
                    2 => {
                        tokio::time::sleep(PROVEN_AFTER).await;
                        Ok(())
                    }
                    _ => std::future::pending().await,
                }
            }
        });
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(starts.recv().await.unwrap());
        }
        let waits: Vec<Duration> = seen.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(waits, [FIRST_BACKOFF, FIRST_BACKOFF * 2, PROVEN_AFTER + FIRST_BACKOFF]);
        let status = background.statuses().remove(0);
        assert_eq!((status.name, status.state, status.restarts), ("shaky", LoopState::Running, 3));
        assert_eq!(status.last_error.as_deref(), Some("it panicked: boom"));
        shutdown.request(Reason::Requested("test".to_owned()));
        controller.run(background.ended()).await;
        background.ended().await;
        assert_eq!(background.statuses().remove(0).state, LoopState::Ended);
    }

    /// background R4: the end of a vital loop stops the server and is named.
    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_vital_loop_stops_the_server() {
        let (controller, shutdown, background) = background();
        background.spawn("orchestrator", OnExit::StopServer, |_| async { Ok::<(), Never>(()) });
        let reason = controller.run(background.ended()).await;
        assert_eq!(reason, Reason::LoopEnded("orchestrator".to_owned()));
        assert!(shutdown.drain().is_cancelled() && !shutdown.force().is_cancelled());
    }

    /// background R5: a loop that ends because the server drains is neither restarted nor mourned.
    #[tokio::test(start_paused = true)]
    async fn draining_ends_loops_quietly() {
        let (controller, shutdown, background) = background();
        background.spawn("reader", OnExit::StopServer, |shutdown| async move {
            shutdown.drain().cancelled().await;
            Ok::<(), Never>(())
        });
        background.spawn("once", OnExit::Log, |_| async { Ok::<(), Never>(()) });
        shutdown.request(Reason::Signal("SIGTERM"));
        assert_eq!(controller.run(background.ended()).await, Reason::Signal("SIGTERM"));
        assert!(!shutdown.force().is_cancelled());
        assert!(background.statuses().iter().all(|status| status.state == LoopState::Ended && status.last_error.is_none()));
    }
}
