//! Scripted servers against the resuming streams, on a paused clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tokio::time::Instant;
use tonic::{Code, Status};

use super::*;
use crate::error_detail::{ErrorDetail, reason};
use crate::v1::{
    Event, Heartbeat, OutputItem, StreamGap, StreamRunOutputRequest, StreamRunOutputResponse, WatchEventsRequest, WatchEventsResponse,
    stream_run_output_response as output, watch_events_response as events,
};

/// One opening of the stream: refused, or a list of messages and then a failure, silence, or a plain stop.
enum Opening<M> {
    Refuse(Status),
    Messages(Vec<M>, Then),
}

enum Then {
    Stop,
    Fail(Status),
    Silence,
}

type Requests<R> = Arc<Mutex<Vec<R>>>;

fn play<C>(cursor: C, script: Vec<Opening<C::Message>>, options: ResumeOptions) -> (Resumed<C::Message>, Requests<C::Request>)
where
    C: Cursor,
    C::Message: Clone,
{
    let requests: Requests<C::Request> = Arc::default();
    let seen = Arc::clone(&requests);
    let mut script: VecDeque<Opening<C::Message>> = script.into();
    let open = move |request: C::Request| {
        seen.lock().unwrap().push(request);
        let next = script.pop_front().unwrap_or(Opening::Refuse(Status::unavailable("nothing left to play")));
        async move {
            match next {
                Opening::Refuse(status) => Err(status),
                Opening::Messages(messages, then) => {
                    let messages = stream::iter(messages.into_iter().map(Ok));
                    let stream: BoxStream<'static, Result<C::Message, Status>> = match then {
                        Then::Stop => messages.boxed(),
                        Then::Fail(status) => messages.chain(stream::iter([Err(status)])).boxed(),
                        Then::Silence => messages.chain(stream::pending()).boxed(),
                    };
                    Ok(stream)
                }
            }
        }
    };
    (resume(cursor, open, options), requests)
}

fn item(run: u32, seq: u64) -> StreamRunOutputResponse {
    StreamRunOutputResponse { run_number: run, event: Some(output::Event::Item(OutputItem { seq, ..OutputItem::default() })) }
}

fn gap(run: u32, from_seq: u64, to_seq: u64) -> StreamRunOutputResponse {
    let gap = StreamGap { from_seq, to_seq, reason: "removed".to_owned() };
    StreamRunOutputResponse { run_number: run, event: Some(output::Event::Gap(gap)) }
}

fn run_ended(run: u32) -> StreamRunOutputResponse {
    StreamRunOutputResponse { run_number: run, event: Some(output::Event::RunEnded(output::RunEnded::default())) }
}

fn end() -> StreamRunOutputResponse {
    StreamRunOutputResponse { run_number: 0, event: Some(output::Event::End(output::StreamEnd::default())) }
}

fn told(message: &StreamRunOutputResponse) -> String {
    let run = message.run_number;
    match message.event.as_ref().unwrap() {
        output::Event::Item(item) => format!("{run}:{}", item.seq),
        output::Event::Gap(gap) => format!("{run}:gap {}-{}", gap.from_seq, gap.to_seq),
        output::Event::Heartbeat(_) => "heartbeat".to_owned(),
        output::Event::RunEnded(_) => format!("{run}:ended"),
        output::Event::End(_) => "end".to_owned(),
    }
}

async fn all(mut stream: Resumed<StreamRunOutputResponse>) -> (Vec<String>, Option<ResumeError>) {
    let mut lines = Vec::new();
    while let Some(message) = stream.next().await {
        match message {
            Ok(message) => lines.push(told(&message)),
            Err(error) => return (lines, Some(error)),
        }
    }
    (lines, None)
}

fn task() -> StreamRunOutputRequest {
    StreamRunOutputRequest { task_id: "swift-falcon".to_owned(), follow: true, ..StreamRunOutputRequest::default() }
}

/// F-235, F-238, resume R1, R2: broken connections lose and repeat nothing, and the request goes on behind the last item.
#[tokio::test(start_paused = true)]
async fn items_come_once_and_in_order_across_broken_connections() {
    let script = vec![
        Opening::Refuse(Status::unavailable("starting")),
        Opening::Messages(vec![item(1, 1), item(1, 2)], Then::Fail(Status::unavailable("gone"))),
        Opening::Messages(vec![item(1, 2), item(1, 3), run_ended(1), item(2, 1)], Then::Stop),
        Opening::Messages(vec![run_ended(1), item(2, 2)], Then::Silence),
        Opening::Messages(vec![gap(2, 1, 5), item(2, 6), run_ended(2), end()], Then::Silence),
    ];
    let (stream, requests) = play(OutputCursor::new(task()), script, ResumeOptions::default());
    let (lines, error) = all(stream).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(lines, ["1:1", "1:2", "1:3", "1:ended", "2:1", "2:2", "2:gap 3-5", "2:6", "2:ended", "end"]);
    let positions: Vec<(u32, u64)> = requests.lock().unwrap().iter().map(|r| (r.first_run_number, r.after_seq)).collect();
    assert_eq!(positions, [(0, 0), (0, 0), (1, 2), (2, 1), (2, 2)]);
}

/// Resume R2: a hole is asked for again; one that stays is told as a gap instead of waited for.
#[tokio::test(start_paused = true)]
async fn a_hole_is_asked_for_again_and_then_told() {
    let script = vec![
        Opening::Messages(vec![item(1, 1), item(1, 3)], Then::Silence),
        Opening::Messages(vec![item(1, 3), item(1, 4), end()], Then::Silence),
    ];
    let request = StreamRunOutputRequest { run_number: 1, ..task() };
    let (stream, requests) = play(OutputCursor::new(request), script, ResumeOptions::default());
    let (lines, error) = all(stream).await;
    assert!(error.is_none());
    assert_eq!(lines, ["1:1", "1:gap 2-2", "1:3", "1:4", "end"]);
    assert_eq!(requests.lock().unwrap().len(), 2);
}

/// Resume R2: a tail begins anywhere, and is not asked for again once it has begun.
#[tokio::test(start_paused = true)]
async fn a_tail_begins_anywhere() {
    let script =
        vec![Opening::Messages(vec![item(3, 40), item(3, 41)], Then::Stop), Opening::Messages(vec![item(3, 42), end()], Then::Stop)];
    let (stream, requests) = play(OutputCursor::new(StreamRunOutputRequest { tail: 2, ..task() }), script, ResumeOptions::default());
    assert_eq!(all(stream).await.0, ["3:40", "3:41", "3:42", "end"]);
    let tails: Vec<(u32, u64)> = requests.lock().unwrap().iter().map(|r| (r.tail, r.after_seq)).collect();
    assert_eq!(tails, [(2, 0), (0, 41)]);
}

/// Resume R4: a refusal ends the stream at once; a slow reader's ending does not.
#[tokio::test(start_paused = true)]
async fn refusals_end_the_stream() {
    let slow = ErrorDetail::new(reason::SLOW_READER).into_status(Code::Aborted, "resume behind item 1");
    let script = vec![
        Opening::Messages(vec![item(1, 1)], Then::Fail(slow)),
        Opening::Refuse(Status::not_found("task `swift-falcon` not found")),
        Opening::Messages(vec![end()], Then::Stop),
    ];
    let (stream, requests) = play(OutputCursor::new(task()), script, ResumeOptions::default());
    let (lines, error) = all(stream).await;
    assert_eq!(lines, ["1:1"]);
    assert!(matches!(error, Some(ResumeError::Refused(status)) if status.code() == Code::NotFound));
    assert_eq!(requests.lock().unwrap().len(), 2);
}

/// Resume R4: who lost the lease of a durable reader does not fight for it.
#[test]
fn a_lost_lease_is_final() {
    assert!(is_fatal(&ErrorDetail::new(reason::LEASE_TAKEN).into_status(Code::Aborted, "taken")));
    assert!(!is_fatal(&Status::aborted("slow")));
    assert!(!is_fatal(&Status::unavailable("gone")));
    assert!(!is_fatal(&Status::resource_exhausted("busy")));
    assert!(is_fatal(&Status::unauthenticated("who")));
}

/// Resume R3: waits follow the backoff and what the server asks for; each is told.
#[tokio::test(start_paused = true)]
async fn waits_follow_backoff_and_server() {
    let asked = ErrorDetail::new(reason::OVERLOADED).with_retry_after(Duration::from_secs(60)).into_status(Code::ResourceExhausted, "busy");
    let script = vec![Opening::Refuse(Status::unavailable("down")), Opening::Refuse(asked), Opening::Messages(vec![end()], Then::Stop)];
    let waits: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let told = Arc::clone(&waits);
    let options = ResumeOptions {
        on_interruption: Some(Arc::new(move |interruption| told.lock().unwrap().push(interruption.retry_in))),
        ..ResumeOptions::default()
    };
    let begin = Instant::now();
    let (stream, _) = play(OutputCursor::new(task()), script, options);
    assert!(all(stream).await.1.is_none());
    let waits = waits.lock().unwrap().clone();
    assert_eq!(waits.len(), 2);
    assert!(waits.first().is_some_and(|wait| *wait >= Duration::from_millis(100) && *wait <= Duration::from_millis(200)), "{waits:?}");
    assert_eq!(waits.get(1), Some(&Duration::from_secs(60)));
    assert!(begin.elapsed() >= Duration::from_secs(60));
}

/// Resume R5: a silent stream is taken for dead; with a limit it is given up.
#[tokio::test(start_paused = true)]
async fn silence_is_death_and_giving_up_has_a_limit() {
    let script = vec![Opening::Messages(vec![item(1, 1)], Then::Silence)];
    let options = ResumeOptions { give_up_after: Some(Duration::from_secs(120)), ..ResumeOptions::default() };
    let begin = Instant::now();
    let (stream, requests) = play(OutputCursor::new(task()), script, options);
    let (lines, error) = all(stream).await;
    assert_eq!(lines, ["1:1"]);
    assert!(matches!(error, Some(ResumeError::GaveUp { .. })), "{error:?}");
    assert!(begin.elapsed() >= Duration::from_secs(45) && begin.elapsed() <= Duration::from_secs(121), "{:?}", begin.elapsed());
    assert!(requests.lock().unwrap().len() > 3);
}

fn event(seq: u64) -> WatchEventsResponse {
    WatchEventsResponse { event: Some(events::Event::Item(Event { seq, ..Event::default() })) }
}

fn started(after_seq: u64) -> WatchEventsResponse {
    WatchEventsResponse { event: Some(events::Event::Started(events::WatchStarted { after_seq, lease_id: String::new() })) }
}

fn heartbeat(last_seq: u64) -> WatchEventsResponse {
    WatchEventsResponse { event: Some(events::Event::Heartbeat(Heartbeat { last_seq, time: None })) }
}

/// F-235, resume R1: events come once, holes of a filter mean nothing, heartbeats move the cursor.
#[tokio::test(start_paused = true)]
async fn events_come_once_and_heartbeats_move_the_cursor() {
    let finish = WatchEventsResponse { event: Some(events::Event::End(events::WatchEnd::default())) };
    let script = vec![
        Opening::Messages(vec![started(10), event(12), heartbeat(30)], Then::Stop),
        Opening::Messages(vec![started(30), event(12), event(31), event(35)], Then::Fail(Status::unavailable("gone"))),
        Opening::Messages(vec![started(35), event(35), event(36), finish], Then::Stop),
    ];
    let (mut stream, requests) = play(EventCursor::new(WatchEventsRequest::default()), script, ResumeOptions::default());
    let mut seqs = Vec::new();
    while let Some(message) = stream.next().await {
        if let Some(events::Event::Item(event)) = message.unwrap().event {
            seqs.push(event.seq);
        }
    }
    assert_eq!(seqs, [12, 31, 35, 36]);
    let cursors: Vec<Option<u64>> = requests.lock().unwrap().iter().map(|request| request.after_seq).collect();
    assert_eq!(cursors, [None, Some(30), Some(35)]);
}

/// Resume R6: waiting for the next message may be abandoned at any time.
#[tokio::test(start_paused = true)]
async fn abandoned_waits_lose_nothing() {
    let script = vec![
        Opening::Messages(vec![item(1, 1)], Then::Stop),
        Opening::Refuse(Status::unavailable("down")),
        Opening::Messages(vec![item(1, 2), end()], Then::Stop),
    ];
    let (mut stream, _) = play(OutputCursor::new(task()), script, ResumeOptions::default());
    let mut lines = Vec::new();
    loop {
        match tokio::time::timeout(Duration::from_millis(1), stream.next()).await {
            Ok(Some(message)) => lines.push(told(&message.unwrap())),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert_eq!(lines, ["1:1", "1:2", "end"]);
}
