//! The chat on a terminal and in a pipe.

use aq_proto::v1;
use aq_proto::v1::chat_response::Event;
use tonic::Status;

use crate::fake::{Done, Environment, Fake};

fn turn(text: &str) -> Vec<Result<v1::ChatResponse, Status>> {
    let events = [
        Event::Started(v1::ChatStarted { provider: "scripted".into(), model: "m".into() }),
        Event::Round(v1::ChatRound { number: 1 }),
        Event::Text("I look. ".into()),
        Event::ToolBegun(v1::ChatToolBegun { use_id: "1".into(), tool: "get_task".into(), arguments_json: "{\"task_id\":\"x\"}".into() }),
        Event::ToolEnded(v1::ChatToolEnded {
            use_id: "1".into(),
            tool: "get_task".into(),
            failed: true,
            result_json: "{\"error\":\"task `x` not found\"}".into(),
        }),
        Event::Round(v1::ChatRound { number: 2 }),
        Event::Text(text.into()),
        Event::Finished(v1::ChatFinished { text: text.into(), ..Default::default() }),
    ];
    events.map(|event| Ok(v1::ChatResponse { event: Some(event) })).into()
}

/// F-174, commands R3: one question; the answer is data, the tools are talk; what the model writes cannot drive the terminal.
#[test]
fn one_question_gives_one_answer() {
    let fake = Fake::default();
    fake.turns.lock().unwrap().push_back(turn("There is no \u{1b}[31mtask x."));
    let server = fake.start();
    let done = Environment::with_server(server.address).run(&["chat", "what is x?", "-o", "table"]).expect(0);
    assert_eq!(done.stdout, "There is no task x.\n");
    assert!(
        done.stderr.contains("· get_task {\"task_id\":\"x\"}") && done.stderr.contains("did not work: task `x` not found"),
        "{}",
        done.stderr
    );
    let said = fake.said.lock().unwrap();
    assert_eq!((said[0].text.as_str(), said[0].history.len(), said[0].request_id.len()), ("what is x?", 0, 36));
}

/// commands R4: JSON is a line for each message of the stream.
#[test]
fn json_is_a_line_for_each_message() {
    let fake = Fake::default();
    fake.turns.lock().unwrap().push_back(turn("done"));
    let server = fake.start();
    let done = Environment::with_server(server.address).run(&["chat", "go", "-o", "json"]).expect(0);
    let lines: Vec<serde_json::Value> = done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[7]["finished"]["text"], &lines[3]["toolBegun"]["tool"]), (8, &"done".into(), &"get_task".into()));
}

/// F-183: a server without a model says what to do.
#[test]
fn a_refusal_is_told() {
    let fake = Fake::default();
    fake.turns.lock().unwrap().push_back(vec![Err(Status::failed_precondition("no model is configured: set chat_provider.api_key"))]);
    let server = fake.start();
    let done = Environment::with_server(server.address).run(&["chat", "go"]).expect(5);
    assert!(done.stderr.contains("set chat_provider.api_key"), "{}", done.stderr);
    let _empty = Environment::with_server(server.address).run(&["chat", " "]).expect(2);
}

/// commands R10: Ctrl-C cancels the turn and says so.
#[test]
fn ctrl_c_cancels_the_turn() {
    use std::io::{BufRead as _, BufReader, Read as _};
    let fake = Fake::default();
    let begun = v1::ChatToolBegun { use_id: "1".into(), tool: "get_status".into(), arguments_json: "{}".into() };
    fake.turns.lock().unwrap().push_back(vec![Ok(v1::ChatResponse { event: Some(Event::ToolBegun(begun)) })]);
    let server = fake.start();
    let mut child = Environment::with_server(server.address).spawn(&["chat", "go"]);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, "· get_status\n");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    let _done = Done::of(child.wait_with_output().unwrap()).expect(130);
    assert!(rest.contains("cancelled; what was done stays done"), "{rest}");
}
