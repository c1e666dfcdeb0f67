//! Models that misbehave, authority, files: clear words, bounded cost, nothing half-done.

use std::sync::Arc;

use aq_core::chat::{Delta, ModelError, NAMED_TOOLS, RawToolUse};
use aq_core::principal::Role;
use aq_proto::error_detail::ErrorDetail;
use aq_proto::v1 as pb;
use aq_server::chat_models::Scripted;
use serde_json::{Value, json};
use tonic::Code;

use super::world::World;
use crate::api::fixture::principal;
use crate::chat_models::stub::{Reply, Stub};
use crate::chat_models::words::{Part, Wire};

fn wants(tool: &str, arguments: &str) -> Result<Delta, ModelError> {
    Ok(Delta::ToolUse(RawToolUse { id: "1".into(), name: tool.into(), arguments: arguments.into() }))
}

/// F-177, D-79: the tools that the prompt's rules name are tools.
#[tokio::test]
async fn the_prompt_names_tools_that_exist() {
    let world = World::start().await;
    let model = Arc::new(Scripted::new(|_| Ok(vec![Ok(Delta::Text("hi".into()))])));
    world.talker(Arc::clone(&model) as _).says(Role::Admin, "app", "hi").await.unwrap();
    let call = &model.asked()[0];
    let unknown: Vec<_> = futures_util::future::join_all(NAMED_TOOLS.map(|name| {
        let world = world.clone();
        async move { (name, world.read(name, json!({})).await) }
    }))
    .await
    .into_iter()
    .filter(|(_, answer)| answer.as_ref().is_err_and(|error| error.contains("there is no tool")))
    .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    // The first call of a turn stays small, whatever the contract grows to.
    let size: usize = call.tools.iter().map(|tool| tool.description.len() + tool.schema.to_string().len()).sum();
    assert!(call.tools.len() < 25 && size < 48 * 1024, "{} tools with {size} bytes", call.tools.len());
}

/// F-148, chat R3: the model has the caller's rights and no others, whatever it tries.
#[tokio::test]
async fn a_viewers_model_changes_nothing() {
    let world = World::start().await;
    let everything: Vec<String> = {
        let admin = Arc::new(Scripted::new(|_| Ok(vec![Ok(Delta::Text("hi".into()))])));
        let other = World::start().await;
        other.talker(Arc::clone(&admin) as _).says(Role::Admin, "", "hi").await.unwrap();
        vec!["create_task", "stop_task", "delete_project", "shutdown", "create_plan", "approve_task", "create_api_key", "set_budget"]
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    let before = world.read("list_tasks", json!({ "include_finished": true })).await.unwrap();
    let id = world.named("$C");
    let model = Scripted::new(move |call| {
        if call.messages.len() > 1 {
            return Ok(vec![Ok(Delta::Text("it refused".into()))]);
        }
        let arguments = json!({ "project_id": "app", "title": "x", "task_id": id }).to_string();
        Ok(everything.iter().map(|tool| wants(tool, &arguments)).collect())
    });
    let heard = world.talker(Arc::new(model)).says(Role::Viewer, "app", "do it").await.unwrap();
    assert_eq!((heard.done.len(), heard.failed.len()), (0, 8), "{:?}", heard.failed);
    assert_eq!(world.read("list_tasks", json!({ "include_finished": true })).await.unwrap(), before);
}

/// Bad input from models: unknown tools, arguments of the wrong type, the word null as an id, loops without end; each ends with words, at a bounded cost,
/// and nothing is half-written.
#[tokio::test]
async fn bad_models_are_bounded() {
    let cases: [(&str, &str, &str); 6] = [
        ("no such tool", "drop_tables", "{}"),
        ("malformed", "create_task", "{\"project_id\": \"app\", \"title\": \"ha"),
        ("wrong type", "create_task", "{\"project_id\": \"app\", \"title\": [1, 2]}"),
        ("null as an id", "stop_task", "{\"task_id\": \"null\"}"),
        ("unknown argument", "create_task", "{\"project_id\": \"app\", \"title\": \"x\", \"colour\": \"red\"}"),
        ("the same for ever", "get_status", "{}"),
    ];
    for (name, tool, arguments) in cases {
        let world = World::start().await;
        let model = Arc::new(Scripted::new(move |call| {
            if call.may_use_tools { Ok(vec![wants(tool, arguments)]) } else { Ok(vec![Ok(Delta::Text("I give up.".into()))]) }
        }));
        let heard = world.talker(Arc::clone(&model) as _).says(Role::Admin, "app", "go").await.unwrap();
        assert_eq!((heard.text.as_str(), heard.finished.ending()), ("I give up.", pb::ChatEnding::Loop), "{name}");
        assert!(model.asked().len() <= 9, "{name}: {}", model.asked().len());
        let all = world.read("list_tasks", json!({ "include_finished": true })).await.unwrap();
        assert_eq!(all["total_size"], 4, "{name}");
    }
}

/// Bad input over the wire: a long answer is cut with a word, a break in the middle is an error that says what was done before.
#[tokio::test]
async fn long_and_broken_answers_are_told() {
    let world = World::start().await;
    let stub = Stub::start(Wire::Anthropic, |asked| match asked.results.len() {
        0 => Reply::Say(vec![Part::tool("create_task", &json!({ "project_id": "app", "title": "Made before" }))]),
        _ => Reply::Break(vec![Part::Text("and then it".into())], 400),
    })
    .await;
    let status = world.talker(stub.model()).says(Role::Operator, "app", "go").await.unwrap_err();
    let detail = ErrorDetail::of(&status).unwrap();
    assert_eq!((status.code(), detail.reason.as_str()), (Code::Unavailable, "MODEL_UNAVAILABLE"), "{status:?}");
    assert!(status.message().contains("done before that: create_task"), "{status:?}");
    let world = World::start().await;
    let stub = Stub::start(Wire::Ollama, |_| Reply::Say(vec![Part::Text("long ".repeat(210_000))])).await;
    let heard = world.talker(stub.model()).says(Role::Operator, "app", "go").await.unwrap();
    assert_eq!((heard.text.len() <= 256 * 1024, heard.finished.ending()), (true, pb::ChatEnding::TooLong));
}

/// chat R7: what a provider says becomes a status that a client can act on.
#[tokio::test]
async fn errors_of_models_have_a_code() {
    let told = |error: ModelError| async move {
        let world = World::start().await;
        let model = Scripted::new(move |_| Err(error.clone()));
        let status = world.talker(Arc::new(model)).says(Role::Operator, "", "go").await.unwrap_err();
        let detail = ErrorDetail::of(&status).unwrap();
        (status.code(), detail.reason, detail.retry_after)
    };
    let (code, reason, _) = told(ModelError::Auth("no".into())).await;
    assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "CHAT_LOGIN_REFUSED"));
    let (code, reason, wait) = told(ModelError::Limited { retry_after_ms: Some(90_000), message: "no".into() }).await;
    assert_eq!((code, reason.as_str(), wait), (Code::ResourceExhausted, "MODEL_LIMITED", Some(std::time::Duration::from_secs(90))));
    let (code, reason, _) = told(ModelError::Rejected("no such model".into())).await;
    assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "MODEL_REJECTED"));
    let (code, reason, _) = told(ModelError::Malformed("no".into())).await;
    assert_eq!((code, reason.as_str()), (Code::Unavailable, "MODEL_UNREADABLE"));
}

/// F-171, D-73: files of workspaces are read and searched, linked ones too; what is outside, or of a project that the caller does not see, is not.
#[tokio::test]
async fn files_are_read_beneath_workspaces() {
    let world = World::start().await;
    let home = world.server.inner.home.path().to_owned();
    let work = home.join("linked/real");
    std::fs::create_dir_all(work.join("src")).unwrap();
    std::fs::write(work.join("src/main.rs"), "fn main() {\n    needle();\n}\n").unwrap();
    std::fs::write(home.join("secret"), "outside").unwrap();
    let linked = json!({ "project_id": "app", "kind": "LINK", "source": home.join("linked").to_string_lossy() });
    world.read("add_workspace", linked).await.unwrap();
    let file = work.join("src/main.rs").to_string_lossy().into_owned();
    let steps: Vec<(&str, Value)> = vec![
        ("read_file", json!({ "path": file, "from_line": 2, "max_lines": 1 })),
        ("search_files", json!({ "pattern": "needle", "path": work.to_string_lossy() })),
        ("search_files", json!({ "pattern": "*.rs", "path": work.to_string_lossy(), "mode": "find" })),
        ("read_file", json!({ "path": home.join("secret").to_string_lossy() })),
        ("read_file", json!({ "path": format!("{}/../../secret", work.display()) })),
        ("read_file", json!({ "path": "/etc/passwd" })),
    ];
    let script = move |call: &aq_core::chat::ModelCall| match call.messages.len() {
        1 => Ok(vec![wants("load_tools", "{\"groups\":[\"file\"]}")]),
        3 => Ok(steps.iter().map(|(tool, arguments)| wants(tool, &arguments.to_string())).collect()),
        _ => Ok(vec![Ok(Delta::Text("read".into()))]),
    };
    let talker = world.talker(Arc::new(Scripted::new(script)));
    let heard = talker.says(Role::Viewer, "app", "read").await.unwrap();
    let results: Vec<(bool, String)> = heard
        .events
        .iter()
        .filter_map(|event| match event {
            pb::chat_response::Event::ToolEnded(ended) if ended.tool != "load_tools" => Some((ended.failed, ended.result_json.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(results.iter().map(|(failed, _)| *failed).collect::<Vec<_>>(), [false, false, false, true, true, true], "{results:?}");
    let read: Value = serde_json::from_str(&results[0].1).unwrap();
    assert_eq!(
        (&read["content"], &read["lines"], &read["more"]),
        (&json!("    needle();"), &json!(3), &json!("call again with from_line 3"))
    );
    assert!(results[1].1.contains("\"line\":2") && results[2].1.contains("main.rs"), "{results:?}");
    let request = pb::ChatRequest { text: "read".into(), ..Default::default() };
    let heard = talker.asks(principal(Role::Viewer, &["web"]), request).await.unwrap();
    assert!(!heard.done.contains(&"read_file".to_owned()) && !heard.done.contains(&"search_files".to_owned()), "{:?}", heard.done);
}
