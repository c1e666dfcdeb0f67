//! Messages to agents.

use aq_proto::v1 as pb;

use super::words::timestamp;
use crate::store::MessageRecord;

/// A message with how far it is.
pub(in crate::api) fn message(record: &MessageRecord) -> pb::AgentMessage {
    let state = match (record.delivered_at, record.told_run) {
        (Some(_), _) => pb::MessageState::Delivered,
        (None, Some(_)) => pb::MessageState::Told,
        (None, None) => pb::MessageState::Queued,
    };
    pb::AgentMessage {
        message_id: record.message_id.clone(),
        text: record.text.clone(),
        actor: record.actor.clone(),
        run_number: record.run_number,
        sent_at: Some(timestamp(record.sent_at)),
        state: state.into(),
        delivered_at: record.delivered_at.map(timestamp),
        told_run_number: record.told_run.unwrap_or(0),
    }
}
