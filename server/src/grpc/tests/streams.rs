//! Open streams of the transport, and the way the server ends.

use std::time::Duration;

use aq_proto::error_detail::{ErrorDetail, reason};
use aq_proto::v1::StreamRunOutputResponse;
use aq_proto::v1::stream_run_output_response::Event;
use tonic::{Code, Status, Streaming};

use super::fixture::{Fixture, output_of, run_of};

async fn items(stream: &mut Streaming<StreamRunOutputResponse>, most: usize) -> Result<Vec<u64>, (Vec<u64>, Status)> {
    let mut seqs = Vec::new();
    while seqs.len() < most {
        match stream.message().await {
            Ok(Some(message)) => {
                if let Some(Event::Item(item)) = message.event {
                    seqs.push(item.seq);
                }
            }
            Ok(None) => break,
            Err(status) => return Err((seqs, status)),
        }
    }
    Ok(seqs)
}

/// gRPC R11: stored items come first, then new ones, then the end; a cursor begins behind its number. The default deadline does not count.
#[tokio::test]
async fn a_stream_follows_to_its_end() {
    let server = Fixture::start(|options| options.deadline = Duration::from_millis(1)).await;
    server.items(4);
    let client = server.client(Some("viewer")).await;
    let mut stream = client.runs().stream_run_output(output_of("a")).await.unwrap().into_inner();
    assert_eq!(items(&mut stream, 4).await.unwrap(), [1, 2, 3, 4]);
    server.items(7);
    assert_eq!(items(&mut stream, 100).await.unwrap(), [5, 6, 7]);
    let mut request = output_of("a");
    request.after_seq = 5;
    let mut stream = client.runs().stream_run_output(request).await.unwrap().into_inner();
    assert_eq!(items(&mut stream, 100).await.unwrap(), [6, 7]);
}

/// gRPC R8: a principal has a share of streams; closing one makes room.
#[tokio::test]
async fn open_streams_are_limited() {
    let server = Fixture::start(|options| options.streams_per_principal = 1).await;
    server.items(2);
    let client = server.client(Some("viewer")).await;
    let mut open = client.runs().stream_run_output(output_of("a")).await.unwrap().into_inner();
    assert_eq!(items(&mut open, 1).await.unwrap(), [1]);
    let status = client.runs().stream_run_output(output_of("a")).await.unwrap_err();
    assert!(ErrorDetail::is(&status, reason::TOO_MANY_STREAMS), "{status:?}");
    server.client(Some("admin")).await.runs().stream_run_output(output_of("a")).await.unwrap();
    drop(open);
    let again = async {
        // The server learns of the closed stream with the next frame; until then the share is used.
        while client.runs().stream_run_output(output_of("a")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
}

/// gRPC R4, R11: a key that is revoked ends its streams.
#[tokio::test]
async fn a_revoked_key_ends_its_streams() {
    let server = Fixture::start(|options| options.recheck = Duration::from_millis(20)).await;
    let mut stream = server.client(Some("viewer")).await.runs().stream_run_output(output_of("deaf")).await.unwrap().into_inner();
    server.keys.known.lock().unwrap().remove("viewer");
    let status = tokio::time::timeout(Duration::from_secs(10), stream.message()).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
}

/// gRPC R4, R11: a key whose revocation is told ends its streams then, and those of no other key.
#[tokio::test]
async fn a_revocation_that_is_told_ends_streams_at_once() {
    let server = Fixture::start(|options| options.recheck = Duration::from_secs(3_600)).await;
    server.items(2);
    let mut other = server.client(Some("admin")).await.runs().stream_run_output(output_of("a")).await.unwrap().into_inner();
    let mut stream = server.client(Some("viewer")).await.runs().stream_run_output(output_of("deaf")).await.unwrap().into_inner();
    server.keys.known.lock().unwrap().remove("viewer");
    server.keys.taken_back.send_modify(|count| *count += 1);
    let status = tokio::time::timeout(Duration::from_secs(10), stream.message()).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    assert_eq!(items(&mut other, 2).await.unwrap(), [1, 2]);
    server.items(4);
    assert_eq!(items(&mut other, 2).await.unwrap(), [3, 4]);
}

/// gRPC R13: when the server ends, streams are told, calls that run are finished, and serving is over.
#[tokio::test]
async fn the_end_is_graceful() {
    let server = Fixture::start(|_| {}).await;
    server.items(2);
    let client = server.client(Some("viewer")).await;
    let mut following = client.runs().stream_run_output(output_of("a")).await.unwrap().into_inner();
    let mut deaf = client.runs().stream_run_output(output_of("deaf")).await.unwrap().into_inner();
    assert_eq!(items(&mut following, 2).await.unwrap(), [1, 2]);
    let waiting = tokio::spawn({
        let mut runs = client.runs();
        async move { runs.get_run(run_of("wait")).await }
    });
    server.runs.begun.notified().await;
    server.shutdown.cancel();
    for stream in [&mut following, &mut deaf] {
        let (_, status) = items(stream, 1).await.unwrap_err();
        assert!(ErrorDetail::is(&status, reason::SHUTTING_DOWN), "{status:?}");
    }
    server.runs.go.notify_one();
    waiting.await.unwrap().unwrap();
    drop(client);
    tokio::time::timeout(Duration::from_secs(10), server.served).await.unwrap().unwrap().unwrap();
    assert!(!server.home.path().join("aqd.sock").exists());
}

/// gRPC R13: a call that does not finish is cut when the drain is over.
#[tokio::test]
async fn the_end_does_not_wait_forever() {
    let server = Fixture::start(|options| options.drain = Duration::from_millis(50)).await;
    let client = server.client(Some("viewer")).await;
    let waiting = tokio::spawn({
        let mut runs = client.runs();
        async move { runs.get_run(run_of("wait")).await }
    });
    server.runs.begun.notified().await;
    server.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(10), server.served).await.unwrap().unwrap().unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().code(), Code::Unavailable);
}
