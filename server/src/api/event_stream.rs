//! What WatchEvents streams: committed events behind a cursor that the filter and the key's projects let through.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use aq_core::event::{Event, EventFilter, EventKind};
use aq_core::ids::{ProjectId, TaskId};
use aq_core::principal::ProjectScope;
use aq_proto::v1 as pb;
use pb::watch_events_response::{Event as Body, WatchEnd, WatchStarted};
use tokio_util::sync::CancellationToken;

use super::convert;
use super::incoming::{few, project_id, task_id};
use super::status::{self, ApiError, Status};
use super::stream::{Batch, CursorSource};
use crate::clock::SharedClock;
use crate::events::EventFeed;

/// Which events somebody wants and may see.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    scope: ProjectScope,
    projects: BTreeSet<ProjectId>,
    tasks: BTreeSet<TaskId>,
    /// By type; empty: all.
    pub(super) types: Vec<EventFilter>,
}

impl Wanted {
    /// Reads a filter. A project outside the key's is refused like one that does not exist.
    pub(super) fn of(filter: Option<&pb::EventFilter>, scope: &ProjectScope) -> Result<Self, ApiError> {
        let none = pb::EventFilter::default();
        let filter = filter.unwrap_or(&none);
        few("filter.project_ids", filter.project_ids.len())?;
        few("filter.task_ids", filter.task_ids.len())?;
        few("filter.types", filter.types.len())?;
        let mut projects = BTreeSet::new();
        for (index, text) in filter.project_ids.iter().enumerate() {
            let id = project_id(&format!("filter.project_ids[{index}]"), text)?;
            if !scope.covers(&id) {
                return Err(ApiError::not_found("project", id.as_str()));
            }
            projects.insert(id);
        }
        let mut tasks = BTreeSet::new();
        for (index, text) in filter.task_ids.iter().enumerate() {
            tasks.insert(task_id(&format!("filter.task_ids[{index}]"), text)?);
        }
        let mut types = Vec::new();
        for (index, text) in filter.types.iter().enumerate() {
            let unknown = || {
                let text: String = text.chars().take(64).collect();
                let problem = format!("`{text}` matches no event; give a type such as `task.completed`, a group such as `task.*`, or `*`");
                ApiError::invalid(format!("filter.types[{index}]"), problem)
            };
            types.push(EventFilter::read(text).map_err(|_| unknown())?);
        }
        Ok(Self { scope: scope.clone(), projects, tasks, types })
    }

    /// True for an event that is wanted and that the key may see. What belongs to no project is for keys without a limit only.
    pub(super) fn takes(&self, event: &Event) -> bool {
        let seen = match (&self.scope, &event.project) {
            (ProjectScope::All, _) => true,
            (scope, Some(project)) => scope.covers(project),
            (ProjectScope::Only(_), None) => false,
        };
        seen && (self.projects.is_empty() || event.project.as_ref().is_some_and(|project| self.projects.contains(project)))
            && (self.tasks.is_empty() || event.task.as_ref().is_some_and(|task| self.tasks.contains(task)))
    }

    /// The same as conditions on stored events.
    pub(super) fn query(&self) -> crate::store::events::EventQuery {
        let projects = match (&self.scope, self.projects.is_empty()) {
            (_, false) => Some(self.projects.iter().cloned().collect()),
            (ProjectScope::Only(projects), true) => Some(projects.iter().cloned().collect()),
            (ProjectScope::All, true) => None,
        };
        let matched = |kind: &EventKind| self.types.iter().any(|filter| filter.matches(*kind));
        let kinds = if self.types.is_empty() { Vec::new() } else { EventKind::ALL.iter().copied().filter(matched).collect() };
        crate::store::events::EventQuery { projects, tasks: self.tasks.iter().cloned().collect(), run: None, kinds }
    }
}

/// The leases of durable readers in this server: the newest stream of a name has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Leases(Arc<Mutex<HashMap<String, (String, CancellationToken)>>>);

/// A lease of one stream; given back when the stream goes.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Leases,
    consumer: String,
    holder: String,
    taken: CancellationToken,
}

impl Leases {
    /// Gives the lease of `consumer` to `holder`; the stream that had it ends.
    pub(super) fn take(&self, consumer: &str, holder: &str) -> Lease {
        let taken = CancellationToken::new();
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, old)) = leases.insert(consumer.to_owned(), (holder.to_owned(), taken.clone())) {
            old.cancel();
        }
        Lease { leases: self.clone(), consumer: consumer.to_owned(), holder: holder.to_owned(), taken }
    }

    /// True while a stream holds the lease.
    pub(super) fn held(&self, consumer: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(consumer)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut leases = self.leases.0.lock().unwrap_or_else(PoisonError::into_inner);
        if leases.get(&self.consumer).is_some_and(|(holder, _)| *holder == self.holder) {
            leases.remove(&self.consumer);
        }
    }
}

/// A place among the events.
pub(super) struct EventSource {
    pub(super) feed: EventFeed,
    pub(super) wanted: Wanted,
    pub(super) follow: bool,
    pub(super) lease: Option<Lease>,
    pub(super) clock: SharedClock,
    /// What is said first: that the stream began, and what is missing.
    pub(super) opening: Vec<pb::WatchEventsResponse>,
}

/// The first message, and the gap behind it where events before `first` are no longer kept.
pub(super) fn opening(after_seq: u64, lease_id: String, first: Option<u64>) -> Vec<pb::WatchEventsResponse> {
    let mut messages = vec![message(Body::Started(WatchStarted { after_seq, lease_id }))];
    if let Some(first) = first.filter(|first| *first > after_seq + 1) {
        let reason = "these events are no longer kept".to_owned();
        messages.push(message(Body::Gap(pb::StreamGap { from_seq: after_seq + 1, to_seq: first - 1, reason })));
    }
    messages
}

fn message(event: Body) -> pb::WatchEventsResponse {
    pb::WatchEventsResponse { event: Some(event) }
}

impl CursorSource for EventSource {
    type Message = pb::WatchEventsResponse;

    async fn ready(&mut self) -> Result<Batch<Self::Message>, Status> {
        if !self.opening.is_empty() {
            return Ok(Batch::Messages(std::mem::take(&mut self.opening)));
        }
        loop {
            if let Some(lease) = self.lease.as_ref().filter(|lease| lease.taken.is_cancelled()) {
                return Err(status::lease_taken(&lease.consumer));
            }
            let events = self.feed.ready().await.map_err(ApiError::from)?;
            if events.is_empty() {
                if self.follow {
                    return Ok(Batch::Messages(Vec::new()));
                }
                let end = WatchEnd { reason: pb::StreamEndReason::CaughtUp.into(), last_seq: self.feed.cursor() };
                return Ok(Batch::End(vec![message(Body::End(end))]));
            }
            let wanted: Vec<_> =
                events.iter().filter(|event| self.wanted.takes(event)).map(|event| message(Body::Item(convert::event(event)))).collect();
            if !wanted.is_empty() {
                return Ok(Batch::Messages(wanted));
            }
        }
    }

    async fn changed(&mut self) {
        match &self.lease {
            None => self.feed.changed().await,
            Some(lease) => tokio::select! {
                () = lease.taken.cancelled() => {}
                () = self.feed.changed() => {}
            },
        }
    }

    fn heartbeat(&self) -> Self::Message {
        let time = Some(convert::timestamp(self.clock.now()));
        message(Body::Heartbeat(pb::Heartbeat { last_seq: self.feed.cursor(), time }))
    }

    fn seq(message: &Self::Message) -> Option<u64> {
        match &message.event {
            Some(Body::Item(event)) => Some(event.seq),
            Some(Body::Heartbeat(beat)) => Some(beat.last_seq),
            Some(Body::Started(started)) => Some(started.after_seq),
            _ => None,
        }
    }
}
