//! What agents and assistants write is stored and shown without secrets.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use aq_core::ids::{RunRef, TaskId};
use aq_core::principal::{Principal, Role};
use aq_core::profile::RuntimeProfile;
use aq_core::runtime::RuntimeKind;
use aq_proto::v1 as pb;
use aq_server::commands;
use serde_json::json;

use super::lab::{Lab, told};
use crate::api::fixture::principal;

/// A value of the agent's profile: it has the shape of nothing.
const OWN: &str = "correct horse battery staple";

/// Something of every shape that credentials have.
const SHAPED: [&str; 13] = [
    "sk-ant-REDACTED",
    "sk-proj-abcdefghij0123456789ABCD",
    "ghp_abcdefghij0123456789abcd",
    "github_pat_abcdefghij0123456789",
    "glpat-abcdefghij0123456789",
    "xoxb-1234567890-abcdef",
    "AKIAABCDEFGHIJKLMNOP",
    "AIzaabcdefghijklmnopqrstuvwxyz012345",
    "aq_k1abcd_abcdefghij0123456789",
    "Bearer abcdefghij0123456789",
    "eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbmF0dXJl",
    "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0",
    "-----BEGIN PRIVATE KEY-----MIIabcdefghijklmnop-----END PRIVATE KEY-----",
];

fn all() -> impl Iterator<Item = &'static str> {
    SHAPED.into_iter().chain([OWN])
}

/// A text with all of them.
fn text() -> String {
    all().map(|secret| format!("I found {secret} there.\n")).collect()
}

/// Looks through every file below a folder; what stands between the words of a secret does not matter: it is looked for as it was written.
fn is_nowhere(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files += is_nowhere(&entry.path());
        } else if kind.is_file() {
            files += 1;
            let bytes = std::fs::read(entry.path()).unwrap();
            for secret in all().filter(|secret| !bytes.is_empty() && *secret != OWN) {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{secret} is in {}", entry.path().display());
            }
        }
    }
    files
}

/// An agent at work whose profile has a secret, and who it is.
async fn at_work(lab: &Lab) -> (TaskId, RunRef, Principal) {
    let server = &lab.server.inner;
    let fields = commands::agents::AgentFields {
        name: Some("Orion".to_owned()),
        runtime: Some(RuntimeKind::Scripted),
        profile: Some(RuntimeProfile { env: [("PASSWORD".to_owned(), OWN.to_owned())].into(), ..RuntimeProfile::default() }),
        ..Default::default()
    };
    server.command(move |tx, context| commands::agents::create(tx, context, &fields)).await.unwrap();
    let project = server.project("App", 1).await;
    let task = server.task(&project, "Task", &[]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let agent = Principal { run: Some(order.run.clone()), ..principal(Role::Run, &["app"]) };
    (task, order.run, agent)
}

/// mcp R18, I-44: questions, options, proposals, progress and notes of an agent lose secrets of every shape and the values of its profile, whether they come over MCP or by
/// calls; they are in no event, no answer and no file.
#[tokio::test]
async fn what_an_agent_writes_loses_its_secrets() {
    let lab = Lab::open().await;
    let (task, _, agent) = at_work(&lab).await;
    let key = lab.key(Role::Run, &["app"], Some(task.as_str())).await;
    let by_call = lab.server.client(agent);
    let mut shown = String::new();
    // Options are short: some at a time, each with words of its own.
    let secrets: Vec<&str> = all().collect();
    let mut asked = Vec::new();
    for (number, some) in secrets.chunks(4).enumerate() {
        let options: Vec<String> = some.iter().enumerate().map(|(index, secret)| format!("{index} {secret}")).collect();
        let question = format!("{number}: {}", text());
        if number % 2 == 0 {
            let request = pb::AskHumanRequest { question, options, ..Default::default() };
            let mut tasks = by_call.tasks();
            asked.push(tokio::spawn(async move { tasks.ask_human(request).await.map(drop) }));
        } else {
            let call = json!({ "name": "ask_human", "arguments": { "question": question, "options": options } });
            let message = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": call });
            let request = lab.post(message.to_string()).bearer_auth(&key);
            asked.push(tokio::spawn(async move {
                told(&request.send().await.unwrap().json().await.unwrap()).map(drop).map_err(tonic::Status::internal)
            }));
        }
    }
    let waiting = async {
        loop {
            let found = lab.server.admin().tasks().list_questions(pb::ListQuestionsRequest::default()).await.unwrap().into_inner();
            if found.questions.len() == 4 {
                return found;
            }
        }
    };
    let questions = tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the questions were not asked");
    for waits in &questions.questions {
        let question = waits.question.as_ref().unwrap();
        assert_eq!(question.text.matches("[redacted]").count(), secrets.len(), "{}", question.text);
        assert!(question.options.iter().all(|option| option.label.contains("[redacted]")), "{:?}", question.options);
    }
    write!(shown, "{questions:?}").unwrap();
    asked.iter().for_each(tokio::task::JoinHandle::abort);
    for over_mcp in [true, false] {
        let (title, words) = (format!("Rotate {} {over_mcp}", SHAPED[0]), text());
        if over_mcp {
            for (tool, arguments) in [
                ("propose_task", json!({ "title": title, "description": words })),
                ("report_progress", json!({ "text": words })),
                ("write_note", json!({ "project_id": "app", "title": title, "content": words })),
                ("append_note", json!({ "project_id": "app", "title": title, "text": words })),
            ] {
                shown.push_str(&lab.call(&key, tool, arguments).await.unwrap().to_string());
            }
        } else {
            lab.server.inner.clock.advance(60_000);
            let proposal = pb::ProposeTaskRequest { title: title.clone(), description: words.clone(), ..Default::default() };
            by_call.tasks().propose_task(proposal).await.unwrap();
            by_call.tasks().report_progress(pb::ReportProgressRequest { text: words.clone(), ..Default::default() }).await.unwrap();
            let note =
                pb::WriteNoteRequest { project_id: "app".into(), title: title.clone(), content: words.clone(), ..Default::default() };
            write!(shown, "{:?}", by_call.notes().write_note(note).await.unwrap()).unwrap();
            let more = pb::AppendNoteRequest { project_id: "app".into(), title, text: words, ..Default::default() };
            write!(shown, "{:?}", by_call.notes().append_note(more).await.unwrap()).unwrap();
        }
    }
    // Proposals wait for approval, as what is blocked does.
    let every = pb::ListTasksRequest { include_finished: true, ..Default::default() };
    let tasks = lab.server.admin().tasks().list_tasks(every).await.unwrap().into_inner();
    let proposed = tasks.tasks.iter().filter(|task| task.description.matches("[redacted]").count() == secrets.len()).count();
    assert_eq!(proposed, 2, "{tasks:?}");
    let events = lab.server.admin().events().list_events(pb::ListEventsRequest { page_size: 200, ..Default::default() }).await.unwrap();
    let events = format!("{:?}", events.into_inner());
    assert!(events.matches("[redacted]").count() >= 2 * secrets.len(), "{events}");
    shown.push_str(&events);
    write!(shown, "{tasks:?}").unwrap();
    for secret in all() {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
    assert!(is_nowhere(lab.server.inner.home.path()) > 3);
}

/// mcp R18: what a person's assistant writes through a tool that changes something loses what has the shape of a credential, and the answer says so; what it asks by is
/// left alone.
#[tokio::test]
async fn what_an_assistant_writes_loses_its_secrets() {
    let lab = Lab::open().await;
    lab.server.inner.project("App", 1).await;
    let key = lab.key(Role::Operator, &[], None).await;
    for (description, blocks) in [(text(), 2), ("nothing secret".to_owned(), 1)] {
        let arguments = json!({ "project_id": "app", "title": "Rotate", "description": description });
        let call = json!({ "name": "create_task", "arguments": arguments });
        let answer = lab.ask(&key, "tools/call", call).await;
        let content = answer["result"]["content"].as_array().unwrap();
        assert_eq!((content.len(), answer["result"]["isError"] == json!(true)), (blocks, false), "{answer}");
        assert!(content.last().unwrap()["text"].as_str().unwrap().contains("credential") == (blocks == 2), "{answer}");
    }
    let found = lab.call(&key, "list_tasks", json!({ "project_ids": ["app"] })).await.unwrap().to_string();
    assert!(found.matches("[redacted]").count() >= SHAPED.len(), "{found}");
    for secret in SHAPED {
        assert!(!found.contains(secret), "{secret} is shown");
    }
    assert!(is_nowhere(lab.server.inner.home.path()) > 0);
}
