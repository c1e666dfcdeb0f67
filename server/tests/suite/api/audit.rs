//! The audit log over the contract: what is recorded of calls that were carried out and of calls that were refused, and what a look at the log finds.

use std::collections::BTreeMap;

use aq_core::principal::{Principal, Role};
use aq_proto::v1 as pb;
use aq_server::commands::Trail;
use aq_server::lifecycle::record;
use aq_server::store::{StoreError, audit};
use aq_server::tools::{Registry, ToolBox as _};
use serde_json::json;
use tonic::Code;

use super::fixture::{Client, Server, principal};

/// All records, oldest first.
async fn records(client: &Client) -> Vec<pb::AuditRecord> {
    let mut request = pb::ListAuditRecordsRequest { page_size: 7, ..Default::default() };
    let mut all = Vec::new();
    loop {
        let page = client.admin().list_audit_records(request.clone()).await.unwrap().into_inner();
        all.extend(page.records);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            all.reverse();
            return all;
        }
    }
}

async fn verify(client: &Client) -> pb::VerifyAuditLogResponse {
    client.admin().verify_audit_log(pb::VerifyAuditLogRequest::default()).await.unwrap().into_inner()
}

/// The call's own name.
fn call(record: &pb::AuditRecord) -> &str {
    record.method.rsplit('/').next().unwrap()
}

async fn sql(server: &Server, statement: &'static str) {
    server.inner.engine.submit(move |tx| tx.db.batch(statement)).await.unwrap();
}

/// audit R1, R2, R5: what was carried out is told with who, what and the project; looking, failing and repeating are not.
#[tokio::test]
async fn what_was_carried_out_is_told() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    let create = pb::CreateTaskRequest { project_id: "web".into(), title: "one".into(), request_id: "r-1".into(), ..Default::default() };
    let task = admin.tasks().create_task(create.clone()).await.unwrap().into_inner();
    admin.tasks().create_task(create).await.unwrap();
    admin.get_task(&task.id).await;
    let missing = pb::StopTaskRequest { task_id: "no-task".into(), ..Default::default() };
    admin.tasks().stop_task(missing).await.unwrap_err();
    let gateway = server.role(Role::Gateway, &[]);
    let priority = pb::Task { id: task.id.clone(), priority: 7, ..Default::default() };
    let update = pb::UpdateTaskRequest { task: Some(priority), update_mask: super::fixture::mask(&["priority"]), ..Default::default() };
    gateway.tasks().update_task(update).await.unwrap();
    gateway.tasks().delete_task(pb::DeleteTaskRequest { task_id: task.id.clone(), ..Default::default() }).await.unwrap();

    let told = records(&admin).await;
    assert_eq!(told.iter().map(call).collect::<Vec<_>>(), ["CreateProject", "CreateTask", "UpdateTask", "DeleteTask"]);
    assert!(told.iter().all(|record| record.code == "OK" && record.project_id == "web" && record.origin == "inside"), "{told:?}");
    assert_eq!(told[1].resources, [String::from("project:web"), format!("task:{}", task.id)]);
    assert_eq!((told[1].kind.as_str(), told[1].key_id.as_str(), told[1].request_id.as_str()), ("key", "admin", "r-1"));
    assert_eq!((told[2].kind.as_str(), told[2].person.as_str(), told[2].role.as_str()), ("person", "discord:1", "gateway"));
    assert_eq!(told[2].choices, ["fields=priority"]);
    assert_eq!(told[1].previous_hash, told[0].hash);
    let verified = verify(&admin).await;
    assert_eq!((verified.sound, verified.record_count, verified.newest_seq, verified.newest_hash), (true, 4, 4, told[3].hash.clone()));
}

/// audit R1, R4: keys are made and revoked with a record, the secret is in none; a request that names a credential where an id belongs loses it.
#[tokio::test]
async fn keys_are_told_without_their_secrets() {
    let server = Server::start().await;
    let admin = server.admin();
    let create = pb::CreateApiKeyRequest { role: pb::Role::Viewer.into(), description: "laptop".into(), ..Default::default() };
    let made = admin.admin().create_api_key(create).await.unwrap().into_inner();
    let kid = made.api_key.unwrap().kid;
    admin.admin().revoke_api_key(pb::RevokeApiKeyRequest { kid: kid.clone(), ..Default::default() }).await.unwrap();
    // A viewer that hands in a whole key is refused by the service's own check, behind the transport.
    let viewer = principal(Role::Viewer, &[]);
    let revoke = pb::RevokeApiKeyRequest { kid: made.secret.clone(), ..Default::default() };
    let body = prost::Message::encode_to_vec(&revoke);
    server.api.inside().call(&viewer, "/agentqueue.v1.AdminService/RevokeApiKey", body).await.unwrap_err();

    let told = records(&admin).await;
    assert_eq!(told.iter().map(call).collect::<Vec<_>>(), ["CreateApiKey", "RevokeApiKey", "RevokeApiKey"]);
    assert_eq!((told[0].resources.clone(), told[0].choices.clone()), (vec![format!("key:{kid}")], vec!["role=viewer".to_owned()]));
    assert_eq!((told[1].resources.clone(), told[1].code.as_str()), (vec![format!("key:{kid}")], "OK"));
    assert_eq!((told[2].code.as_str(), told[2].kind.as_str()), ("PERMISSION_DENIED", "key"));
    let secret = made.secret.rsplit('_').next().unwrap();
    assert!(!format!("{told:?}").contains(secret), "{told:?}");
}

/// audit R1, R5: refusals of roles, of reach and of tools are told; a flood of them is a number.
#[tokio::test]
async fn what_was_refused_is_told() {
    let server = Server::start().await;
    let admin = server.admin();
    for name in ["a", "b"] {
        admin.project(name).await;
    }
    let theirs = admin.task("b", "theirs").await;
    let before = records(&admin).await.len();
    let (inside, operator) = (server.api.inside(), principal(Role::Operator, &["a"]));
    let stop = prost::Message::encode_to_vec(&pb::StopTaskRequest { task_id: theirs.id.clone(), ..Default::default() });
    inside.call(&operator, "/agentqueue.v1.TaskService/StopTask", stop).await.unwrap_err();
    // What nobody refuses for lack of right has no record: a wrong field, a look.
    inside.call(&operator, "/agentqueue.v1.TaskService/CreateTask", Vec::new()).await.unwrap_err();
    let look = prost::Message::encode_to_vec(&pb::GetTaskRequest { task_id: theirs.id.clone() });
    inside.call(&operator, "/agentqueue.v1.TaskService/GetTask", look).await.unwrap_err();
    let tools = Registry::new(server.api.inside()).unwrap();
    tools.call(&operator, "create_agent", json!({})).await.unwrap_err();
    let told = records(&admin).await.split_off(before);
    assert_eq!(
        told.iter().map(|record| (call(record), record.code.as_str())).collect::<Vec<_>>(),
        [("StopTask", "NOT_FOUND"), ("CreateAgent", "PERMISSION_DENIED")]
    );
    assert_eq!(told[0].resources, [format!("task:{}", theirs.id)]);
    assert!(told[1].note.contains("operator"), "{}", told[1].note);

    for _ in 0..70 {
        tools.call(&operator, "create_agent", json!({})).await.unwrap_err();
    }
    server.inner.clock.advance(60_000);
    tools.call(&operator, "create_agent", json!({})).await.unwrap_err();
    let told = records(&admin).await.split_off(before);
    assert_eq!(told.len(), 61, "60 a minute, and the first of the next");
    assert!(told[60].note.contains("12 more refusals"), "{}", told[60].note);
    assert!(verify(&admin).await.sound);
}

/// audit R2: the transport says where a call came from and under which id, also for calls that it refuses itself.
#[tokio::test]
async fn the_way_of_a_call_is_told() {
    let server = Server::start().await;
    let trail = Trail::new("call-7".into(), "unix uid=0 pid=7".into());
    let status = tonic::Status::permission_denied("no\nright");
    let viewer: Principal = principal(Role::Viewer, &[]);
    server.api.note_refusal(&viewer, "/agentqueue.v1.AdminService/Shutdown", &trail, &status).await;
    server.api.note_refusal(&viewer, "/agentqueue.v1.AdminService/GetStatus", &trail, &status).await;
    let told = records(&server.admin()).await;
    assert_eq!(told.len(), 1, "looking changes nothing");
    assert_eq!((told[0].origin.as_str(), told[0].call_id.as_str(), told[0].note.as_str()), ("unix uid=0 pid=7", "call-7", "no right"));
}

/// audit R6, R7: a row that somebody changes, removes or adds while the server runs is named; the place of an earlier verification catches a log that was
/// written anew.
#[tokio::test]
async fn tampering_is_found_over_the_contract() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    for number in 0..5 {
        admin.task("web", &format!("task {number}")).await;
    }
    let sound = verify(&admin).await;
    assert!(sound.sound && sound.record_count == 6, "{sound:?}");

    sql(&server, "UPDATE audit_log SET key_id = 'somebody' WHERE seq = 3").await;
    let found = verify(&admin).await;
    assert_eq!((found.sound, found.broken_seq, found.record_count), (false, 3, 2));
    assert!(found.problem.contains("changed"), "{}", found.problem);
    sql(&server, "UPDATE audit_log SET key_id = 'admin' WHERE seq = 3").await;
    assert!(verify(&admin).await.sound);

    // The newest record with its mark: the server itself knows better.
    sql(&server, "DELETE FROM audit_log WHERE seq = 6; UPDATE audit_marks SET seq = 5, hash = (SELECT hash FROM audit_log WHERE seq = 5) WHERE name = 'newest'")
        .await;
    let found = verify(&admin).await;
    assert_eq!((found.broken_seq, found.problem.as_str()), (6, "was removed from the end, and so was what follows up to 6"));
    // Work goes on, and the hole stays.
    admin.task("web", "later").await;
    assert_eq!(verify(&admin).await.broken_seq, 6);

    let known = |seq, hash: &str| pb::VerifyAuditLogRequest { known_seq: seq, known_hash: hash.to_owned() };
    let wrong = admin.admin().verify_audit_log(known(2, &"0".repeat(64))).await.unwrap().into_inner();
    assert_eq!((wrong.broken_seq, wrong.problem.contains("written anew")), (2, true));
    for (bad, code) in [(known(2, "xyz"), Code::InvalidArgument), (known(0, &"0".repeat(64)), Code::InvalidArgument)] {
        assert_eq!(admin.admin().verify_audit_log(bad).await.unwrap_err().code(), code);
    }
}

/// audit R6: what somebody did to the rows while no server ran is found after the start, and a row in the way of the next record stops nothing.
#[tokio::test]
async fn tampering_between_two_starts_is_found() {
    let mut server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    admin.task("web", "one").await;
    let forged = |seq: &str| {
        format!(
            "INSERT INTO audit_log SELECT {seq}, at, key_id, key_name, role, kind, person, run, method, resources, project_id, choices, request_id, call_id, \
             origin, code, note, previous_hash, hash FROM audit_log WHERE seq = 2"
        )
    };
    let row = forged("3");
    server.inner.engine.submit(move |tx| tx.db.batch(&row)).await.unwrap();
    let found = verify(&server.admin()).await;
    assert_eq!((found.broken_seq, found.problem.as_str()), (3, "was added at the end by somebody else"));
    let refused =
        admin.tasks().create_task(pb::CreateTaskRequest { project_id: "web".into(), title: "x".into(), ..Default::default() }).await;
    assert_eq!(refused.unwrap_err().code(), Code::DataLoss);

    server = server.restart().await;
    let admin = server.admin();
    admin.task("web", "two").await;
    let found = verify(&admin).await;
    assert_eq!((found.sound, found.broken_seq), (false, 3), "{found:?}");
    assert_eq!(found.newest_seq, 4);
}

/// audit R9: a list obeys its conditions, and only an administrator reads it.
#[tokio::test]
async fn lists_obey_their_conditions() {
    let server = Server::start().await;
    let admin = server.admin();
    for name in ["a", "b"] {
        admin.project(name).await;
        admin.task(name, "one").await;
    }
    let list = async |request: pb::ListAuditRecordsRequest| -> Vec<String> {
        let page = admin.admin().list_audit_records(request).await.unwrap().into_inner();
        page.records.iter().map(|record| format!("{} {}", call(record), record.project_id)).collect()
    };
    let any = pb::ListAuditRecordsRequest::default;
    assert_eq!(list(pb::ListAuditRecordsRequest { method: "CreateTask".into(), ..any() }).await, ["CreateTask b", "CreateTask a"]);
    assert_eq!(list(pb::ListAuditRecordsRequest { project_id: "a".into(), ..any() }).await, ["CreateTask a", "CreateProject a"]);
    assert!(list(pb::ListAuditRecordsRequest { kid: "nobody".into(), ..any() }).await.is_empty());
    assert!(list(pb::ListAuditRecordsRequest { refused_only: true, ..any() }).await.is_empty());
    let later = Some(prost_types::Timestamp { seconds: 9_999_999, nanos: 0 });
    assert!(list(pb::ListAuditRecordsRequest { since: later, ..any() }).await.is_empty());
    assert_eq!(list(pb::ListAuditRecordsRequest { until: later, ..any() }).await.len(), 4);
    for role in [Role::Viewer, Role::Operator, Role::Gateway] {
        let refused = server.role(role, &[]).admin().list_audit_records(any()).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
}

/// audit R5: an effect without its record is not kept, and the record of a command that fails is not either.
#[tokio::test]
async fn effect_and_record_are_kept_together() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    let before = records(&admin).await;
    let failed = server.inner.engine.submit(|tx| {
        record(tx, aq_core::audit::Entry { method: "server:test".into(), ..Default::default() })?;
        Err::<(), StoreError>(StoreError::Refused("on purpose".into()))
    });
    failed.await.unwrap_err();
    assert_eq!(records(&admin).await, before);
    sql(&server, "ALTER TABLE audit_log RENAME TO audit_log_away").await;
    let create = pb::CreateTaskRequest { project_id: "web".into(), title: "lost".into(), ..Default::default() };
    admin.tasks().create_task(create).await.unwrap_err();
    sql(&server, "ALTER TABLE audit_log_away RENAME TO audit_log").await;
    let tasks = admin.tasks().list_tasks(pb::ListTasksRequest::default()).await.unwrap().into_inner();
    assert_eq!(tasks.total_size, 0);
    admin.task("web", "kept").await;
    assert!(verify(&admin).await.sound);
}

/// audit R1: answers of people are told with what they chose, in the order of the calls, each once.
#[tokio::test]
async fn every_record_has_its_number() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    let tasks = (0..40).map(|number| {
        let client = admin.clone();
        tokio::spawn(async move { client.task("web", &format!("task {number}")).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let told = records(&admin).await;
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    told.iter().for_each(|record| *calls.entry(call(record)).or_default() += 1);
    assert_eq!(calls, BTreeMap::from([("CreateProject", 1), ("CreateTask", 40)]));
    assert!(told.iter().enumerate().all(|(at, record)| record.seq == u64::try_from(at).unwrap() + 1));
    let read = server.inner.reader.read(audit::last).await;
    assert_eq!(read.unwrap(), 41);
}
