//! The service: what is streamed, projects that never mix, summaries, money, and a server without a model.

use std::sync::Arc;
use std::time::Duration;

use aq_core::chat::{Delta, ModelCall, ModelError, RawToolUse};
use aq_core::output::TokenUsage;
use aq_core::principal::Role;
use aq_proto::error_detail::ErrorDetail;
use aq_proto::v1 as pb;
use aq_server::chat::Talker;
use aq_server::chat_models::Scripted;
use pb::chat_response::Event;
use serde_json::json;
use tonic::Code;

use super::world::World;
use crate::api::fixture::principal;

fn says(text: &str) -> Result<Vec<Result<Delta, ModelError>>, ModelError> {
    Ok(vec![Ok(Delta::Text(text.into())), Ok(Delta::Usage(TokenUsage { input: 70, output: 7, ..Default::default() }))])
}

fn wants(tool: &str, arguments: &serde_json::Value) -> Vec<Result<Delta, ModelError>> {
    vec![Ok(Delta::ToolUse(RawToolUse { id: String::new(), name: tool.into(), arguments: arguments.to_string() }))]
}

/// How many messages a call has; 1: the first of its turn.
fn first(call: &ModelCall) -> bool {
    call.messages.len() == 1
}

/// F-175: what is heard, in order.
#[tokio::test]
async fn a_turn_is_heard_in_order() {
    let world = World::start().await;
    let model = Scripted::new(|call| {
        if first(call) {
            let mut pieces = vec![Ok(Delta::Notice("loading".into())), Ok(Delta::Thinking("hm".into())), Ok(Delta::Text("I look.".into()))];
            pieces.extend(wants("get_status", &json!({})));
            return Ok(pieces);
        }
        says("✅ done")
    });
    let heard = world.talker(Arc::new(model)).says(Role::Operator, "app", "look").await.unwrap();
    let names: Vec<_> = heard
        .events
        .iter()
        .map(|event| match event {
            Event::Started(started) => format!("started {} {}", started.provider, started.model),
            Event::Round(round) => format!("round {}", round.number),
            Event::Notice(text) => format!("notice {text}"),
            Event::Thinking(text) => format!("thinking {text}"),
            Event::Text(text) => format!("text {text}"),
            Event::ToolBegun(begun) => format!("begun {} {} {}", begun.use_id, begun.tool, begun.arguments_json),
            Event::ToolEnded(ended) => format!("ended {} {} {}", ended.use_id, ended.tool, ended.failed),
            Event::Finished(finished) => format!("finished {} {}", finished.text, finished.rounds),
            Event::Heartbeat(_) => "heartbeat".into(),
        })
        .collect();
    let wanted = [
        "started scripted scripted",
        "round 1",
        "notice loading",
        "thinking hm",
        "text I look.",
        "begun call_1 get_status {}",
        "ended call_1 get_status false",
        "round 2",
        "text ✅ done",
        "finished ✅ done 2",
    ];
    assert_eq!(names, wanted);
}

/// F-176, D-71: conversations about two projects at the same time each know their own, and no other.
#[tokio::test]
async fn projects_never_mix() {
    let world = World::start().await;
    let model = Scripted::new(|call| {
        let own = ["app", "web"].into_iter().find(|id| call.system.contains(&format!("The active project is `{id}`"))).unwrap();
        if first(call) {
            return Ok(wants("create_task", &json!({ "project_id": own, "title": format!("by {own}") })));
        }
        says(own)
    });
    let talker = world.talker(Arc::new(model));
    let talks = (0..10).map(|index| {
        let own = if index % 2 == 0 { "app" } else { "web" };
        let talker = &talker;
        async move { (own, talker.says(Role::Operator, own, "make one").await.unwrap()) }
    });
    for (own, heard) in futures_util::future::join_all(talks).await {
        assert_eq!((heard.text.as_str(), heard.failed.len()), (own, 0));
    }
    for own in ["app", "web"] {
        let listed = world.read("list_tasks", json!({ "query": format!("by {own}"), "project_ids": [own] })).await.unwrap();
        assert_eq!(listed["total_size"], 5, "{own}");
    }
}

/// F-183: without a model everything else works, and the chat says what to do.
#[tokio::test]
async fn without_a_model_the_chat_says_what_to_do() {
    let world = World::start().await;
    let refused = world.server.admin();
    let mut client = pb::chat_service_client::ChatServiceClient::new(refused);
    let request = || pb::ChatRequest { text: "hello".into(), ..Default::default() };
    let status = client.chat(request()).await.unwrap_err();
    assert_eq!((status.code(), ErrorDetail::of(&status).unwrap().reason.as_str()), (Code::FailedPrecondition, "CHAT_NOT_CONFIGURED"));
    world.server.api.set_talk(Arc::new(Talker::new(world.parts(Err("set chat_provider.api_key".into())))));
    let status = client.chat(request()).await.unwrap_err();
    assert!(status.message().contains("set chat_provider.api_key"), "{status:?}");
    let status = client.summarize(pb::SummarizeRequest { messages: vec![said("x")], ..Default::default() }).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(world.server.admin().task("app", "still").await.title, "still");
}

fn said(text: &str) -> pb::ChatMessage {
    pb::ChatMessage { speaker: pb::ChatSpeaker::Person.into(), author: "Ann".into(), text: text.into() }
}

/// F-179: a summary is one call without tools that is told to keep names; a failure is told.
#[tokio::test]
async fn summaries_keep_names() {
    let world = World::start().await;
    let model = Arc::new(Scripted::new(|call| {
        if call.messages[0].blocks.iter().any(|block| format!("{block:?}").contains("fail")) {
            return Err(ModelError::Overloaded("busy".into()));
        }
        says("Ann wants `swift-falcon` stopped.")
    }));
    let talker = world.talker(Arc::clone(&model) as _);
    let mut client = talker.client(principal(Role::Viewer, &[]));
    let request = |text: &str| pb::SummarizeRequest { messages: vec![said(text)], project_id: "app".into(), ..Default::default() };
    let summary = client.summarize(request("stop swift-falcon")).await.unwrap().into_inner();
    assert_eq!((summary.text.as_str(), summary.tokens.unwrap().input), ("Ann wants `swift-falcon` stopped.", 70));
    let asked = &model.asked()[0];
    let text = format!("{:?}", asked.messages);
    assert!(asked.tools.is_empty() && text.contains("Keep every name") && text.contains("Ann: stop swift-falcon"), "{text}");
    let status = client.summarize(request("fail")).await.unwrap_err();
    assert_eq!((status.code(), status.message().contains("busy")), (Code::Unavailable, true));
}

/// F-152, chat R8: the tokens of chats are in the ledger of their project, under the name of what they were for, and in the project's window.
#[tokio::test]
async fn tokens_are_counted() {
    let world = World::start().await;
    let talker = world.talker(Arc::new(Scripted::new(|_| says("hi"))));
    talker.says(Role::Operator, "app", "one").await.unwrap();
    talker.says(Role::Operator, "", "two").await.unwrap();
    let usage = world.read("get_token_usage", json!({ "project_id": "app", "group_by": "AGENT" })).await.unwrap();
    assert_eq!((&usage["total"]["input"], &usage["entries"][0]["agent_id"]), (&json!(70), &json!("chat")), "{usage}");
    let all = world.read("get_token_usage", json!({})).await.unwrap();
    assert_eq!(all["total"]["output"], 14, "{all}");
    let project = world.read("get_project", json!({ "project_id": "app" })).await.unwrap();
    assert_eq!(project["window_tokens"], 77);
    let checked = world.read("check_invariants", json!({})).await.unwrap();
    assert_eq!(checked["findings"].as_array().map_or(0, Vec::len), 0, "{checked}");
}

/// F-173, chat R6: the same request, sent again, has one effect, even when the model does the same again.
#[tokio::test]
async fn a_repeated_request_has_one_effect() {
    let world = World::start().await;
    let model = Scripted::new(|call| {
        if first(call) { Ok(wants("create_task", &json!({ "project_id": "app", "title": "Only once" }))) } else { says("✅") }
    });
    let talker = world.talker(Arc::new(model));
    let request = |id: &str| pb::ChatRequest { text: "make one".into(), request_id: id.into(), ..Default::default() };
    for id in ["r-1", "r-1", "r-2"] {
        talker.asks(principal(Role::Operator, &[]), request(id)).await.unwrap();
    }
    let listed = world.read("list_tasks", json!({ "query": "Only once" })).await.unwrap();
    assert_eq!(listed["total_size"], 2, "{listed}");
}

/// chat R4: what does not fit is refused with its field, before any model is asked; a project that the caller may not see does not exist.
#[tokio::test]
async fn bad_requests_name_their_field() {
    let world = World::start().await;
    let model = Arc::new(Scripted::new(|_| says("hi")));
    let talker = world.talker(Arc::clone(&model) as _);
    let base = || pb::ChatRequest { text: "x".into(), ..Default::default() };
    let cases = [
        (pb::ChatRequest { text: " ".into(), ..base() }, "text"),
        (pb::ChatRequest { text: "a\0b".into(), ..base() }, "text"),
        (pb::ChatRequest { text: "x".repeat(600_000), ..base() }, "text"),
        (pb::ChatRequest { author: "x".repeat(300), ..base() }, "author"),
        (pb::ChatRequest { model: "x".repeat(300), ..base() }, "model"),
        (pb::ChatRequest { request_id: "x".repeat(129), ..base() }, "request_id"),
        (pb::ChatRequest { project_id: "No Such".into(), ..base() }, "project_id"),
        (pb::ChatRequest { history: vec![said("x"); 201], ..base() }, "history"),
        (pb::ChatRequest { history: vec![pb::ChatMessage { speaker: 9, ..said("x") }], ..base() }, "history[0].speaker"),
    ];
    for (request, field) in cases {
        let status = talker.asks(principal(Role::Viewer, &[]), request).await.unwrap_err();
        let detail = ErrorDetail::of(&status).unwrap();
        assert_eq!((status.code(), detail.violations[0].field.as_str()), (Code::InvalidArgument, field), "{status:?}");
    }
    let hidden = pb::ChatRequest { project_id: "web".into(), ..base() };
    let status = talker.asks(principal(Role::Operator, &["app"]), hidden).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(model.asked().is_empty());
}

/// chat R5: whoever stops listening ends the turn: its model is let go, and nothing more is done.
#[tokio::test]
async fn a_dropped_stream_cancels_the_turn() {
    let world = World::start().await;
    let (gone, mut ended) = tokio::sync::mpsc::unbounded_channel::<()>();
    let talker = world.talker(Arc::new(Endless(gone)));
    let mut client = talker.client(principal(Role::Operator, &[]));
    let mut stream = client.chat(pb::ChatRequest { text: "go on".into(), ..Default::default() }).await.unwrap().into_inner();
    assert!(matches!(stream.message().await.unwrap().unwrap().event, Some(Event::Started(_))));
    drop(stream);
    let ended = tokio::time::timeout(Duration::from_secs(20), ended.recv()).await;
    assert!(ended.is_ok(), "the model is still asked");
}

/// A model that never says anything; tells when it is let go.
struct Endless(tokio::sync::mpsc::UnboundedSender<()>);

struct Silent(tokio::sync::mpsc::UnboundedSender<()>);

impl Drop for Silent {
    fn drop(&mut self) {
        let _told = self.0.send(());
    }
}

impl aq_core::chat::Answer for Silent {
    fn next(&mut self) -> aq_core::runner_link::BoxFuture<'_, Option<Result<Delta, ModelError>>> {
        Box::pin(std::future::pending())
    }
}

impl aq_core::chat::ChatModel for Endless {
    fn provider(&self) -> &'static str {
        "scripted"
    }

    fn model(&self) -> String {
        "endless".into()
    }

    fn ask<'a>(&'a self, _: &'a ModelCall) -> aq_core::runner_link::BoxFuture<'a, Result<Box<dyn aq_core::chat::Answer>, ModelError>> {
        let silent = Silent(self.0.clone());
        Box::pin(async move { Ok(Box::new(silent) as Box<dyn aq_core::chat::Answer>) })
    }
}

/// chat R5: a server that drains ends its turns with a word.
#[tokio::test]
async fn a_draining_server_ends_its_turns() {
    let world = World::start().await;
    let (gone, _ended) = tokio::sync::mpsc::unbounded_channel::<()>();
    let talker = world.talker(Arc::new(Endless(gone)));
    let mut client = talker.client(principal(Role::Operator, &[]));
    let mut stream = client.chat(pb::ChatRequest { text: "go on".into(), ..Default::default() }).await.unwrap().into_inner();
    let _started = stream.message().await.unwrap();
    world.server.drain.cancel();
    let status = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!((status.code(), ErrorDetail::of(&status).unwrap().reason.as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
}
