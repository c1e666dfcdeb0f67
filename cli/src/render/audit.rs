//! Records of the audit log.

use aq_proto::v1::{AuditRecord, ListAuditRecordsResponse, VerifyAuditLogResponse};

use super::sheet::Sheet;
use super::table::{Cell, table};
use super::time;
use crate::look::{Look, Tone};

/// Who acted: the person, the run or the key's name before its public part.
fn who(record: &AuditRecord) -> String {
    match (record.person.as_str(), record.run.as_str(), record.key_name.as_str()) {
        ("", "", "") => record.key_id.clone(),
        ("", "", name) if record.key_id == "local" => name.to_owned(),
        ("", "", name) => format!("{name} ({})", record.key_id),
        ("", run, _) => format!("run {run}"),
        (person, _, _) => format!("{person} via {}", record.key_id),
    }
}

/// A page of records, newest first.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListAuditRecordsResponse) -> String {
    table(
        look,
        &["NUMBER", "TIME", "WHO", "CALL", "ABOUT", "CHOSEN", "FROM", "END"],
        page.records.iter().map(|record| {
            let call = record.method.rsplit('/').next().unwrap_or_default();
            let (end, tone) = if record.code == "OK" { ("ok", Tone::Plain) } else { (record.code.as_str(), Tone::Bad) };
            vec![
                Cell::number(record.seq.to_string()),
                Cell::new(time::absolute(look, record.time.as_ref())),
                Cell::new(who(record)),
                Cell::new(call),
                Cell::new(record.resources.join(" ")),
                Cell::new(record.choices.join(" ")),
                Cell::new(&record.origin),
                Cell::new(end).tone(tone),
            ]
        }),
    )
}

/// What a verification found.
#[must_use]
pub(crate) fn verified(look: &Look, answer: &VerifyAuditLogResponse) -> String {
    let mut sheet = Sheet::new(look, "audit log");
    let (verdict, tone) = if answer.sound { ("as it was written", Tone::Good) } else { ("broken", Tone::Bad) };
    sheet.toned("state", verdict, tone).field("records", answer.record_count.to_string());
    if answer.removed_until_seq > 0 {
        sheet.field("removed for age", format!("up to {}", answer.removed_until_seq));
    }
    if answer.sound && answer.newest_seq > 0 {
        sheet.field("known", format!("{}:{}", answer.newest_seq, answer.newest_hash));
    }
    if !answer.sound {
        sheet.field("first broken", answer.broken_seq.to_string()).field("what is wrong", &answer.problem);
    }
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seq: u64, method: &str) -> AuditRecord {
        AuditRecord {
            seq,
            time: Some(prost_types::Timestamp { seconds: Look::plain().now.as_second(), nanos: 0 }),
            key_id: "k1".into(),
            key_name: "laptop".into(),
            method: method.into(),
            origin: "unix uid=1000 pid=7".into(),
            code: "OK".into(),
            ..Default::default()
        }
    }

    /// audit R2, F-237: who, what, where from and how it ended.
    #[test]
    fn records() {
        let answer = AuditRecord {
            person: "discord:7".into(),
            resources: vec!["task:swift-falcon".into(), "project:web".into()],
            choices: vec!["answer=allow".into()],
            ..record(3, "/agentqueue.v1.TaskService/AnswerQuestion")
        };
        let refused = AuditRecord { code: "PERMISSION_DENIED".into(), ..record(2, "/agentqueue.v1.AdminService/Shutdown") };
        let first = AuditRecord { key_id: "local".into(), key_name: "the server".into(), ..record(1, "server:first_key") };
        let page = ListAuditRecordsResponse { records: vec![answer, refused, first], ..Default::default() };
        insta::assert_snapshot!(list(&Look::plain(), &page));
    }

    /// audit R6, R7: a sound log gives the place to keep, a broken one the first broken record.
    #[test]
    fn verifications() {
        let sound = VerifyAuditLogResponse {
            sound: true,
            record_count: 3,
            newest_seq: 5,
            newest_hash: "ab".repeat(32),
            removed_until_seq: 2,
            ..Default::default()
        };
        let broken =
            VerifyAuditLogResponse { record_count: 3, broken_seq: 4, problem: "was removed".into(), newest_seq: 5, ..Default::default() };
        insta::assert_snapshot!(format!("{}\n{}", verified(&Look::plain(), &sound), verified(&Look::plain(), &broken)));
    }
}
