//! An agent asks a person over MCP: through the listener, with the key of its run.

use std::time::Duration;

use aq_core::ids::TaskId;
use aq_core::principal::Role;
use aq_core::run::RunResult;
use aq_core::runner_link::{RunOutcome, RunReport, SessionOrder, StartRun, StopReason};
use aq_core::task::{TaskStatus, UNTIL_ANSWERED};
use aq_proto::v1 as pb;
use aq_server::clock::Clock as _;
use aq_server::commands::{self, CommandError};
use aq_server::store::questions;
use pb::answer_question_request::Answer as Given;
use serde_json::{Value, json};

use super::lab::{Lab, told};

const QUESTION: &str = "Which colour should the button have?";

/// A task whose agent works, and the key of its run.
async fn at_work(lab: &Lab) -> (TaskId, StartRun, String) {
    let server = &lab.server.inner;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "Task", &[]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let key = lab.key(Role::Run, &["app"], Some(task.as_str())).await;
    (task, order, key)
}

/// A call of the tool on its way.
fn asking(lab: &Lab, key: &str, arguments: &Value) -> tokio::task::JoinHandle<Result<Value, String>> {
    let message = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": "ask_human", "arguments": arguments } });
    let request = lab.post(message.to_string()).bearer_auth(key);
    tokio::spawn(async move { told(&request.send().await.unwrap().json().await.unwrap()) })
}

/// Waits until so many questions of the task wait for an answer.
async fn open(lab: &Lab, task: &TaskId, count: usize) {
    let key = lab.server.inner.record(task).await.key;
    let waiting = async {
        while lab.server.inner.reader.read(move |db| questions::waiting_of_task(db, key)).await.unwrap().len() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the question was not asked");
}

/// Waits until a call of the tool waits.
async fn waits(lab: &Lab) {
    let waiting = async {
        while lab.server.inner.clock.waiting() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("nobody waits");
}

async fn answer(lab: &Lab, task: &TaskId, text: &str) -> Result<pb::Task, tonic::Status> {
    let answer = Some(Given::Text(text.to_owned()));
    let request = pb::AnswerQuestionRequest { task_id: task.to_string(), answer, ..Default::default() };
    lab.server.admin().tasks().answer_question(request).await.map(tonic::Response::into_inner)
}

async fn all_is_well(lab: &Lab) {
    let now = lab.server.inner.clock.now();
    let findings =
        lab.server.inner.engine.submit(move |tx| Ok::<_, CommandError>(commands::check::check(tx.db, tx.state, now)?)).await.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
}

/// mcp R14, R15, F-072: the question is one of the task like any other, told with its id, options, deadline and what happens else; the answer comes
/// back as the result of the tool, and no later prompt tells it again.
#[tokio::test]
async fn the_answer_is_the_result_of_the_tool() {
    let lab = Lab::open().await;
    let (task, order, key) = at_work(&lab).await;
    assert!(lab.tools(&key).await.contains("ask_human"));
    let call = asking(&lab, &key, &json!({ "question": QUESTION, "options": ["blue", "red"] }));
    open(&lab, &task, 1).await;
    let waiting = lab.server.admin().tasks().list_questions(pb::ListQuestionsRequest::default()).await.unwrap().into_inner();
    let question = waiting.questions[0].question.clone().unwrap();
    assert_eq!((waiting.questions.len(), question.text.as_str(), question.kind()), (1, QUESTION, pb::QuestionKind::Question));
    assert_eq!(question.options.iter().map(|option| option.label.as_str()).collect::<Vec<_>>(), ["blue", "red"]);
    let filter = pb::EventFilter { types: vec!["task.waiting_input".into()], ..Default::default() };
    let asked = pb::ListEventsRequest { filter: Some(filter), ..Default::default() };
    let events = lab.server.admin().events().list_events(asked).await.unwrap().into_inner().events;
    let facts = format!("{:?}", events[0]);
    let deadline = lab.server.inner.clock.now().plus_millis(240_000).as_millis().to_string();
    for fact in [QUESTION, &question.question_id, "blue", "red", &deadline, "pause"] {
        assert!(events.len() == 1 && facts.contains(fact), "{fact}: {facts}");
    }
    assert_eq!(answer(&lab, &task, "blue").await.unwrap().status(), pb::TaskStatus::InProgress);
    let result = call.await.unwrap().unwrap();
    assert_eq!((&result["answered"], &result["answer"]), (&json!(true), &json!("blue")), "{result}");
    all_is_well(&lab).await;
    // The same words again are a new question.
    let call = asking(&lab, &key, &json!({ "question": QUESTION, "options": ["blue", "red"] }));
    open(&lab, &task, 1).await;
    answer(&lab, &task, "red").await.unwrap();
    assert_eq!(call.await.unwrap().unwrap()["answer"], json!("red"));
    let limited = RunOutcome::Limited { window: "w".into(), resets_at: None, message: String::new() };
    lab.server.inner.report(&order.run, RunReport::Finished { outcome: limited, exit_code: None }).await;
    lab.server.inner.clock.advance(60_000);
    lab.server.inner.wake.ring();
    let again = lab.server.inner.start_order().await;
    assert!(matches!(again.session, SessionOrder::Resume { .. }) && !again.prompt.contains(QUESTION), "{}", again.prompt);
    all_is_well(&lab).await;
}

/// mcp R16, F-072, D-14: nobody answers in time: the agent is told to stop, its run ends, and a late answer goes on in the same session.
#[tokio::test]
async fn nobody_answers_in_time() {
    let lab = Lab::open().await;
    let (task, order, key) = at_work(&lab).await;
    let server = &lab.server.inner;
    let SessionOrder::Fresh { session_id } = order.session.clone() else { panic!("{:?}", order.session) };
    let call = asking(&lab, &key, &json!({ "question": QUESTION }));
    open(&lab, &task, 1).await;
    server.clock.advance(240_000);
    server.wake.ring();
    // A call waits for less than that, and may end before the task is put aside.
    let mut result = call.await.unwrap().unwrap();
    while result["advice"].as_str().unwrap().contains("Call ask_human again") {
        result = asking(&lab, &key, &json!({ "question": QUESTION })).await.unwrap().unwrap();
    }
    assert_eq!(result["answered"], json!(false));
    assert!(result["advice"].as_str().unwrap().contains("Stop here"), "{result}");
    let paused = server.get(&task).await;
    assert_eq!((paused.status, paused.resume_after, paused.retry_count), (TaskStatus::Paused, Some(UNTIL_ANSWERED), 0));
    let outcome = RunOutcome::Stopped { reason: StopReason::Operator };
    server.report(&order.run, RunReport::Finished { outcome, exit_code: None }).await;
    assert_eq!(server.runs(&task).await[0].run.end.as_ref().unwrap().result, RunResult::Asked);
    all_is_well(&lab).await;
    server.clock.advance(30 * 24 * 3_600_000);
    assert!(server.nothing_started().await);
    answer(&lab, &task, "green").await.unwrap();
    let again = server.start_order().await;
    assert_eq!(again.session, SessionOrder::Resume { session_id });
    assert!(again.prompt.contains(&format!("You asked: {QUESTION}\n  The answer: green")), "{}", again.prompt);
    all_is_well(&lab).await;
}

/// mcp R15: a call waits 50 seconds by the server's clock and not longer; then it says that the same call goes on waiting, and that one does: for the same question, of
/// which people see one, until its answer is there.
#[tokio::test]
async fn a_call_waits_a_while_and_goes_on() {
    let lab = Lab::open().await;
    let (task, _, key) = at_work(&lab).await;
    let asked = json!({ "question": QUESTION });
    let mut call = asking(&lab, &key, &asked);
    for _ in 0..3 {
        waits(&lab).await;
        lab.server.inner.clock.advance(49_999);
        // Whatever is about to answer has the chance: a call of its own goes all the way meanwhile.
        assert!(lab.tools(&key).await.contains("ask_human") && !call.is_finished());
        lab.server.inner.clock.advance(1);
        let result = call.await.unwrap().unwrap();
        assert_eq!((&result["answered"], &result["question_id"]), (&json!(false), &json!("mcp-1")), "{result}");
        assert!(
            result["advice"].as_str().unwrap().starts_with("Nobody has answered yet. Call ask_human again with the same question"),
            "{result}"
        );
        assert_eq!(lab.server.inner.get(&task).await.status, TaskStatus::WaitingInput);
        call = asking(&lab, &key, &asked);
    }
    waits(&lab).await;
    let waiting = lab.server.admin().tasks().list_questions(pb::ListQuestionsRequest::default()).await.unwrap().into_inner();
    assert_eq!(waiting.questions.len(), 1);
    answer(&lab, &task, "blue").await.unwrap();
    let result = call.await.unwrap().unwrap();
    assert_eq!((&result["answered"], &result["answer"], &result["question_id"]), (&json!(true), &json!("blue"), &json!("mcp-1")));
    all_is_well(&lab).await;
}

/// mcp R15: a call that broke off takes nothing along: the answer that came meanwhile is the result of the same call made again, else the next
/// run's prompt tells it.
#[tokio::test]
async fn a_call_may_break_off() {
    let lab = Lab::open().await;
    let (task, order, key) = at_work(&lab).await;
    let server = &lab.server.inner;
    let mut calls = Vec::new();
    for question in ["First?", "Second?"] {
        calls.push(asking(&lab, &key, &json!({ "question": question })));
        open(&lab, &task, calls.len()).await;
    }
    let filter = pb::EventFilter { types: vec!["agent.question".into()], ..Default::default() };
    let request = pb::ListEventsRequest { filter: Some(filter), ..Default::default() };
    let told = lab.server.admin().events().list_events(request).await.unwrap().into_inner().events;
    assert!(told.len() == 1 && told[0].attributes["question"] == "Second?" && told[0].attributes["question_id"] == "mcp-2", "{told:?}");
    for call in calls {
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    // Both wait on: an answer names its question, and the task waits until both are answered.
    let named = |id: &str, text: &str| pb::AnswerQuestionRequest {
        task_id: task.to_string(),
        question_id: id.to_owned(),
        answer: Some(Given::Text(text.to_owned())),
        ..Default::default()
    };
    let half = lab.server.admin().tasks().answer_question(named("mcp-1", "one")).await.unwrap().into_inner();
    assert_eq!(half.status(), pb::TaskStatus::WaitingInput);
    let whole = lab.server.admin().tasks().answer_question(named("mcp-2", "two")).await.unwrap().into_inner();
    assert_eq!(whole.status(), pb::TaskStatus::InProgress);
    let result = asking(&lab, &key, &json!({ "question": "First?" })).await.unwrap().unwrap();
    assert_eq!((&result["question_id"], &result["answer"]), (&json!("mcp-1"), &json!("one")));
    let limited = RunOutcome::Limited { window: "w".into(), resets_at: None, message: String::new() };
    server.report(&order.run, RunReport::Finished { outcome: limited, exit_code: None }).await;
    server.clock.advance(60_000);
    server.wake.ring();
    let again = server.start_order().await;
    assert!(again.prompt.contains("You asked: Second?\n  The answer: two") && !again.prompt.contains("First?"), "{}", again.prompt);
    all_is_well(&lab).await;
}

/// mcp R14: wrong arguments are named, too many questions at once are refused, and only the agent of a live run asks.
#[tokio::test]
async fn what_cannot_be_asked() {
    let lab = Lab::open().await;
    let (task, order, key) = at_work(&lab).await;
    let long = "x".repeat(4097);
    for (arguments, named) in [
        (json!({}), "question"),
        (json!({ "question": "  " }), "question: is empty"),
        (json!({ "question": long }), "longer than 4096 bytes"),
        (json!({ "question": "a\u{7}b" }), "control characters"),
        (json!({ "question": "x", "options": vec!["o"; 9] }), "options: has 9 entries"),
        (json!({ "question": "x", "options": ["yes", "YES"] }), "options[1]: is offered twice"),
        (json!({ "question": "x", "options": [7] }), "options[0]"),
    ] {
        let refused = lab.call(&key, "ask_human", arguments).await.unwrap_err();
        assert!(refused.contains(named), "{named}: {refused}");
    }
    assert_eq!(lab.server.inner.get(&task).await.status, TaskStatus::InProgress, "nothing was asked");
    let admin = lab.key(Role::Admin, &[], None).await;
    let refused = lab.call(&admin, "ask_human", json!({ "question": "x" })).await.unwrap_err();
    assert!(refused.contains("NOT_AN_AGENT"), "{refused}");
    let calls: Vec<_> = (0..5).map(|number| asking(&lab, &key, &json!({ "question": format!("{number}?") }))).collect();
    open(&lab, &task, 5).await;
    let refused = lab.call(&key, "ask_human", json!({ "question": "And?" })).await.unwrap_err();
    assert!(refused.contains("TOO_MANY_QUESTIONS"), "{refused}");
    // The task is stopped: every call ends, with the reason.
    let stop = pb::StopTaskRequest { task_id: task.to_string(), ..Default::default() };
    lab.server.admin().tasks().stop_task(stop).await.unwrap();
    for call in calls {
        let refused = call.await.unwrap().unwrap_err();
        assert!(refused.contains("RUN_ENDED"), "{refused}");
    }
    let outcome = RunOutcome::Stopped { reason: StopReason::Operator };
    lab.server.inner.report(&order.run, RunReport::Finished { outcome, exit_code: None }).await;
    let refused = lab.call(&key, "ask_human", json!({ "question": "Late?" })).await.unwrap_err();
    assert!(refused.contains("RUN_ENDED"), "{refused}");
    all_is_well(&lab).await;
}
