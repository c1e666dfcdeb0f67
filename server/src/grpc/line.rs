//! What a connection has to show for itself: that it makes calls, and takes their answers. What ends it is `io`'s.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a peer is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From its arrival to its first call.
    pub(super) first_call: Duration,
    /// For taking an answer, and anything that is written.
    pub(super) answers: Duration,
}

/// One connection, as the calls on it see it. gRPC R16.
#[derive(Debug, Default)]
pub(super) struct Line {
    called: AtomicBool,
    waiting: Mutex<Waiting>,
}

/// Answers that have been given and not yet been taken, by number, with the instant when they were given. The first is the oldest.
#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    answers: BTreeMap<u64, Instant>,
}

impl Line {
    /// Notes that a call was made.
    pub(super) fn call(&self) {
        self.called.store(true, Ordering::Relaxed);
    }

    pub(super) fn called(&self) -> bool {
        self.called.load(Ordering::Relaxed)
    }

    /// Notes that an answer was given; it counts as taken when what is returned is dropped.
    pub(super) fn answered(self: &Arc<Self>) -> Untaken {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let number = waiting.next;
        waiting.next += 1;
        waiting.answers.insert(number, Instant::now());
        Untaken { line: Arc::clone(self), number }
    }

    /// True when an answer has not been taken for this long.
    pub(super) fn waits_longer_than(&self, most: Duration) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.answers.first_key_value().is_some_and(|(_, given)| given.elapsed() >= most)
    }
}

/// An answer on its way to the peer.
#[derive(Debug)]
pub(super) struct Untaken {
    line: Arc<Line>,
    number: u64,
}

impl Drop for Untaken {
    fn drop(&mut self) {
        self.line.waiting.lock().unwrap_or_else(PoisonError::into_inner).answers.remove(&self.number);
    }
}
