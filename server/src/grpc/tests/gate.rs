//! Who gets in: keys, roles, rates.

use aq_core::principal::Role;
use aq_proto::client::{Connection, Options};
use aq_proto::error_detail::{ErrorDetail, reason};
use aq_proto::v1::ListRunsRequest;
use tonic::Code;

use super::fixture::{Fixture, GET_RUN, run_of};
use crate::grpc::Permissions;

/// gRPC R4: without a key, with an unknown key and with a wrong secret there is no answer; with a right one the service knows who asks.
#[tokio::test]
async fn only_known_keys_get_in() {
    let server = Fixture::start(|_| {}).await;
    let status = server.client(None).await.runs().get_run(run_of("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(ErrorDetail::is(&status, reason::UNAUTHENTICATED));
    let status = server.client(Some("stranger")).await.runs().get_run(run_of("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let wrong = Options::new(server.endpoint.clone(), Some("aq_admin_wrongwrongwrongwrongwrong".parse().unwrap()));
    let status = Connection::connect(&wrong).await.unwrap().runs().get_run(run_of("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let run = server.client(Some("viewer")).await.runs().get_run(run_of("a")).await.unwrap().into_inner();
    assert_eq!(run.agent_id, "key:viewer");
}

/// gRPC R5: after ten wrong keys a peer is told to wait; right keys are not held up.
#[tokio::test]
async fn wrong_keys_are_limited() {
    let server = Fixture::start(|_| {}).await;
    let client = server.client(Some("stranger")).await;
    for _ in 0..10 {
        assert_eq!(client.runs().get_run(run_of("a")).await.unwrap_err().code(), Code::Unauthenticated);
    }
    let status = client.runs().get_run(run_of("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let detail = ErrorDetail::of(&status).unwrap();
    assert_eq!(detail.reason, reason::TOO_MANY_BAD_KEYS);
    assert!(detail.retry_after.is_some());
    server.client(Some("admin")).await.runs().get_run(run_of("a")).await.unwrap();
}

/// gRPC R4: a store that cannot answer is no refusal of the key.
#[tokio::test]
async fn a_broken_key_store_is_not_a_refusal() {
    let server = Fixture::start(|_| {}).await;
    *server.keys.broken.lock().unwrap() = true;
    let status = server.client(Some("admin")).await.runs().get_run(run_of("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

/// gRPC R4: only a gateway or an administrator acts for a person.
#[tokio::test]
async fn acting_for_a_person_needs_the_right_key() {
    let server = Fixture::start(|_| {}).await;
    let client = server.client(Some("gate")).await.on_behalf_of("discord:7").unwrap();
    assert_eq!(client.runs().get_run(run_of("a")).await.unwrap().into_inner().agent_id, "discord:7 via gate");
    let client = server.client(Some("viewer")).await.on_behalf_of("discord:7").unwrap();
    assert_eq!(client.runs().get_run(run_of("a")).await.unwrap_err().code(), Code::PermissionDenied);
    let client = server.client(Some("gate")).await.on_behalf_of(&"x".repeat(200)).unwrap();
    assert_eq!(client.runs().get_run(run_of("a")).await.unwrap_err().code(), Code::InvalidArgument);
}

/// F-189, D-101, gRPC R4: a gateway does for a person what that person may do, and no more.
#[tokio::test]
async fn a_person_may_do_less_than_the_gateway() {
    let server = Fixture::start(|_| {}).await;
    let gate = server.client(Some("gate")).await;
    let viewer = gate.acting_as("discord:7", "viewer").unwrap();
    assert_eq!(viewer.runs().get_run(run_of("a")).await.unwrap().into_inner().agent_id, "discord:7 via gate");
    let refused = viewer.admin().revoke_api_key(aq_proto::v1::RevokeApiKeyRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    for role in ["gateway", "run", "owner", ""] {
        let refused = gate.acting_as("discord:7", role).unwrap().runs().get_run(run_of("a")).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{role}");
    }
    // A role without a person is nobody's.
    let mut alone = tonic::Request::new(run_of("a"));
    alone.metadata_mut().insert("x-aq-acting-role", "viewer".parse().unwrap());
    let refused = gate.runs().get_run(alone).await.unwrap_err();
    assert_eq!(ErrorDetail::of(&refused).unwrap().violations[0].field, "x-aq-acting-role");
}

/// F-234, invariant I-41: a call outside of the table is denied to everyone; a call that the server does not know says so.
#[tokio::test]
async fn calls_outside_of_the_table_are_denied() {
    let server = Fixture::start(|_| {}).await;
    let client = server.client(Some("admin")).await;
    let status = client.runs().list_runs(ListRunsRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(ErrorDetail::of(&status).unwrap().metadata.get("role").map(String::as_str), Some("admin"));
    let mut grpc = tonic::client::Grpc::new(client.channel());
    grpc.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/agentqueue.v1.RunService/FlyRun");
    let codec = tonic_prost::ProstCodec::<ListRunsRequest, ListRunsRequest>::default();
    let status = grpc.unary(tonic::Request::new(ListRunsRequest::default()), path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("FlyRun"), "{status:?}");
}

/// Invariant I-41: a table knows what it leaves out.
#[test]
fn a_table_knows_what_it_leaves_out() {
    let table = Permissions::new().allow(GET_RUN, &[Role::Admin]).allow("/x.Y/Z", &[Role::Admin]);
    let (missing, unknown) = table.differences();
    assert!(missing.len() > 40 && !missing.contains(&GET_RUN));
    assert_eq!(unknown, ["/x.Y/Z"]);
    assert!(table.allows(GET_RUN, Role::Admin) && !table.allows(GET_RUN, Role::Viewer));
}

/// gRPC R8: beyond its rate a principal is turned away with the time to wait; others are not.
#[tokio::test]
async fn a_principal_beyond_its_rate_waits() {
    let server = Fixture::start(|options| options.calls_per_second = 1).await;
    let client = server.client(Some("viewer")).await;
    let mut limited = None;
    for _ in 0..4 {
        limited = client.runs().get_run(run_of("a")).await.err();
    }
    let status = limited.unwrap();
    assert!(ErrorDetail::is(&status, reason::RATE_LIMITED), "{status:?}");
    assert!(ErrorDetail::of(&status).unwrap().retry_after.is_some());
    server.client(Some("admin")).await.runs().get_run(run_of("a")).await.unwrap();
}
