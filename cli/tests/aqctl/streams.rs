//! Followed streams: once and in order across interruptions, detaching, waiting.

use std::io::{BufRead as _, BufReader, Read as _};

use crate::fake::{Done, Environment, Fake, item};
use aq_proto::v1;
use aq_proto::v1::stream_run_output_response::{Event, StreamEnd};
use aq_proto::v1::{StreamEndReason, StreamRunOutputResponse, TaskStatus};
use tonic::Status;

fn end() -> StreamRunOutputResponse {
    let reason = StreamEndReason::Finished.into();
    StreamRunOutputResponse { run_number: 1, event: Some(Event::End(StreamEnd { reason, ..Default::default() })) }
}

/// F-238, commands R11: a broken connection is taken up behind the last item; every item is shown once.
#[test]
fn output_goes_on_after_an_interruption() {
    let fake = Fake::with_tasks([("swift-falcon", TaskStatus::InProgress)]);
    fake.prepare(vec![Ok(item(1, "one")), Ok(item(2, "two")), Err(Status::unavailable("restarting"))]);
    fake.prepare(vec![Ok(item(2, "two")), Ok(item(3, "three")), Ok(end())]);
    let server = fake.start();
    let done = Environment::with_server(server.address).run(&["logs", "-f", "swift"]).expect(0);
    assert_eq!(done.stdout, "one\ntwo\nthree\n");
    assert_eq!(fake.asked.lock().unwrap().iter().map(|request| request.after_seq).collect::<Vec<_>>(), [0, 2]);
}

/// I-49: what an agent writes cannot drive the terminal; `--raw` is JSON by line.
#[test]
fn agents_cannot_drive_the_terminal() {
    let fake = Fake::with_tasks([("swift-falcon", TaskStatus::InProgress)]);
    let evil = "\u{1b}]0;owned\u{7}a\u{1b}[2Jb\u{202e}c";
    for _ in 0..2 {
        fake.prepare(vec![Ok(item(1, evil)), Ok(end())]);
    }
    let server = fake.start();
    let environment = Environment::with_server(server.address);
    assert_eq!(environment.run(&["logs", "swift-falcon"]).expect(0).stdout, "ab\u{fffd}c\n");
    let raw = environment.run(&["logs", "swift-falcon", "--raw"]).expect(0).stdout;
    assert!(!raw.contains('\u{1b}') && !raw.contains('\u{202e}'), "{raw}");
    let first: serde_json::Value = serde_json::from_str(raw.lines().next().unwrap()).unwrap();
    assert_eq!(first["item"]["text"]["text"], evil);
}

/// commands R10: Ctrl-C detaches, says how to come back, and ends with 130.
#[test]
fn ctrl_c_detaches() {
    let fake = Fake::with_tasks([("swift-falcon", TaskStatus::InProgress)]);
    fake.prepare(vec![Ok(item(1, "one"))]);
    let server = fake.start();
    let mut child = Environment::with_server(server.address).spawn(&["logs", "-f", "swift-falcon"]);
    let mut first = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut first).unwrap();
    assert_eq!(first, "one\n");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    let done = Done::of(child.wait_with_output().unwrap()).expect(130);
    assert!(done.stderr.contains("detached") && done.stderr.contains("aqctl logs -f swift-falcon"), "{}", done.stderr);
}

/// commands R13: waiting ends with what became of the task; R9: or with the time.
#[test]
fn waiting_tells_what_became_of_the_task() {
    let server = Fake::with_tasks([
        ("done", TaskStatus::Completed),
        ("blocked", TaskStatus::Blocked),
        ("asks", TaskStatus::WaitingInput),
        ("runs", TaskStatus::InProgress),
    ])
    .start();
    let environment = Environment::with_server(server.address);
    let _completed = environment.run(&["task", "wait", "done"]).expect(0);
    let _blocked = environment.run(&["task", "wait", "blocked"]).expect(7);
    let _asks = environment.run(&["task", "wait", "asks"]).expect(8);
    let _over = environment.run(&["task", "wait", "runs", "--timeout", "300ms"]).expect(124);
}

/// F-152: recent events, then what comes, without a hole and without a repetition.
#[test]
fn events_go_on_behind_the_recent_ones() {
    let fake = Fake::default();
    let event = |seq| v1::Event {
        seq,
        r#type: "task.ready".into(),
        task_id: format!("task-{seq}"),
        summary: format!("number {seq}"),
        ..Default::default()
    };
    fake.events.lock().unwrap().extend([event(1), event(2), event(3)]);
    let server = fake.start();
    let environment = Environment::with_server(server.address);
    let done = environment.run(&["events", "-f", "-o", "json", "--timeout", "500ms"]).expect(124);
    let seqs: Vec<String> =
        done.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].to_string()).collect();
    assert_eq!(seqs, ["\"1\"", "\"2\"", "\"3\""]);
}
