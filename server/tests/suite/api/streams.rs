//! StreamRunOutput: replay, following, several runs, ends.

use std::time::Duration;

use aq_core::ids::{RunRef, TaskId};
use aq_core::output::{FailureClass, OutputBody, OutputItem};
use aq_core::runner_link::{RunOutcome, RunReport};
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use pb::stream_run_output_response::Event as Body;
use tonic::{Code, Streaming};

use super::fixture::{Client, Server};

type Answers = Streaming<pb::StreamRunOutputResponse>;

async fn open(client: &Client, request: pb::StreamRunOutputRequest) -> Answers {
    client.runs().stream_run_output(request).await.unwrap().into_inner()
}

fn request(task: &str, follow: bool) -> pb::StreamRunOutputRequest {
    pb::StreamRunOutputRequest { task_id: task.into(), follow, ..Default::default() }
}

/// The next message in short: `1:2` is item 2 of run 1.
async fn next(stream: &mut Answers) -> String {
    let message = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.expect("nothing came").unwrap();
    let Some(message) = message else { return "closed".into() };
    let run = message.run_number;
    match message.event.unwrap() {
        Body::Item(item) => format!("{run}:{}", item.seq),
        Body::Gap(gap) => format!("{run} gap {}-{}", gap.from_seq, gap.to_seq),
        Body::Heartbeat(beat) => format!("{run} beat {}", beat.last_seq),
        Body::RunEnded(ended) => format!("{run} ended {:?}", ended.run.unwrap().outcome()),
        Body::End(end) => format!("end {:?} {:?}", end.reason(), end.task_status()),
    }
}

async fn rest(stream: &mut Answers) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let message = next(stream).await;
        if message == "closed" {
            return all;
        }
        all.push(message);
    }
}

async fn say(server: &Server, run: &RunRef, numbers: std::ops::RangeInclusive<u64>) {
    let at = Timestamp::from_millis(1);
    let items = numbers.map(|seq| OutputItem { seq, at, body: OutputBody::Text { text: format!("item {seq}") } }).collect();
    server.inner.report(run, RunReport::Output { items }).await;
}

/// F-071, api R10: the stored part, then the live one, to two readers at different places; the end names how the task stands.
#[tokio::test]
async fn two_readers_replay_and_follow() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    admin.agent("nova").await;
    let task = admin.task("web", "one").await;
    let run = server.inner.start_order().await.run;
    server.inner.running(&run).await;
    say(&server, &run, 1..=3).await;
    let mut first = open(&admin, request(&task.id, true)).await;
    let mut second = open(&admin, pb::StreamRunOutputRequest { tail: 1, ..request(&task.id, true) }).await;
    for expected in ["1:1", "1:2", "1:3"] {
        assert_eq!(next(&mut first).await, expected);
    }
    assert_eq!(next(&mut second).await, "1:3");
    say(&server, &run, 4..=4).await;
    assert_eq!((next(&mut first).await, next(&mut second).await), ("1:4".into(), "1:4".into()));
    let mut snapshot = open(&admin, pb::StreamRunOutputRequest { after_seq: 2, ..request(&task.id, false) }).await;
    assert_eq!(rest(&mut snapshot).await, ["1:3", "1:4", "end CaughtUp InProgress"]);
    server.inner.succeed(&run).await;
    let ending = ["1 ended Succeeded", "end Finished Completed"];
    assert_eq!((rest(&mut first).await, rest(&mut second).await), (ending.map(String::from).to_vec(), ending.map(String::from).to_vec()));
    let mut later = open(&admin, pb::StreamRunOutputRequest { after_seq: 3, run_number: 1, ..request(&task.id, true) }).await;
    assert_eq!(rest(&mut later).await, ["1:4", "1 ended Succeeded", "end Finished Completed"]);
}

/// Api R10: a reader that comes before the first run, and stays through a failed one.
#[tokio::test]
async fn a_reader_waits_for_runs_and_goes_on_to_the_next() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    let task = admin.task("web", "one").await;
    let mut stream = open(&admin, request(&task.id, true)).await;
    admin.agent("nova").await;
    let run = server.inner.start_order().await.run;
    server.inner.running(&run).await;
    say(&server, &run, 1..=2).await;
    assert_eq!((next(&mut stream).await, next(&mut stream).await), ("1:1".into(), "1:2".into()));
    let failed = RunOutcome::Failed { class: FailureClass::Agent, message: "no".into() };
    server.inner.report(&run, RunReport::Finished { outcome: failed, exit_code: Some(1) }).await;
    assert_eq!(next(&mut stream).await, "1 ended Failed");
    server.inner.until(&TaskId::parse(&task.id).unwrap(), TaskStatus::Paused).await;
    server.inner.clock.advance(3_600_000);
    server.inner.wake.ring();
    let again = server.inner.start_order().await.run;
    assert_eq!(again.number, 2);
    server.inner.running(&again).await;
    say(&server, &again, 1..=1).await;
    assert_eq!(next(&mut stream).await, "2:1");
    server.inner.succeed(&again).await;
    assert_eq!(rest(&mut stream).await, ["2 ended Succeeded", "end Finished Completed"]);
    let mut whole = open(&admin, pb::StreamRunOutputRequest { first_run_number: 1, ..request(&task.id, false) }).await;
    assert_eq!(rest(&mut whole).await, ["1:1", "1:2", "1 ended Failed", "2:1", "2 ended Succeeded", "end Finished Completed"]);
}

/// Api R10: what is not there is refused before the stream; a task that goes away ends it.
#[tokio::test]
async fn missing_things_are_told() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    let task = admin.task("web", "one").await;
    let missing = pb::StreamRunOutputRequest { run_number: 3, ..request(&task.id, true) };
    assert_eq!(admin.runs().stream_run_output(missing).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(rest(&mut open(&admin, request(&task.id, false)).await).await, ["end CaughtUp Ready"]);
    let mut stream = open(&admin, request(&task.id, true)).await;
    admin.tasks().delete_task(pb::DeleteTaskRequest { task_id: task.id, ..Default::default() }).await.unwrap();
    assert_eq!(rest(&mut stream).await, ["end Deleted Unspecified"]);
}

/// Api R12: the server's end is told, so that the reader comes back.
#[tokio::test]
async fn draining_ends_streams() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    let task = admin.task("web", "one").await;
    let mut stream = open(&admin, request(&task.id, true)).await;
    server.drain.cancel();
    let status = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.unwrap().unwrap_err();
    assert_eq!(super::fixture::refusal(&status).1, "SHUTTING_DOWN");
}
