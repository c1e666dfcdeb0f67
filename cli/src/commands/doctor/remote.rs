//! What the server is checked for, and what it finds itself.

use aq_proto::client::Connection;
use aq_proto::v1::{
    ApiKey, CheckInvariantsRequest, Finding, FindingSeverity, GetServerInfoRequest, ListApiKeysRequest, Role, ServerInfo,
    VerifyAuditLogRequest, VerifyAuditLogResponse,
};
use tonic::Code;

use super::agents;
use crate::commands::audit;
use crate::context::Context;
use crate::error::CliError;
use crate::render::finding::{Check, Verdict};

/// Largest difference between the clocks that goes without a word, in seconds.
const SKEW: u64 = 5;
/// Seconds before its end from which a key is worth a word: two weeks.
const SOON: i64 = 14 * 86_400;

/// The checks, in order; one failed line when the server cannot be reached.
pub(super) async fn checks(context: &Context) -> Vec<Check> {
    match ask(context).await {
        Ok(all) => all,
        Err(error) => {
            let check = Check::new("server", Verdict::Failed, error.message);
            vec![match error.hint {
                Some(hint) => check.hint(hint),
                None => check,
            }]
        }
    }
}

async fn ask(context: &Context) -> Result<Vec<Check>, CliError> {
    let connection = context.connect().await?;
    let info = connection.admin().get_server_info(GetServerInfoRequest {}).await?.into_inner();
    let mut all = judge(&info, context.ui.look.now.as_second());
    // Programs can be looked for where the server runs.
    let folders = std::path::Path::new(&info.home).is_dir().then(|| context.environment.search_path());
    all.extend(agents::checks(&connection, folders.as_deref()).await?);
    all.extend(keys(&connection, context.ui.look.now.as_second()).await?);
    all.extend(invariants(&connection).await?);
    all.extend(audit_log(&connection).await?);
    Ok(all)
}

fn judge(info: &ServerInfo, now: i64) -> Vec<Check> {
    let ours = env!("CARGO_PKG_VERSION");
    let mut all = vec![if info.ready {
        Check::new("server", Verdict::Ok, format!("aqd {} answers, {} at {}", info.version, info.database, info.home))
    } else {
        Check::new("server", Verdict::Warning, "answers, but is still recovering").hint("see: aqctl server logs")
    }];
    all.push(if info.version == ours {
        Check::new("version", Verdict::Ok, format!("client and server are {ours}"))
    } else {
        Check::new("version", Verdict::Warning, format!("client is {ours}, server is {}", info.version))
            .hint("install the same version of both")
    });
    if let Some(time) = &info.time {
        let skew = now.abs_diff(time.seconds);
        if skew > SKEW {
            all.push(Check::new("clock", Verdict::Warning, format!("client and server differ by {skew} s")).hint("set the clocks by NTP"));
        }
    }
    all.push(match info.sandbox.as_str() {
        // The server gives its reason after the word.
        none if none.is_empty() || none.starts_with("none") => Check::new("sandbox", Verdict::Warning, "agents are not contained")
            .hint("a kernel with Landlock (5.13 or newer) contains them; else run the server as a user of its own"),
        level => Check::new("sandbox", Verdict::Ok, level),
    });
    all
}

/// The keys that end soon. Only an administrator's key may look at keys; for others there is nothing to say.
async fn keys(connection: &Connection, now: i64) -> Result<Vec<Check>, CliError> {
    let mut request = ListApiKeysRequest { page_size: 200, ..Default::default() };
    let mut all = Vec::new();
    loop {
        let page = match connection.admin().list_api_keys(request.clone()).await {
            Ok(page) => page.into_inner(),
            Err(status) if status.code() == Code::PermissionDenied => return Ok(Vec::new()),
            Err(status) => return Err(status.into()),
        };
        all.extend(page.api_keys);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(judge_keys(&all, now));
        }
    }
}

/// A line for each key that ends soon, or one for all. Keys of runs end with their runs.
fn judge_keys(keys: &[ApiKey], now: i64) -> Vec<Check> {
    let people: Vec<&ApiKey> = keys.iter().filter(|key| key.role() != Role::Run && key.revoked_at.is_none()).collect();
    let left = |key: &ApiKey| key.expires_at.as_ref().map(|end| end.seconds.saturating_sub(now));
    let ending = people.iter().filter_map(|key| Some((key, left(key).filter(|left| *left < SOON)?)));
    let told: Vec<Check> = ending
        .map(|(key, left)| {
            let name = if key.description.is_empty() { String::new() } else { format!(" ({})", key.description) };
            let when = match left {
                ..=0 => "has ended".to_owned(),
                1..86_400 => "ends within a day".to_owned(),
                _ => format!("ends within {} days", left / 86_400 + 1),
            };
            let kid = &key.kid;
            Check::new("keys", Verdict::Warning, format!("key {kid}{name} {when}"))
                .hint(format!("replace it with: aqctl key rotate {kid}, or remove it with: aqctl key revoke {kid}"))
        })
        .collect();
    if told.is_empty() { vec![Check::new("keys", Verdict::Ok, format!("none of {} ends within two weeks", people.len()))] } else { told }
}

async fn invariants(connection: &Connection) -> Result<Vec<Check>, CliError> {
    let answer = connection.admin().check_invariants(CheckInvariantsRequest {}).await?.into_inner();
    if answer.findings.is_empty() {
        return Ok(vec![Check::new("invariants", Verdict::Ok, format!("{} rules hold", answer.checked.len()))]);
    }
    Ok(answer.findings.iter().map(finding).collect())
}

/// Whether the audit log is as it was written.
async fn audit_log(connection: &Connection) -> Result<Option<Check>, CliError> {
    match connection.admin().verify_audit_log(VerifyAuditLogRequest::default()).await {
        Ok(answer) => Ok(Some(judge_log(&answer.into_inner()))),
        // A server of an earlier version keeps none.
        Err(status) if matches!(status.code(), Code::PermissionDenied | Code::Unimplemented) => Ok(None),
        Err(status) => Err(status.into()),
    }
}

fn judge_log(answer: &VerifyAuditLogResponse) -> Check {
    let verdict = if answer.sound { Verdict::Ok } else { Verdict::Failed };
    let check = Check::new("audit log", verdict, audit::verdict(answer));
    if answer.sound {
        check
    } else {
        check.hint("somebody wrote into the database; see: aqctl audit list, and compare with a copy in backups/")
    }
}

fn finding(found: &Finding) -> Check {
    let verdict = match FindingSeverity::try_from(found.severity) {
        Ok(FindingSeverity::Info) => Verdict::Info,
        Ok(FindingSeverity::Error) => Verdict::Failed,
        _ => Verdict::Warning,
    };
    let subject = if found.subject.is_empty() { String::new() } else { format!("{}: ", found.subject) };
    Check::new(&found.rule, verdict, format!("{subject}{}", found.message)).hint(&found.remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// server-control R7: version skew, clocks, sandbox.
    #[test]
    fn the_server_is_judged() {
        let info = ServerInfo {
            version: env!("CARGO_PKG_VERSION").into(),
            ready: true,
            sandbox: "landlock 4".into(),
            time: Some(prost_types::Timestamp { seconds: 1000, nanos: 0 }),
            ..Default::default()
        };
        assert!(judge(&info, 1003).iter().all(|check| check.verdict == Verdict::Ok));
        let other = ServerInfo { version: "9.9.9".into(), sandbox: "none: agents are not contained".into(), ready: false, ..info };
        let judged = judge(&other, 2000);
        assert_eq!(judged.len(), 4);
        assert!(judged.iter().all(|check| check.verdict == Verdict::Warning && !check.hint.is_empty()));
    }

    /// server-control R7: a key that ends within two weeks is told with what helps; those of runs and revoked ones are not.
    #[test]
    fn keys_that_end_soon_are_told() {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let key = |kid: &str, role: Role, end| ApiKey { kid: kid.into(), role: role.into(), expires_at: end, ..ApiKey::default() };
        let revoked = ApiKey { revoked_at: at(1), ..key("d", Role::Admin, at(1001)) };
        let quiet = [key("a", Role::Admin, None), key("b", Role::Viewer, at(1000 + SOON)), key("c", Role::Run, at(1001)), revoked];
        let judged = judge_keys(&quiet, 1000);
        assert_eq!((judged.len(), judged[0].verdict, judged[0].message.as_str()), (1, Verdict::Ok, "none of 2 ends within two weeks"));
        for (end, told) in [(86_400, "ends within 2 days"), (3_600, "ends within a day"), (0, "has ended"), (-900, "has ended")] {
            let soon = ApiKey { description: "laptop".into(), ..key("e", Role::Operator, at(1000 + end)) };
            let judged = judge_keys(&[soon], 1000);
            assert_eq!((judged[0].verdict, judged[0].message.as_str()), (Verdict::Warning, format!("key e (laptop) {told}").as_str()));
            assert_eq!(judged[0].hint, "replace it with: aqctl key rotate e, or remove it with: aqctl key revoke e");
        }
    }

    /// server-control R7, audit R6: a log that was written into fails the check, and names the record.
    #[test]
    fn a_broken_audit_log_is_a_failure() {
        let sound = judge_log(&VerifyAuditLogResponse { sound: true, record_count: 1, ..Default::default() });
        assert_eq!((sound.verdict, sound.message.as_str()), (Verdict::Ok, "1 record, as it was written"));
        let broken = judge_log(&VerifyAuditLogResponse { broken_seq: 7, problem: "was removed".into(), ..Default::default() });
        assert_eq!((broken.verdict, broken.message.as_str()), (Verdict::Failed, "record 7 was removed"));
        assert!(broken.hint.contains("aqctl audit list"), "{}", broken.hint);
    }

    /// server-control R7: what the server finds keeps its rule, its weight and its remedy.
    #[test]
    fn findings_become_checks() {
        let found = Finding {
            rule: "I-07".into(),
            severity: FindingSeverity::Error.into(),
            subject: "task swift-falcon".into(),
            message: "has no wake-up".into(),
            remedy: "report it".into(),
        };
        let check = finding(&found);
        assert_eq!(
            (check.verdict, check.message.as_str(), check.hint.as_str()),
            (Verdict::Failed, "task swift-falcon: has no wake-up", "report it")
        );
    }
}
