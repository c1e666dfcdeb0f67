//! EventService.

use aq_core::principal::Role;
use aq_proto::v1 as pb;
use pb::event_service_server::EventService;
use tonic::Request;

use super::convert;
use super::event_stream::{EventSource, Leases, Wanted, opening};
use super::incoming::short;
use super::page::Page;
use super::service::Api;
use super::status::{ApiError, Reply, Stream};
use super::stream::{StreamSettings, follow};
use crate::commands::{CommandError, Context};
use crate::store::consumers::{self, Consumer};
use crate::store::{events, reader_records};

/// How long a durable reader counts as alive without a word, in milliseconds.
const LEASE_MS: i64 = 60_000;

/// Most records of one call.
const MOST_RECORDS: usize = 200;

/// Longest text of a record, in bytes.
const LONGEST_RECORD: usize = 8 * 1024;

/// The service.
pub(super) struct Events {
    pub(super) api: Api,
    leases: Leases,
}

impl Events {
    pub(super) fn new(api: Api) -> Self {
        Self { api, leases: Leases::default() }
    }

    fn consumer(&self, consumer: &Consumer) -> pb::EventConsumer {
        pb::EventConsumer {
            consumer: consumer.name.clone(),
            acknowledged_seq: consumer.acknowledged,
            last_seq: self.api.parts.bus.last(),
            acknowledged_at: Some(convert::timestamp(consumer.updated_at)),
            leased: self.leases.held(&consumer.name),
        }
    }
}

/// The name of a durable reader. Its place in the events is a thing of the server, so that looking is not enough to move it.
fn reader_name(context: &Context, name: &str) -> Result<String, ApiError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        return Err(ApiError::invalid("consumer", "must be 1 to 64 lower-case letters, digits and `-`"));
    }
    if !matches!(context.principal.role, Role::Gateway | Role::Operator | Role::Admin) {
        return Err(CommandError::Denied("a viewer's key cannot be a durable reader; leave `consumer` empty".to_owned()).into());
    }
    Ok(name.to_owned())
}

/// The key of a record.
fn record_key(field: &str, key: &str) -> Result<(), ApiError> {
    if (1..=200).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(ApiError::invalid(field, "must be 1 to 200 visible ASCII characters"))
}

#[tonic::async_trait]
impl EventService for Events {
    type WatchEventsStream = Stream<pb::WatchEventsResponse>;

    async fn watch_events(&self, request: Request<pb::WatchEventsRequest>) -> Reply<Self::WatchEventsStream> {
        let call = self.api.admit(request)?;
        let parts = &self.api.parts;
        let wanted = Wanted::of(call.body.filter.as_ref(), &call.context.principal.projects)?;
        let last = parts.bus.last();
        let (mut after, mut lease, mut lease_id) = (call.body.after_seq, None, String::new());
        if !call.body.consumer.is_empty() {
            let name = reader_name(&call.context, &call.body.consumer)?;
            lease_id = uuid::Uuid::new_v4().to_string();
            let (holder, now, begin) = (lease_id.clone(), call.context.now, after.unwrap_or(last));
            let consumer = name.clone();
            let taken = self
                .api
                .turn(&call.context)
                .write(move |tx| Ok(consumers::take_lease(tx.db, &consumer, &holder, now.plus_millis(LEASE_MS), begin, now)?))
                .await?;
            after = after.or(Some(taken.acknowledged));
            lease = Some(self.leases.take(&name, &lease_id));
        }
        let after = after.unwrap_or(last);
        if after > last {
            return Err(ApiError::invalid("after_seq", format!("is {after}, and the newest event has number {last}")).into());
        }
        let first = self.api.turn(&call.context).read(|db| Ok(events::range(db)?.map(|(first, _)| first))).await?;
        let source = EventSource {
            feed: parts.bus.feed(self.api.turn(&call.context).reader(), after, wanted.types.clone()),
            wanted,
            follow: call.body.follow,
            lease,
            clock: std::sync::Arc::clone(&parts.clock),
            opening: opening(after, lease_id, first),
        };
        let stream = follow(source, StreamSettings { after, ..StreamSettings::default() }, parts.drain.clone());
        Ok(tonic::Response::new(Box::pin(stream)))
    }

    async fn list_events(&self, request: Request<pb::ListEventsRequest>) -> Reply<pb::ListEventsResponse> {
        let call = self.api.admit(request)?;
        let page = Page::<u64>::of(&call.body)?;
        let query = Wanted::of(call.body.filter.as_ref(), &call.context.principal.projects)?.query();
        let (before, size) = (page.after, page.size);
        let mut found = self.api.turn(&call.context).read(move |db| Ok(events::page(db, &query, before, i64::from(size) + 1)?)).await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = found.len() > size;
        found.truncate(size);
        let last = if more { found.last().map(|event| event.seq) } else { None };
        let events = found.iter().map(convert::event).collect();
        Ok(tonic::Response::new(pb::ListEventsResponse { events, next_page_token: page.token(last.as_ref()) }))
    }

    async fn acknowledge_events(&self, request: Request<pb::AcknowledgeEventsRequest>) -> Reply<pb::EventConsumer> {
        let call = self.api.admit(request)?;
        let name = reader_name(&call.context, &call.body.consumer)?;
        let holder = short("lease_id", &call.body.lease_id)?;
        if holder.is_empty() {
            return Err(ApiError::invalid("lease_id", "is missing; WatchEvents gives it in its first message").into());
        }
        let (seq, now, last) = (call.body.seq, call.context.now, self.api.parts.bus.last());
        if seq > last {
            return Err(ApiError::invalid("seq", format!("is {seq}, and the newest event has number {last}")).into());
        }
        let consumer = name.clone();
        let acknowledged = self.api.turn(&call.context).write(move |tx| {
            if consumers::get(tx.db, &consumer)?.is_none() {
                return Err(ApiError::not_found("consumer", consumer.clone()));
            }
            Ok(consumers::acknowledge(tx.db, &consumer, &holder, seq, now)?)
        });
        let consumer = acknowledged.await?.ok_or(ApiError::LeaseTaken(name))?;
        Ok(tonic::Response::new(self.consumer(&consumer)))
    }

    async fn get_consumer(&self, request: Request<pb::GetConsumerRequest>) -> Reply<pb::EventConsumer> {
        let call = self.api.admit(request)?;
        let name = reader_name(&call.context, &call.body.consumer)?;
        let wanted = name.clone();
        let found = self.api.turn(&call.context).read(move |db| Ok(consumers::get(db, &wanted)?)).await?;
        let consumer = found.ok_or_else(|| ApiError::not_found("consumer", name))?;
        Ok(tonic::Response::new(self.consumer(&consumer)))
    }

    async fn keep_records(&self, request: Request<pb::KeepRecordsRequest>) -> Reply<pb::KeepRecordsResponse> {
        let call = self.api.admit(request)?;
        let name = reader_name(&call.context, &call.body.consumer)?;
        let (records, forgotten, now) = (call.body.records, call.body.forgotten_keys, call.context.now);
        if records.len() + forgotten.len() > MOST_RECORDS {
            return Err(ApiError::invalid("records", format!("at most {MOST_RECORDS} records are kept and forgotten in one call")).into());
        }
        for record in &records {
            record_key("records.key", &record.key)?;
            if record.value.len() > LONGEST_RECORD || record.value.contains('\0') {
                return Err(ApiError::invalid("records.value", format!("must be at most {LONGEST_RECORD} bytes without NUL")).into());
            }
        }
        for key in &forgotten {
            record_key("forgotten_keys", key)?;
        }
        let kept = self.api.turn(&call.context).write(move |tx| {
            for record in &records {
                reader_records::keep(tx.db, &name, &record.key, &record.value, now)?;
            }
            for key in &forgotten {
                reader_records::forget(tx.db, &name, key)?;
            }
            Ok(())
        });
        kept.await?;
        Ok(tonic::Response::new(pb::KeepRecordsResponse {}))
    }

    async fn list_records(&self, request: Request<pb::ListRecordsRequest>) -> Reply<pb::ListRecordsResponse> {
        let call = self.api.admit(request)?;
        let name = reader_name(&call.context, &call.body.consumer)?;
        let prefix = call.body.key_prefix.clone();
        if !prefix.is_empty() {
            record_key("key_prefix", &prefix)?;
        }
        let page = Page::<String>::of(&call.body)?;
        let (after, size) = (page.after.clone().unwrap_or_default(), page.size);
        let found = self.api.turn(&call.context).read(move |db| Ok(reader_records::page(db, &name, &prefix, &after, i64::from(size) + 1)?));
        let mut found = found.await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = found.len() > size;
        found.truncate(size);
        let last = if more { found.last().map(|(key, _)| key.clone()) } else { None };
        let records = found.into_iter().map(|(key, value)| pb::ReaderRecord { key, value }).collect();
        Ok(tonic::Response::new(pb::ListRecordsResponse { records, next_page_token: page.token(last.as_ref()) }))
    }
}
