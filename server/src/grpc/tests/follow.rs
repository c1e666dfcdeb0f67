//! Following a source, on a paused clock.

use std::time::Duration;

use aq_proto::error_detail::{ErrorDetail, reason};
use aq_proto::v1::StreamRunOutputResponse;
use aq_proto::v1::stream_run_output_response::Event;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use super::fixture::Numbers;
use crate::grpc::stream::{FollowStream, StreamSettings, follow};

fn begin(last: u64, settings: StreamSettings) -> (watch::Sender<u64>, CancellationToken, FollowStream<StreamRunOutputResponse>) {
    let (sender, items) = watch::channel(last);
    let shutdown = CancellationToken::new();
    let stream = follow(Numbers { cursor: settings.after, items }, settings, shutdown.clone());
    (sender, shutdown, stream)
}

fn seq(message: Option<Result<StreamRunOutputResponse, Status>>) -> u64 {
    match message.unwrap().unwrap().event.unwrap() {
        Event::Item(item) => item.seq,
        other => panic!("{other:?}"),
    }
}

/// gRPC R11: everything comes once and in order, whatever the size of the buffer.
#[tokio::test(start_paused = true)]
async fn everything_comes_in_order() {
    let (items, _, stream) = begin(100, StreamSettings { buffer: 3, after: 40, ..StreamSettings::default() });
    items.send_replace(151);
    let seqs: Vec<u64> = stream.map(|message| seq(Some(message))).collect().await;
    assert_eq!(seqs, (41..=151).collect::<Vec<u64>>());
}

/// gRPC R11: a quiet stream says so every fifteen seconds, with the number it stands at.
#[tokio::test(start_paused = true)]
async fn a_quiet_stream_says_so() {
    let (_items, _, mut stream) = begin(2, StreamSettings::default());
    assert_eq!((seq(stream.next().await), seq(stream.next().await)), (1, 2));
    for _ in 0..3 {
        let quiet = Instant::now();
        let Some(Event::Heartbeat(heartbeat)) = stream.next().await.unwrap().unwrap().event else { panic!("no heartbeat") };
        assert_eq!(heartbeat.last_seq, 2);
        assert_eq!(quiet.elapsed().as_secs(), 15);
    }
}

/// F-242, invariant I-35, gRPC R12: a reader that stops costs its buffer only, lets the source go, and is told where to resume.
#[tokio::test(start_paused = true)]
async fn a_stalled_reader_is_let_go() {
    let (items, _, mut stream) = begin(1000, StreamSettings { buffer: 4, ..StreamSettings::default() });
    assert_eq!((seq(stream.next().await), seq(stream.next().await)), (1, 2));
    // Nobody holds the source any more when the task has given up; that takes the stall time and not longer.
    let stopped = Instant::now();
    items.closed().await;
    assert_eq!(stopped.elapsed().as_secs(), 30);
    let status = stream.next().await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    let detail = ErrorDetail::of(&status).unwrap();
    assert_eq!(detail.reason, reason::SLOW_READER);
    assert_eq!(detail.metadata.get("after_seq").map(String::as_str), Some("2"));
    assert!(stream.next().await.is_none());
}

/// gRPC R13: when the server ends, what is buffered still counts and the stream says why it ends.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_server_is_told() {
    let (_items, shutdown, mut stream) = begin(2, StreamSettings::default());
    tokio::time::sleep(Duration::from_secs(1)).await;
    shutdown.cancel();
    assert_eq!((seq(stream.next().await), seq(stream.next().await)), (1, 2));
    let status = stream.next().await.unwrap().unwrap_err();
    assert!(ErrorDetail::is(&status, reason::SHUTTING_DOWN));
    assert!(stream.next().await.is_none());
}

/// gRPC R12: a reader that goes lets the source go at once.
#[tokio::test(start_paused = true)]
async fn a_reader_that_goes_lets_the_source_go() {
    let (items, _, mut stream) = begin(2, StreamSettings::default());
    assert_eq!(seq(stream.next().await), 1);
    assert!(items.closed().now_or_never().is_none());
    drop(stream);
    items.closed().await;
}
