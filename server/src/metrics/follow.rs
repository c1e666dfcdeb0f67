//! What committed events tell: how long tasks waited, and how long runs took.

use std::time::Duration;

use aq_core::event::{Event, EventFilter, EventKind};
use tokio_util::sync::CancellationToken;

use super::meters::Meters;
use crate::events::EventBus;
use crate::store::{Reader, StoreError};

/// Counts events from now on, until `stop`.
///
/// # Errors
/// When events that are no longer in memory cannot be read.
pub async fn follow(meters: &Meters, bus: EventBus, reader: Reader, stop: CancellationToken) -> Result<(), StoreError> {
    let last = bus.last();
    let mut feed = bus.feed(reader, last, vec![EventFilter::One(EventKind::TaskAssigned), EventFilter::One(EventKind::RunEnded)]);
    loop {
        for event in feed.ready().await? {
            count(meters, &event);
        }
        tokio::select! {
            () = feed.changed() => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

fn count(meters: &Meters, event: &Event) {
    let length = |key: &str| event.payload.get(key).and_then(serde_json::Value::as_u64).map(Duration::from_millis);
    let text = |key: &str| event.payload.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    match event.kind {
        EventKind::TaskAssigned => length("waited_ms").into_iter().for_each(|wait| meters.waited(wait)),
        EventKind::RunEnded => {
            length("duration_ms").into_iter().for_each(|length| meters.run_ended(text("runtime"), text("result"), length));
        }
        _ => {}
    }
}
