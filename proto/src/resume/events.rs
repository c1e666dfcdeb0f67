//! Following events. Numbers count over all events; a filter or a lack of rights leaves holes that mean nothing.
//!
//! Spec: specs/proto/resume.md

use super::{Accepted, Cursor, ResumeOptions, Resumed, resume};
use crate::client::AqChannel;
use crate::v1::event_service_client::EventServiceClient;
use crate::v1::watch_events_response::Event;
use crate::v1::{WatchEventsRequest, WatchEventsResponse};

/// The position among the events.
#[derive(Clone, Debug)]
pub struct EventCursor {
    request: WatchEventsRequest,
    last: Option<u64>,
}

impl EventCursor {
    /// The position that `request` describes.
    #[must_use]
    pub const fn new(request: WatchEventsRequest) -> Self {
        Self { last: request.after_seq, request }
    }

    /// Everything up to this number was accepted; `None` while the server has not said where the stream begins.
    #[must_use]
    pub const fn position(&self) -> Option<u64> {
        self.last
    }

    fn advance(&mut self, seq: u64) -> bool {
        let new = self.last.is_none_or(|last| seq > last);
        if new {
            self.last = Some(seq);
        }
        new
    }
}

impl Cursor for EventCursor {
    type Request = WatchEventsRequest;
    type Message = WatchEventsResponse;

    fn request(&self) -> WatchEventsRequest {
        WatchEventsRequest { after_seq: self.last, ..self.request.clone() }
    }

    fn accept(&mut self, message: WatchEventsResponse) -> Accepted<WatchEventsResponse> {
        match &message.event {
            Some(Event::Started(started)) => {
                let seq = started.after_seq;
                // Handed on every time: with a durable reader it carries the lease that acknowledging needs.
                let _moved = self.advance(seq);
                Accepted::Deliver(message)
            }
            Some(Event::Item(item)) => {
                let seq = item.seq;
                if self.advance(seq) { Accepted::Deliver(message) } else { Accepted::Skip }
            }
            Some(Event::Gap(gap)) => {
                let seq = gap.to_seq;
                if self.advance(seq) { Accepted::Deliver(message) } else { Accepted::Skip }
            }
            Some(Event::Heartbeat(heartbeat)) => {
                let seq = heartbeat.last_seq;
                let _moved = self.advance(seq);
                Accepted::Skip
            }
            Some(Event::End(_)) => Accepted::End(message),
            // What a newer server adds to the stream is not for this client.
            None => Accepted::Skip,
        }
    }
}

/// Streams the events that `request` asks for, across broken connections. Heartbeats are not handed on. Must be called inside a tokio
/// runtime.
#[must_use]
pub fn watch_events(
    client: EventServiceClient<AqChannel>,
    request: WatchEventsRequest,
    options: ResumeOptions,
) -> Resumed<WatchEventsResponse> {
    let open = move |request: WatchEventsRequest| {
        let mut client = client.clone();
        async move { Ok(client.watch_events(request).await?.into_inner()) }
    };
    resume(EventCursor::new(request), open, options)
}
