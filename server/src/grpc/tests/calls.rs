//! What happens to a single call: ids, deadlines, load, sizes, panics, health, reflection.

use std::time::Duration;

use aq_proto::error_detail::{ErrorDetail, reason};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};

use super::fixture::{Fixture, run_of};

/// F-241, gRPC R3: a call's id is taken over and told back; a hostile one is replaced.
#[tokio::test]
async fn a_call_has_an_id() {
    let server = Fixture::start(|_| {}).await;
    let client = server.client(Some("admin")).await;
    let mut request = Request::new(run_of("a"));
    request.metadata_mut().insert("x-request-id", "my-id.1".parse().unwrap());
    let answer = client.runs().get_run(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "my-id.1");
    let mut request = Request::new(run_of("a"));
    request.metadata_mut().insert("x-request-id", "a b".parse().unwrap());
    let answer = client.runs().get_run(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap().len(), 32);
}

/// gRPC R3: a panic is an answer, and the server goes on.
#[tokio::test]
async fn a_panic_is_an_answer() {
    let server = Fixture::start(|_| {}).await;
    let client = server.client(Some("admin")).await;
    let status = client.runs().get_run(run_of("panic")).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("request id"), "{status:?}");
    client.runs().get_run(run_of("a")).await.unwrap();
}

/// gRPC R6: the server's deadline, and the client's own, end as DEADLINE_EXCEEDED with our reason.
#[tokio::test]
async fn deadlines_end_as_deadlines() {
    let server = Fixture::start(|options| options.deadline = Duration::from_millis(40)).await;
    let client = server.client(Some("admin")).await;
    for own in [None, Some(Duration::from_millis(20))] {
        let mut request = Request::new(run_of("never"));
        // Without an own deadline the client asks for 30 seconds, of which the server grants ten times its own.
        request.set_timeout(own.unwrap_or(Duration::from_secs(20)));
        let status = client.runs().get_run(request).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
        assert!(ErrorDetail::is(&status, reason::DEADLINE_EXCEEDED));
    }
}

/// gRPC R7: what is too much is turned away at once.
#[tokio::test]
async fn too_many_calls_are_turned_away() {
    let server = Fixture::start(|options| options.concurrent_calls = 1).await;
    let client = server.client(Some("admin")).await;
    let waiting = tokio::spawn({
        let mut runs = client.runs();
        async move { runs.get_run(run_of("wait")).await }
    });
    server.runs.begun.notified().await;
    let status = client.runs().get_run(run_of("a")).await.unwrap_err();
    assert!(ErrorDetail::is(&status, reason::OVERLOADED), "{status:?}");
    server.runs.go.notify_one();
    waiting.await.unwrap().unwrap();
    client.runs().get_run(run_of("a")).await.unwrap();
}

/// gRPC R9: a message beyond the limit is refused.
#[tokio::test]
async fn large_messages_are_refused() {
    let server = Fixture::start(|_| {}).await;
    let client = server.client(Some("admin")).await;
    let status = client.runs().get_run(run_of(&"x".repeat(1024 * 1024 + 1))).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
    client.runs().get_run(run_of(&"x".repeat(1000 * 1000))).await.unwrap();
}

/// F-240, gRPC R10: health is answered without a key, says when the server is ready, and knows each service.
#[tokio::test]
async fn health_tells_readiness() {
    let server = Fixture::start(|_| {}).await;
    let mut health = HealthClient::new(server.client(None).await.channel());
    for (ready, expected) in [(false, 2), (true, 1)] {
        if ready {
            server.health.ready().await;
        }
        for service in ["", "agentqueue.v1.TaskService"] {
            let answer = health.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap().into_inner();
            assert_eq!(answer.status, expected, "{service}");
        }
    }
    let status = health.check(HealthCheckRequest { service: "x".to_owned() }).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

/// gRPC R10: both versions of reflection list our services, to those with a key.
#[tokio::test]
async fn reflection_answers_in_both_versions() {
    let server = Fixture::start(|_| {}).await;
    let channel = server.client(Some("viewer")).await.channel();
    let request = v1::ServerReflectionRequest {
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(String::new())),
        ..v1::ServerReflectionRequest::default()
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let mut stream = client.server_reflection_info(futures_util::stream::iter([request.clone()])).await.unwrap().into_inner();
    let answer = format!("{:?}", stream.message().await.unwrap());
    assert!(answer.contains("agentqueue.v1.TaskService"), "{answer}");

    let old = v1alpha::ServerReflectionRequest {
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::ListServices(String::new())),
        ..v1alpha::ServerReflectionRequest::default()
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let mut stream = client.server_reflection_info(futures_util::stream::iter([old])).await.unwrap().into_inner();
    let answer = format!("{:?}", stream.message().await.unwrap());
    assert!(answer.contains("grpc.health.v1.Health"), "{answer}");

    let mut client = v1::server_reflection_client::ServerReflectionClient::new(server.client(None).await.channel());
    let status = client.server_reflection_info(futures_util::stream::iter([request])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}
