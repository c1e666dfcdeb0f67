//! The one place that reads the time. Everything else is given a [`Clock`] or an instant.
//!
//! Spec: specs/server/README.md

use std::sync::Arc;
use std::time::Duration;

use aq_core::runner_link::BoxFuture;
use aq_core::time::Timestamp;
use tokio::sync::watch;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Waits until the clock shows `at` or later.
    fn reached(&self, at: Timestamp) -> BoxFuture<'_, ()>;
}

/// A clock that is shared.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn reached(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // The wall clock may be set back meanwhile, so it is looked at again.
            while let Ok(left @ 1..) = u64::try_from(at.as_millis().saturating_sub(self.now().as_millis())) {
                tokio::time::sleep(Duration::from_millis(left)).await;
            }
        })
    }
}

/// A clock that moves only when told.
#[derive(Debug, Default)]
pub struct ManualClock(watch::Sender<i64>);

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(watch::Sender::new(start.as_millis()))
    }

    /// How many wait for the clock.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.receiver_count()
    }

    /// Moves the clock forward by `millis` milliseconds.
    pub fn advance(&self, millis: i64) {
        self.0.send_modify(|now| *now = now.saturating_add(millis));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(*self.0.borrow())
    }

    fn reached(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        let mut shown = self.0.subscribe();
        Box::pin(async move {
            // The sender is `self`, so there is always one.
            let _shown = shown.wait_for(|now| *now >= at.as_millis()).await;
        })
    }
}
