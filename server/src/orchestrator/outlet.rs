//! Where orders that follow from reports leave: to the runner at once, and before the loop runs into a queue that it empties.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use aq_core::runner_link::{RunnerLink, RunnerOrder};
use tokio::sync::mpsc;

/// The way to the runner; cheap to clone.
#[derive(Clone)]
pub(super) struct Outlet {
    link: Arc<OnceLock<Arc<dyn RunnerLink>>>,
    early: mpsc::UnboundedSender<RunnerOrder>,
    deciding: Arc<AtomicBool>,
}

impl Outlet {
    /// An outlet that is not open yet, and where orders wait until it is.
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<RunnerOrder>) {
        let (early, waiting) = mpsc::unbounded_channel();
        (Self { link: Arc::default(), early, deciding: Arc::default() }, waiting)
    }

    /// The loop begins: orders go to `link` from now on, and reports may begin runs.
    pub(super) fn open(&self, link: Arc<dyn RunnerLink>) {
        // A loop runs once; a second link would be the same.
        let _first = self.link.set(link);
        self.decide(true);
    }

    /// Says whether reports may begin runs.
    pub(super) fn decide(&self, may: bool) {
        self.deciding.store(may, Ordering::SeqCst);
    }

    /// True while the loop runs: only then anything may begin.
    pub(super) fn is_deciding(&self) -> bool {
        self.deciding.load(Ordering::SeqCst)
    }
}

impl RunnerLink for Outlet {
    fn order(&self, order: RunnerOrder) {
        match self.link.get() {
            Some(link) => link.order(order),
            None => {
                // The loop takes them as long as it lives; after it the orders are made again at the next start.
                let _ending = self.early.send(order);
            }
        }
    }
}
