//! AdminService.ListAuditRecords and AdminService.VerifyAuditLog, and the records of calls that were refused.
//!
//! What a record tells of a call lives in `about`, how many refusals are recorded in `refusals`; whether a row of records hangs together is decided in `aq_core::audit`.
//!
//! Spec: specs/server/audit.md

use aq_core::audit::{Broken, Place, Walk, hex, unhex};
use aq_core::principal::{Principal, ProjectScope};
use aq_proto::v1 as pb;
use tonic::Request;

use super::about;
use super::convert;
use super::incoming::{instant, optional_project, short};
use super::page::Page;
use super::permissions::TABLE;
use super::service::Api;
use super::status::{ApiError, Reply, Status, lacks_right};
use crate::commands::{Context, Trail};
use crate::lifecycle::record;
use crate::store::{AuditQuery, StoreError, audit};

/// Records that are read at once while the log is walked along.
const AT_ONCE: i64 = 2_000;
/// How often a look begins anew because old records went while it walked.
const TRIES: usize = 3;

/// What a look at the whole log found.
struct Verified {
    cut: Place,
    newest: Place,
    count: u64,
    broken: Option<Broken>,
}

/// A text of the request, `None` when it is empty.
fn wanted(field: &str, text: &str) -> Result<Option<String>, ApiError> {
    Ok(Some(short(field, text)?).filter(|text| !text.is_empty()))
}

impl Api {
    pub(super) async fn audit_records(&self, request: Request<pb::ListAuditRecordsRequest>) -> Reply<pb::ListAuditRecordsResponse> {
        let call = self.admit(request)?;
        let page = Page::<u64>::of(&call.body)?;
        let body = &call.body;
        let methods = match wanted("method", &body.method)? {
            None => Vec::new(),
            Some(name) => {
                let named = |path: &&str| *path == name || path.rsplit('/').next() == Some(name.as_str());
                let known: Vec<String> = TABLE.iter().map(|(path, _)| *path).filter(named).map(str::to_owned).collect();
                // What the server does by itself has words of its own, and a call of an earlier version its own path.
                if known.is_empty() { vec![name] } else { known }
            }
        };
        let query = AuditQuery {
            since: instant("since", body.since.as_ref())?,
            until: instant("until", body.until.as_ref())?,
            key_id: wanted("kid", &body.kid)?,
            person: wanted("person", &body.person)?,
            methods,
            project: optional_project("project_id", &body.project_id)?.map(|id| id.to_string()),
            refused: body.refused_only,
        };
        let (before, size) = (page.after, page.size);
        let mut found = self.turn(&call.context).read(move |db| Ok(audit::page(db, &query, before, i64::from(size) + 1)?)).await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = found.len() > size;
        found.truncate(size);
        let last = if more { found.last().map(|record| record.seq) } else { None };
        let records = found.into_iter().map(convert::audit_record).collect();
        Ok(tonic::Response::new(pb::ListAuditRecordsResponse { records, next_page_token: page.token(last.as_ref()) }))
    }

    pub(super) async fn audit_verified(&self, request: Request<pb::VerifyAuditLogRequest>) -> Reply<pb::VerifyAuditLogResponse> {
        let call = self.admit(request)?;
        let hash = wanted("known_hash", &call.body.known_hash)?;
        let known = match (call.body.known_seq, hash) {
            (0, None) => None,
            (0, Some(_)) => {
                return Err(ApiError::invalid("known_seq", "is missing; give the number of the record that has known_hash").into());
            }
            (seq, hash) => {
                let hash = hash.and_then(|text| unhex(&text));
                let hash = hash.ok_or_else(|| ApiError::invalid("known_hash", "must be the 64 hexadecimal digits of the record's hash"))?;
                Some(Place { seq, hash })
            }
        };
        let mut found = self.walked(&call.context, known).await?;
        for _ in 1..TRIES {
            // Old records may have gone meanwhile, which looks like a hole at the beginning.
            if found.broken.is_none() || self.turn(&call.context).read(|db| Ok(audit::cut(db)?)).await? == found.cut {
                break;
            }
            found = self.walked(&call.context, known).await?;
        }
        let (broken_seq, problem) = found.broken.map(|broken| (broken.seq, broken.problem)).unwrap_or_default();
        Ok(tonic::Response::new(pb::VerifyAuditLogResponse {
            sound: problem.is_empty(),
            record_count: found.count,
            removed_until_seq: found.cut.seq,
            newest_seq: found.newest.seq,
            newest_hash: hex(&found.newest.hash),
            broken_seq,
            problem,
        }))
    }

    /// Walks along the log, up to the record that is the newest when the walk begins.
    async fn walked(&self, context: &Context, known: Option<Place>) -> Result<Verified, ApiError> {
        // What the server itself knows to be the newest record counts, not what somebody may have written into the database.
        let (newest, cut, mark) =
            self.turn(context).look(|seen| Ok((seen.figures.audit, audit::cut(seen.db)?, audit::newest(seen.db)?))).await?;
        let known = known.filter(|known| known.seq > cut.seq);
        let mut walk = Walk::behind(cut, known);
        let mut broken = None;
        let mut from = 0;
        'rows: loop {
            let records = self.turn(context).read(move |db| Ok(audit::after(db, from, AT_ONCE)?)).await?;
            for record in &records {
                if record.seq > newest.seq {
                    // Written since the walk began, or by somebody else.
                    let now = self.turn(context).look(|seen| Ok(seen.figures.audit)).await?;
                    if record.seq > now.seq {
                        broken = Some(Broken { seq: record.seq, problem: "was added at the end by somebody else".to_owned() });
                    }
                    break 'rows;
                }
                from = record.seq;
                if let Err(found) = walk.take(record) {
                    broken = Some(found);
                    break 'rows;
                }
            }
            if i64::try_from(records.len()).unwrap_or(i64::MAX) < AT_ONCE {
                break;
            }
        }
        let count = walk.count();
        let broken = broken.or_else(|| walk.end(newest).err()).or_else(|| {
            let problem = "is not the record that the mark of the newest one names: the mark was changed".to_owned();
            (mark != newest).then_some(Broken { seq: newest.seq, problem })
        });
        Ok(Verified { cut, newest, count, broken })
    }
}

impl Api {
    /// Records a call that would have changed something and was refused for lack of right. The caller gets its answer also when that fails.
    pub async fn note_refusal(&self, principal: &Principal, path: &str, trail: &Trail, status: &Status) {
        if !about::changes(path) {
            return;
        }
        // What a key does not reach is not there for it.
        let Some(code) = lacks_right(status, principal.projects != ProjectScope::All) else { return };
        let now = self.parts.clock.now();
        let Some(left_out) = self.refusals.take(&principal.key_id, now) else { return };
        let mut entry = about::entry(principal, now, trail);
        path.clone_into(&mut entry.method);
        code.clone_into(&mut entry.code);
        entry.note = status.message().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(300).collect();
        if left_out > 0 {
            entry.note = format!("{}; {left_out} more refusals of this key before it were not recorded", entry.note);
        }
        let entry = about::cleansed(entry, &self.redactor);
        let told = self.parts.engine.asked_by(&principal.key_id).submit(move |tx| record(tx, entry.clone())).await;
        if let Err(error) = told {
            let error: StoreError = error;
            tracing::error!(%error, path, key = principal.key_id, "a refused call could not be recorded");
        }
    }
}
