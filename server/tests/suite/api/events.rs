//! WatchEvents: replay, filters, durable readers.

use std::time::Duration;

use aq_core::principal::Role;
use aq_proto::v1 as pb;
use pb::watch_events_response::Event as Body;
use tonic::{Code, Streaming};

use super::fixture::{Client, Server, refusal};

type Answers = Streaming<pb::WatchEventsResponse>;

async fn watch(client: &Client, request: pb::WatchEventsRequest) -> Answers {
    client.events().watch_events(request).await.unwrap().into_inner()
}

async fn next(stream: &mut Answers) -> Body {
    let message = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.expect("nothing came").unwrap();
    message.unwrap().event.unwrap()
}

/// The next event's number and type.
async fn item(stream: &mut Answers) -> (u64, String) {
    match next(stream).await {
        Body::Item(event) => (event.seq, event.r#type),
        other => panic!("{other:?}"),
    }
}

async fn started(stream: &mut Answers) -> (u64, String) {
    match next(stream).await {
        Body::Started(started) => (started.after_seq, started.lease_id),
        other => panic!("{other:?}"),
    }
}

fn filter(projects: &[&str], types: &[&str]) -> Option<pb::EventFilter> {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Some(pb::EventFilter { project_ids: list(projects), types: list(types), task_ids: Vec::new() })
}

/// Api R11: from a cursor, through a filter, then live; two readers see the same.
#[tokio::test]
async fn events_are_replayed_filtered_and_followed() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("a").await;
    admin.project("b").await;
    admin.task("a", "one").await;
    let request = pb::WatchEventsRequest {
        after_seq: Some(0),
        follow: true,
        filter: filter(&["a"], &["task.*", "project_paused"]),
        ..Default::default()
    };
    let (mut first, mut second) = (watch(&admin, request.clone()).await, watch(&admin, request).await);
    assert_eq!((started(&mut first).await.0, started(&mut second).await.0), (0, 0));
    let (seen, same) = (item(&mut first).await, item(&mut second).await);
    assert_eq!((seen.1.as_str(), &seen), ("task.created", &same));
    for id in ["b", "a"] {
        admin.projects().pause_project(pb::PauseProjectRequest { project_id: id.into(), ..Default::default() }).await.unwrap();
    }
    assert_eq!(item(&mut first).await.1, "project.paused");
    let mut past = watch(&admin, pb::WatchEventsRequest { after_seq: Some(seen.0), ..Default::default() }).await;
    started(&mut past).await;
    let mut numbers = vec![seen.0];
    let last = loop {
        match next(&mut past).await {
            Body::Item(event) => numbers.push(event.seq),
            Body::End(end) => break end,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((last.reason(), last.last_seq), (pb::StreamEndReason::CaughtUp, *numbers.last().unwrap()));
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    let beyond = pb::WatchEventsRequest { after_seq: Some(10_000), ..Default::default() };
    assert_eq!(refusal(&admin.events().watch_events(beyond).await.unwrap_err()).2, "after_seq");
    let odd = pb::WatchEventsRequest { filter: filter(&[], &["task.done"]), ..Default::default() };
    assert_eq!(refusal(&admin.events().watch_events(odd).await.unwrap_err()).2, "filter.types[0]");
}

/// Api R11, F-134: a durable reader begins behind what it acknowledged; a newer stream takes the lease over.
#[tokio::test]
async fn durable_readers_resume_and_take_over() {
    let server = Server::start().await;
    let gateway = server.role(Role::Gateway, &[]);
    server.admin().project("a").await;
    let named = |after_seq| pb::WatchEventsRequest { after_seq, follow: true, consumer: "discord".into(), ..Default::default() };
    let mut first = watch(&gateway, named(Some(0))).await;
    let lease_id = started(&mut first).await.1;
    let seq = item(&mut first).await.0;
    let acknowledge = |lease_id: &str, seq| pb::AcknowledgeEventsRequest { consumer: "discord".into(), lease_id: lease_id.into(), seq };
    let stands = gateway.events().acknowledge_events(acknowledge(&lease_id, seq)).await.unwrap().into_inner();
    assert_eq!((stands.acknowledged_seq, stands.leased), (seq, true));
    let back = gateway.events().acknowledge_events(acknowledge(&lease_id, 0)).await.unwrap().into_inner();
    assert_eq!(back.acknowledged_seq, seq);

    let mut second = watch(&gateway, named(None)).await;
    assert_eq!(started(&mut second).await.0, seq);
    let ended = loop {
        match tokio::time::timeout(Duration::from_secs(20), first.message()).await.unwrap() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!((ended.code(), refusal(&ended).1.as_str()), (Code::Aborted, "LEASE_TAKEN"));
    let late = gateway.events().acknowledge_events(acknowledge(&lease_id, seq)).await.unwrap_err();
    assert_eq!((late.code(), refusal(&late).1.as_str()), (Code::FailedPrecondition, "LEASE_TAKEN"));
    drop((first, second));
    let viewer = server.role(Role::Viewer, &[]).events().watch_events(named(None)).await.unwrap_err();
    assert_eq!(viewer.code(), Code::PermissionDenied);
}
