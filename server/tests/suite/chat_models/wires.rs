//! Answers, tools over several rounds, credentials, models that are not loaded: on every wire.

use std::sync::Arc;

use aq_core::chat::{
    Belt, Block, ChatModel, Delta, Effect, Event, Group, Limits, Message, ModelCall, ModelError, Outcome, Progress, Purpose, Speaker,
    ToolSpec, Turn, transcript, turn,
};
use aq_core::output::TokenUsage;
use aq_core::time::Timestamp;
use aq_server::chat_models::{Anthropic, Login, Patience};
use aq_server::clock::{ManualClock, SharedClock};
use serde_json::json;

use super::stub::{Reply, Stub};
use super::words::{Part, Wire};

pub(super) fn call(text: &str) -> ModelCall {
    ModelCall {
        purpose: Purpose::Chat,
        model: String::new(),
        system: "be good".into(),
        messages: vec![Message::text(Speaker::Person, text)],
        tools: Vec::new(),
        may_use_tools: true,
        must_use: None,
        max_tokens: 64,
    }
}

/// Everything that comes, up to the first error.
pub(super) async fn pieces(model: &dyn ChatModel, call: &ModelCall) -> Result<Vec<Delta>, ModelError> {
    let mut answer = model.ask(call).await?;
    let mut pieces = Vec::new();
    while let Some(piece) = answer.next().await {
        pieces.push(piece?);
    }
    Ok(pieces)
}

fn spec(name: &str) -> ToolSpec {
    let schema = json!({ "type": "object", "properties": { "title": { "type": "string" } }, "required": ["title"] });
    ToolSpec { name: name.into(), description: "makes one".into(), schema }
}

/// Drives a turn with tools that say what they were given.
async fn drive(model: &dyn ChatModel, text: &str) -> (Outcome, Vec<Progress>, Vec<Message>) {
    let belt = Belt::new(vec![Group { name: "tasks".into(), description: "tasks".into(), core: true, tools: vec![spec("create_task")] }]);
    let messages = transcript(&[], "Ann", text).unwrap();
    let mut state = Turn::new(Limits::default(), Purpose::Chat, String::new(), "be good".into(), messages, belt);
    let (mut todo, mut seen) = (turn(&mut state, Event::Begin), Vec::new());
    loop {
        let mut next = Vec::new();
        for effect in todo {
            match effect {
                Effect::Tell(progress) => seen.push(progress),
                Effect::Finish(outcome) => return (outcome, seen, state.messages().to_vec()),
                Effect::Fail(failure) => panic!("{failure:?}"),
                Effect::Run(wanted) => {
                    let answer = json!({ "task_id": format!("id-{}", wanted.input["title"].as_str().unwrap()) }).to_string();
                    next.extend(turn(&mut state, Event::ToolDone(Ok(answer))));
                }
                Effect::Ask(call) => {
                    for piece in pieces(model, &call).await.unwrap() {
                        next.extend(turn(&mut state, Event::Piece(piece)));
                    }
                    next.extend(turn(&mut state, Event::Answered));
                }
            }
        }
        todo = next;
    }
}

/// F-180…F-182, D-81: two rounds with two tools, thinking and text, put together from pieces of a few bytes; the second request carries the first answer
/// in the wire's own form, which the strict provider reads.
#[tokio::test]
async fn tools_go_over_every_wire() {
    for wire in Wire::ALL {
        let stub = Stub::start(wire, |asked| {
            assert!(asked.system.starts_with("be good") && asked.said == "[from Ann]: mäke two");
            if asked.results.is_empty() {
                assert!(asked.tools.contains_key("create_task"));
                let tool = |title: &str| Part::tool("create_task", &json!({ "title": title }));
                return Reply::Say(vec![Part::Thinking("hm, zwei".into()), Part::Text("I mäke them. ".into()), tool("a\"ä"), tool("b")]);
            }
            assert_eq!(asked.fact("/task_id"), Some(json!("id-b")), "the newest fact");
            let ids: Vec<_> =
                asked.results.iter().map(|(name, result)| format!("{name} {}", result["task_id"].as_str().unwrap())).collect();
            Reply::Say(vec![Part::Text(format!("✅ {}", ids.join(", ")))])
        })
        .await;
        let (outcome, seen, messages) = drive(stub.model().as_ref(), "mäke two").await;
        assert_eq!(outcome.text, "✅ create_task id-a\"ä, create_task id-b", "{wire:?}");
        let thought: String =
            seen.iter().filter_map(|progress| if let Progress::Thinking(text) = progress { Some(text.as_str()) } else { None }).collect();
        assert_eq!(thought, "hm, zwei", "{wire:?}");
        assert_eq!(messages[1].blocks.len(), 3, "{wire:?}");
        assert!(matches!(&messages[1].blocks[0], Block::Text(text) if text == "I mäke them. "));
        assert_eq!(stub.asked().len(), 2);
        let one = match wire {
            Wire::Anthropic => TokenUsage { input: 100, output: 20, cache_read: 50, cache_write: 7 },
            Wire::Ollama => TokenUsage { input: 150, output: 20, ..TokenUsage::default() },
            Wire::OpenAi => TokenUsage { input: 100, output: 20, cache_read: 50, cache_write: 0 },
        };
        assert_eq!(outcome.tokens.total(), 2 * one.total(), "{wire:?}: {:?}", outcome.tokens);
    }
}

/// D-82: the last call of a turn offers no tools, and still mentions those of the conversation where the wire needs it.
#[tokio::test]
async fn the_last_call_goes_over_every_wire() {
    for wire in Wire::ALL {
        let stub = Stub::start(wire, |asked| match (asked.results.len(), asked.tools.is_empty()) {
            (0, _) => Reply::Say(vec![Part::tool("create_task", &json!({ "title": "x" }))]),
            (_, false) => Reply::Say(Vec::new()),
            (_, true) => Reply::Say(vec![Part::Text("It is made.".into())]),
        })
        .await;
        let (outcome, _, _) = drive(stub.model().as_ref(), "go").await;
        assert_eq!((outcome.text.as_str(), stub.asked().len()), ("It is made.", 3), "{wire:?}");
    }
}

/// F-182: a model that is not in memory is announced first; the name counts up to the colon; an unanswered question counts as loaded.
#[tokio::test]
async fn a_cold_model_is_announced() {
    let cases: [(Option<&[&str]>, bool); 4] =
        [(Some(&["other:7b"]), true), (Some(&[]), true), (Some(&["other", "stub-model:70b-q4"]), false), (None, false)];
    for (loaded, announced) in cases {
        let stub = Stub::start(Wire::Ollama, |_| Reply::Say(vec![Part::Text("hi".into())])).await;
        stub.loaded(loaded);
        let pieces = pieces(stub.model().as_ref(), &call("x")).await.unwrap();
        assert_eq!(matches!(&pieces[0], Delta::Notice(text) if text.contains("stub-model is being loaded")), announced, "{loaded:?}");
        assert!(pieces.contains(&Delta::Text("hi".into())));
    }
}

/// F-184: a refused login is read again, and the call made once more; a second refusal is told.
#[tokio::test]
async fn a_renewed_login_is_picked_up() {
    let stub = Stub::start(Wire::Anthropic, |_| Reply::Say(vec![Part::Text("hi".into())])).await;
    stub.takes_token("first");
    let folder = tempfile::tempdir().unwrap();
    let write = |token: &str| {
        let text = json!({ "claudeAiOauth": { "accessToken": token } }).to_string();
        std::fs::write(folder.path().join(".credentials.json"), text).unwrap();
    };
    write("first");
    let clock: SharedClock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
    let login = Login { key: None, cli_folder: Some(folder.path().to_owned()), clock: Arc::clone(&clock) };
    let model = Anthropic::new(&stub.url, "m", login, Patience::default(), clock).unwrap();
    let _first = pieces(&model, &call("x")).await.unwrap();
    stub.takes_token("second");
    write("second");
    let _renewed = pieces(&model, &call("x")).await.unwrap();
    stub.takes_token("third");
    assert!(matches!(pieces(&model, &call("x")).await, Err(ModelError::Auth(words)) if words.contains("wrong credential")));
    assert_eq!(stub.asked().len(), 2);
}
