//! A place in the output of one run, from which its tool calls are told as they end (traces R3, R8, R9).

use std::sync::Arc;
use std::time::SystemTime;

use aq_core::event::Event;
use aq_core::ids::RunRef;
use tokio::sync::oneshot;

use super::calls::Calls;
use super::ids::TraceIds;
use super::outbox::Outbox;
use crate::events::{OutputFeed, OutputHub};

/// A place in the output of a run.
pub(super) struct Watch {
    hub: OutputHub,
    ids: TraceIds,
    outbox: Outbox,
    run: RunRef,
    /// Items up to here were seen by an earlier server: calls that they end were told by it.
    known: u64,
    feed: OutputFeed,
    calls: Calls,
    /// The output cannot be read on.
    broken: bool,
}

impl Watch {
    pub(super) fn new(hub: &OutputHub, ids: &TraceIds, outbox: &Outbox, run: RunRef, known: u64) -> Self {
        let feed = hub.feed(run.clone(), 0);
        let (hub, ids, outbox) = (hub.clone(), ids.clone(), outbox.clone());
        Self { hub, ids, outbox, run, known, feed, calls: Calls::default(), broken: false }
    }

    /// Tells calls as they end, until the run does; `None` when nobody will say that it did.
    pub(super) async fn until(&mut self, mut ended: oneshot::Receiver<Arc<Event>>) -> Option<Arc<Event>> {
        let mut woken = false;
        loop {
            if self.more().await {
                woken = false;
                continue;
            }
            // Items that were announced and cannot be had are gone for good; waiting for them would end at once, for ever.
            if woken && !self.feed.ended() {
                self.broken = true;
                self.outbox.lost(1);
            }
            // The feed of a run whose output was closed has nothing to wait for.
            let waits = !self.broken && !self.feed.ended();
            tokio::select! {
                event = &mut ended => return event.ok(),
                () = self.feed.changed(), if waits => woken = true,
            }
        }
    }

    /// Tells what is left when the run is over: every item of it was stored before its end was.
    pub(super) async fn rest(&mut self, end: SystemTime) {
        // A feed does not learn of an opening; this one begins where the last one stood.
        self.feed = self.hub.feed(self.run.clone(), self.feed.cursor());
        while self.more().await {}
        for call in self.calls.unfinished(end) {
            self.outbox.put(self.ids.call_span(&self.run, &call));
        }
        self.outbox.lost(self.calls.passed_over());
    }

    /// What was seen of the output.
    pub(super) const fn seen(&self) -> &Calls {
        &self.calls
    }

    /// Takes the next items; false when there are none for now.
    async fn more(&mut self) -> bool {
        if self.broken {
            return false;
        }
        let items = match self.feed.ready().await {
            Ok(items) => items,
            Err(error) => {
                tracing::debug!(run = %self.run, %error, "the tool calls of a run cannot be told");
                self.broken = true;
                self.outbox.lost(1);
                return false;
            }
        };
        for item in &items {
            if let Some(call) = self.calls.take(item).filter(|_| item.seq > self.known) {
                self.outbox.put(self.ids.call_span(&self.run, &call));
            }
        }
        !items.is_empty()
    }
}
