//! Stopping in two stages: first no new work, then no work at all (F-093).
//!
//! Who listens to which stage is the business of the loops; this file turns signals, a deadline and a request into the two tokens.
//!
//! Spec: specs/server/shutdown.md

use std::fmt;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Why the server stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// SIGTERM or SIGINT arrived.
    Signal(&'static str),
    /// Someone allowed to asked for it through the API; the text is their reason.
    Requested(String),
    /// A loop the server cannot live without has ended; the text names it.
    LoopEnded(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(name) => write!(f, "{name} received"),
            Self::Requested(reason) => write!(f, "requested: {reason}"),
            Self::LoopEnded(name) => write!(f, "background loop {name} ended"),
        }
    }
}

/// What everything that runs holds in its hand to learn that it is time to stop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shutdown {
    drain: CancellationToken,
    force: CancellationToken,
    requests: mpsc::Sender<Reason>,
    reason: watch::Receiver<Option<Reason>>,
}

/// The side that decides. Drive it with [`Controller::run`].
#[derive(Debug)]
pub struct Controller {
    drain: CancellationToken,
    force: CancellationToken,
    requests: mpsc::Receiver<Reason>,
    reason: watch::Sender<Option<Reason>>,
    grace: Duration,
}

/// The two sides of a shutdown. `grace` is the time between the stages.
#[must_use]
pub fn pair(grace: Duration) -> (Controller, Shutdown) {
    let (drain, force) = (CancellationToken::new(), CancellationToken::new());
    // Two requests matter: the first drains, the second forces. More than that can be dropped.
    let (sender, requests) = mpsc::channel(4);
    let (reason_sender, reason) = watch::channel(None);
    let controller = Controller { drain: drain.clone(), force: force.clone(), requests, reason: reason_sender, grace };
    (controller, Shutdown { drain, force, requests: sender, reason })
}

impl Shutdown {
    /// Stage one: take no new work, finish what is under way.
    #[must_use]
    pub const fn drain(&self) -> &CancellationToken {
        &self.drain
    }

    /// Stage two: stop now.
    #[must_use]
    pub const fn force(&self) -> &CancellationToken {
        &self.force
    }

    /// Asks the server to stop; asking again while it drains forces it. Never blocks.
    pub fn request(&self, reason: Reason) {
        // A full queue means that two requests wait already, which is all that can be asked.
        drop(self.requests.try_send(reason));
    }

    /// Why the server stops; `None` while it does not.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.reason.borrow().clone()
    }
}

impl Controller {
    /// Waits for the first request, drains, and forces at the second request or when the grace is over; returns the first reason.
    /// It returns early, without forcing, when `drained` resolves: everything has stopped by itself.
    pub async fn run(mut self, drained: impl Future<Output = ()>) -> Reason {
        // Every handle gone means that nothing runs that could be stopped.
        let reason = self.requests.recv().await.unwrap_or_else(|| Reason::Requested("nothing is left to run".to_owned()));
        tracing::info!(%reason, grace_seconds = self.grace.as_secs(), "shutting down: no new work is taken");
        self.reason.send_replace(Some(reason.clone()));
        self.drain.cancel();
        tokio::select! {
            biased;
            () = drained => {
                tracing::info!("shut down: everything stopped by itself");
                return reason;
            }
            Some(second) = self.requests.recv() => tracing::warn!(reason = %second, "shutting down now: asked a second time"),
            () = tokio::time::sleep(self.grace) => tracing::warn!("shutting down now: the grace is over"),
        }
        self.force.cancel();
        reason
    }
}

/// Turns SIGTERM and SIGINT into requests until the process ends. Call it once, inside the runtime.
///
/// # Errors
/// When the system refuses to install a handler.
pub fn listen(shutdown: &Shutdown) -> std::io::Result<tokio::task::JoinHandle<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = shutdown.clone();
    Ok(tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                Some(()) = terminate.recv() => "SIGTERM",
                Some(()) = interrupt.recv() => "SIGINT",
                else => return,
            };
            shutdown.request(Reason::Signal(name));
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(30);

    /// F-093, D-108, shutdown R1 and R2: the first request drains and does not force; what stops by itself is not forced.
    #[tokio::test(start_paused = true)]
    async fn the_first_request_only_drains() {
        let (controller, shutdown) = pair(GRACE);
        assert_eq!(shutdown.reason(), None);
        shutdown.request(Reason::Signal("SIGTERM"));
        let watched = shutdown.clone();
        let reason = controller.run(async move { watched.drain().cancelled().await }).await;
        assert_eq!(reason, Reason::Signal("SIGTERM"));
        assert_eq!(shutdown.reason(), Some(reason));
        assert!(shutdown.drain().is_cancelled() && !shutdown.force().is_cancelled());
    }

    /// F-093, shutdown R3: the second request forces at once.
    #[tokio::test(start_paused = true)]
    async fn the_second_request_forces() {
        let (controller, shutdown) = pair(GRACE);
        shutdown.request(Reason::Signal("SIGINT"));
        shutdown.request(Reason::Signal("SIGINT"));
        let begun = tokio::time::Instant::now();
        let reason = controller.run(std::future::pending()).await;
        assert_eq!(reason, Reason::Signal("SIGINT"));
        assert!(shutdown.force().is_cancelled());
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    /// F-093, D-108, shutdown R4: the deadline forces.
    #[tokio::test(start_paused = true)]
    async fn the_deadline_forces() {
        let (controller, shutdown) = pair(GRACE);
        shutdown.request(Reason::Requested("update".to_owned()));
        let begun = tokio::time::Instant::now();
        controller.run(std::future::pending()).await;
        assert!(shutdown.force().is_cancelled());
        assert_eq!(begun.elapsed(), GRACE);
    }

    /// shutdown R5: a real SIGTERM of our own process becomes a request.
    #[tokio::test]
    async fn a_signal_becomes_a_request() {
        let (controller, shutdown) = pair(GRACE);
        let listener = listen(&shutdown).unwrap();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM).unwrap();
        let watched = shutdown.clone();
        let reason = controller.run(async move { watched.drain().cancelled().await }).await;
        assert_eq!(reason, Reason::Signal("SIGTERM"));
        listener.abort();
    }
}
