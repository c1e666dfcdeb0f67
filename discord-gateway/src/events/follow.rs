//! The loop: takes events as they come, hands them to the worker of their project, acknowledges what is done.

use std::collections::HashMap;
use std::sync::Arc;

use aq_proto::resume::{ResumeError, ResumeOptions, watch_events};
use aq_proto::v1 as pb;
use pb::watch_events_response::Event as Message;
use tokio::sync::{mpsc, watch};
use tonic::Status;

use super::handle::{cards, handle, untold};
use super::watermark::{UNDER_WAY, Watermark};
use crate::backend::CONSUMER;
use crate::bridge::Bridge;
use crate::runs;

/// Why following ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    /// The server refuses, and trying again would not help.
    #[error("the server refuses: {0}")]
    Refused(#[from] ResumeError),
    /// The stream ended although it should never.
    #[error("the stream of events ended")]
    Ended,
    /// The server refuses to tell or to keep something.
    #[error("the server refuses: {0}")]
    Server(#[from] Status),
}

/// What a worker is given: an event, and whether it may have been handled before.
type Work = (pb::Event, bool);

/// What a worker says: the project and the event that is done.
type Done = (String, u64);

/// The workers of the projects that have events under way; the others have none.
struct Workers {
    bridge: Bridge,
    done: mpsc::UnboundedSender<Done>,
    of: HashMap<String, (mpsc::Sender<Work>, usize)>,
}

impl Workers {
    /// Gives an event to its project's worker.
    async fn give(&mut self, event: pb::Event, again: bool) -> Result<(), Status> {
        let (bridge, done) = (&self.bridge, &self.done);
        let (sender, open) = self.of.entry(event.project_id.clone()).or_insert_with(|| (worker(bridge, done.clone()), 0));
        *open += 1;
        let lost = |lost: mpsc::error::SendError<Work>| Status::internal(format!("the worker of {} ended", lost.0.0.project_id));
        sender.send((event, again)).await.map_err(lost)
    }

    /// A worker that has done everything goes.
    fn done(&mut self, project: &str) {
        if let Some((_, open)) = self.of.get_mut(project) {
            *open -= 1;
            if *open == 0 {
                self.of.remove(project);
            }
        }
    }
}

fn worker(bridge: &Bridge, done: mpsc::UnboundedSender<Done>) -> mpsc::Sender<Work> {
    let (sender, mut work) = mpsc::channel::<Work>(UNDER_WAY);
    let bridge = bridge.clone();
    tokio::spawn(async move {
        while let Some((event, again)) = work.recv().await {
            // What passes, of Discord or of the server, is waited for within: this is a refusal, which another try would meet again.
            let opening = if event.r#type == "task.started" { runs::open(&bridge, &event, again).await } else { Ok(None) };
            if let Err(refused) = handle(&bridge, &event, again).await {
                untold(&bridge, &event, &refused).await;
            }
            // Many cards may wait to be posted or for room to be edited; what happens next is told meanwhile. The event is done when its cards
            // show it.
            let (bridge, done) = (bridge.clone(), done.clone());
            tokio::spawn(async move {
                let opened = match opening {
                    Ok(Some(opened)) => opened.await.unwrap_or(Ok(())),
                    other => other.map(drop),
                };
                if let Err(refused) = opened {
                    untold(&bridge, &event, &refused).await;
                }
                if let Err(refused) = cards(&bridge, &event).await {
                    tracing::warn!(seq = event.seq, error = refused.message(), "a card could not be brought up to date");
                }
                // Nobody listens when following has ended; the event is told again then.
                drop(done.send((event.project_id, event.seq)));
            });
        }
    });
    sender
}

/// Follows the events, across restarts of the server. `following` is true while the stream stands.
pub(crate) async fn follow(bridge: &Bridge, following: Arc<watch::Sender<bool>>) -> Result<(), FollowError> {
    let interrupted = Arc::clone(&following);
    let options = ResumeOptions {
        on_interruption: Some(Arc::new(move |interruption| {
            let before = interrupted.send_replace(false);
            // Said once for each outage, not for each attempt.
            if before || interruption.attempt == 0 {
                tracing::warn!(reason = interruption.status.message(), "the server is not reachable; trying again");
            }
        })),
        ..ResumeOptions::default()
    };
    let request = pb::WatchEventsRequest { follow: true, consumer: CONSUMER.to_owned(), ..Default::default() };
    let mut stream = watch_events(bridge.server.own().events(), request, options);
    let (done, mut finished) = mpsc::unbounded_channel();
    let mut workers = Workers { bridge: bridge.clone(), done, of: HashMap::new() };
    let mut mark = Watermark::default();
    let (mut lease, mut old) = (String::new(), None);
    loop {
        tokio::select! {
            message = stream.next(), if !mark.is_full() => match message.ok_or(FollowError::Ended)??.event {
                Some(Message::Started(started)) => {
                    following.send_replace(true);
                    tracing::info!(after_seq = started.after_seq, "following events");
                    lease = started.lease_id;
                    if old.is_none() {
                        old = Some(last_event(bridge).await?);
                    }
                }
                Some(Message::Item(event)) => {
                    // What came before this start may have been told by the one before.
                    let again = old.is_some_and(|old| event.seq <= old);
                    mark.take(event.seq);
                    workers.give(event, again).await?;
                }
                Some(Message::Gap(gap)) => tracing::warn!(to_seq = gap.to_seq, "events are missing: the server no longer keeps them"),
                Some(Message::End(_)) | Some(Message::Heartbeat(_)) | None => {}
            },
            Some((project, seq)) = finished.recv() => {
                workers.done(&project);
                if let Some(upto) = mark.done(seq) {
                    acknowledge(bridge, &lease, upto).await;
                }
            }
        }
    }
}

async fn last_event(bridge: &Bridge) -> Result<u64, Status> {
    let read = |connection: aq_proto::client::Connection| async move {
        let request = pb::GetConsumerRequest { consumer: CONSUMER.to_owned() };
        connection.events().get_consumer(request).await.map(|answer| answer.into_inner().last_seq)
    };
    bridge.server.patiently(read).await
}

/// Acknowledges once: what is lost here is told again and found to be there.
async fn acknowledge(bridge: &Bridge, lease: &str, seq: u64) {
    let request = pb::AcknowledgeEventsRequest { consumer: CONSUMER.to_owned(), lease_id: lease.to_owned(), seq };
    if let Err(error) = bridge.server.own().events().acknowledge_events(request).await {
        tracing::debug!(error = error.message(), seq, "not acknowledged");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events R2: a project without events under way has no worker.
    #[tokio::test]
    async fn workers_go_when_all_is_done() {
        let (done, mut finished) = mpsc::unbounded_channel();
        let mut workers = Workers { bridge: Bridge::lonely(), done, of: HashMap::new() };
        for seq in 0..60 {
            let event = pb::Event { seq, project_id: format!("p{}", seq % 20), r#type: "something.else".to_owned(), ..Default::default() };
            workers.give(event, false).await.unwrap();
        }
        assert_eq!(workers.of.len(), 20);
        for _ in 0..60 {
            let (project, _) = finished.recv().await.unwrap();
            workers.done(&project);
        }
        assert!(workers.of.is_empty());
    }
}
