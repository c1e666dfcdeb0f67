//! Committed events for subscribers: the newest in memory, older ones from the store, all by cursor.
//!
//! A slow subscriber slows nobody: it holds a cursor, not a queue. What fell out of memory is read from the store.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use aq_core::event::{Event, EventFilter};
use tokio::sync::{Notify, watch};

use crate::store::{Reader, StoreError, events};

/// Events kept in memory; a reader further behind goes to the store.
const KEPT: usize = 4096;

/// Most events handed over at once.
const PAGE: usize = 256;

/// The newest committed events and the number of the last one; cheap to clone.
#[derive(Clone)]
pub struct EventBus {
    ring: Arc<Mutex<VecDeque<Arc<Event>>>>,
    last: watch::Sender<u64>,
    /// For those who only want to know that something happened; they are no followers.
    moved: Arc<Notify>,
}

impl EventBus {
    /// A bus whose last committed event is `last`.
    #[must_use]
    pub fn new(last: u64) -> Self {
        Self { ring: Arc::default(), last: watch::Sender::new(last), moved: Arc::default() }
    }

    /// Tells subscribers of committed events. Their numbers follow on the last one published. Gives back those that are too many to be kept: letting
    /// go of thousands takes its time, and nobody waits for it.
    pub fn publish(&self, mut committed: Vec<Event>) -> Vec<Event> {
        let Some(last) = committed.last().map(|event| event.seq) else { return committed };
        let kept = committed.split_off(committed.len().saturating_sub(KEPT));
        {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            if !committed.is_empty() {
                // What is kept has no holes.
                ring.clear();
            }
            ring.extend(kept.into_iter().map(Arc::new));
            let excess = ring.len().saturating_sub(KEPT);
            ring.drain(..excess);
        }
        self.last.send_replace(last);
        self.moved.notify_waiters();
        committed
    }

    /// The number of the last committed event; 0 when there is none.
    #[must_use]
    pub fn last(&self) -> u64 {
        *self.last.borrow()
    }

    /// Waits until an event after `seen` was committed; returns at once when there is one.
    pub async fn moved(&self, seen: u64) {
        let moved = self.moved.notified();
        tokio::pin!(moved);
        // Enlisted before the look, so that nothing that is published between the two is missed.
        moved.as_mut().enable();
        if self.last() <= seen {
            moved.await;
        }
    }

    /// How many follow events now.
    #[must_use]
    pub fn followers(&self) -> usize {
        self.last.receiver_count()
    }

    /// Follows the events after `cursor` that match one of `filters` (none: all of them).
    #[must_use]
    pub fn feed(&self, reader: Reader, cursor: u64, filters: Vec<EventFilter>) -> EventFeed {
        EventFeed { bus: self.clone(), changed: self.last.subscribe(), reader, cursor, filters }
    }

    /// The kept events after `cursor`; `None` when the first of them is no longer kept.
    fn kept_after(&self, cursor: u64) -> Option<Vec<Arc<Event>>> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let first = ring.front()?.seq;
        if cursor + 1 < first {
            return None;
        }
        // Numbers have no holes, so the place of an event follows from its number.
        let skip = usize::try_from(cursor + 1 - first).unwrap_or(usize::MAX);
        Some(ring.iter().skip(skip).take(PAGE).cloned().collect())
    }
}

/// One subscriber's place in the events.
pub struct EventFeed {
    bus: EventBus,
    changed: watch::Receiver<u64>,
    reader: Reader,
    cursor: u64,
    filters: Vec<EventFilter>,
}

impl EventFeed {
    /// The number of the last event that was looked at, whether it matched or not.
    #[must_use]
    pub const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The next matching events that are there already; empty when the end was reached.
    ///
    /// # Errors
    /// When events have to be read from the store and cannot be.
    pub async fn ready(&mut self) -> Result<Vec<Arc<Event>>, StoreError> {
        loop {
            let last = *self.changed.borrow_and_update();
            if self.cursor >= last {
                return Ok(Vec::new());
            }
            let page = match self.bus.kept_after(self.cursor) {
                Some(page) => page,
                None => self.read_store(last).await?,
            };
            // Nothing between the cursor and the end is kept any more: retention removed it.
            self.cursor = page.last().map_or(last, |event| event.seq);
            let page: Vec<_> = page.into_iter().filter(|event| self.wants(event)).collect();
            if !page.is_empty() {
                return Ok(page);
            }
        }
    }

    /// Waits until there may be something new; returns at once when there is.
    pub async fn changed(&mut self) {
        if self.cursor < *self.changed.borrow() {
            return;
        }
        // The bus lives as long as the server; when it is gone the stream ends by the shutdown token.
        if self.changed.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn read_store(&self, last: u64) -> Result<Vec<Arc<Event>>, StoreError> {
        let cursor = self.cursor;
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let page = self.reader.read(move |db| events::after(db, cursor, limit)).await?;
        Ok(page.into_iter().filter(|event| event.seq <= last).map(Arc::new).collect())
    }

    fn wants(&self, event: &Event) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| filter.matches(event.kind))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use aq_core::event::EventKind;
    use aq_core::time::Timestamp;
    use futures_util::poll;

    use super::*;

    fn event(seq: u64) -> Event {
        let payload = serde_json::Value::Null;
        Event { seq, at: Timestamp::from_millis(0), kind: EventKind::TaskReady, project: None, task: None, run: None, agent: None, payload }
    }

    /// events R18: who waits for something to happen is told by what comes after what it has seen, and counts as no follower.
    #[tokio::test]
    async fn waiting_for_something_to_happen() {
        let bus = EventBus::new(4);
        let mut waits = pin!(bus.moved(4));
        assert!(poll!(waits.as_mut()).is_pending());
        assert_eq!(bus.followers(), 0);
        bus.publish(Vec::new());
        assert!(poll!(waits.as_mut()).is_pending());
        bus.publish(vec![event(5)]);
        assert!(poll!(waits.as_mut()).is_ready());
        assert!(poll!(pin!(bus.moved(4))).is_ready());
        assert!(poll!(pin!(bus.moved(5))).is_pending());
    }

    /// events R5: of more events than are kept the newest are, without a hole before them, and the others are given back.
    #[test]
    fn too_many_events_at_once() {
        let bus = EventBus::new(0);
        assert_eq!(bus.publish(vec![event(1)]), []);
        let many = u64::try_from(KEPT).unwrap() + 3;
        let back = bus.publish((2..=many + 1).map(event).collect());
        assert_eq!(back.iter().map(|event| event.seq).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(bus.last(), many + 1);
        assert!(bus.kept_after(3).is_none(), "event 4 is in the store only");
        assert_eq!(bus.kept_after(4).unwrap()[0].seq, 5);
    }
}
