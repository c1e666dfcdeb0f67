//! Counts, keys and records of the audit log.

use std::collections::BTreeMap;

use aq_core::audit::{Record, hex};
use aq_core::principal::ProjectScope;
use aq_core::task::TaskStatus;
use aq_proto::v1 as pb;

use super::words::{role, task_status, timestamp};
use crate::store::api_keys::ApiKey;

/// Numbers of tasks by status; statuses without a task are left out.
pub(in crate::api) fn status_counts(counts: &BTreeMap<TaskStatus, u64>) -> Vec<pb::TaskStatusCount> {
    let each = counts.iter().filter(|(_, count)| **count > 0);
    each.map(|(status, count)| pb::TaskStatusCount { status: task_status(*status), count: *count }).collect()
}

/// A key without its secret.
pub(in crate::api) fn api_key(key: &ApiKey) -> pb::ApiKey {
    pb::ApiKey {
        kid: key.kid.clone(),
        role: role(key.role),
        project_ids: match &key.projects {
            ProjectScope::All => Vec::new(),
            ProjectScope::Only(projects) => projects.iter().map(ToString::to_string).collect(),
        },
        description: key.name.clone(),
        created_at: Some(timestamp(key.created_at)),
        expires_at: key.expires_at.map(timestamp),
        last_used_at: key.last_used_at.map(timestamp),
        revoked_at: key.revoked_at.map(timestamp),
    }
}

/// A record of the audit log.
pub(in crate::api) fn audit_record(record: Record) -> pb::AuditRecord {
    let Record { seq, entry, previous, hash } = record;
    pb::AuditRecord {
        seq,
        time: Some(timestamp(entry.at)),
        key_id: entry.actor.key_id,
        key_name: entry.actor.key_name,
        role: entry.actor.role,
        kind: entry.actor.kind,
        person: entry.actor.person,
        run: entry.actor.run,
        method: entry.method,
        resources: entry.resources,
        project_id: entry.project,
        choices: entry.choices,
        request_id: entry.request_id,
        call_id: entry.call_id,
        origin: entry.origin,
        code: entry.code,
        note: entry.note,
        previous_hash: hex(&previous),
        hash: hex(&hash),
    }
}
