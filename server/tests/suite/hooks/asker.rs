//! A hook's model with real tools: what it may do is what its owner may, in the hook's project, and it leaves hooks alone (F-145, F-148).

use std::sync::Arc;

use aq_core::chat::{Block, Delta, ModelCall, RawToolUse, StopReason};
use aq_core::hook::{Action, Hook, RunState, Trigger};
use aq_core::ids::{ProjectId, TaskId};
use aq_core::output::TokenUsage;
use aq_core::principal::{ProjectScope, Role};
use aq_core::task::TaskOrigin;
use aq_server::chat::Books;
use aq_server::chat_models::Scripted;
use aq_server::clock::Clock;
use aq_server::commands::{self, Context};
use aq_server::hooks::{Asker, HookEngine, Parts};
use aq_server::store::{api_keys, new_key};
use aq_server::tools::{Registry, ToolBox};

use super::world::{Outside, add, draft, fire, ledger, parts, rules};
use crate::api::fixture::Server;

fn usage() -> Delta {
    Delta::Usage(TokenUsage { input: 100, output: 10, ..TokenUsage::default() })
}

/// A model that wants these tools one after the other, and then repeats what the last one answered.
fn wants(tools: Vec<(&'static str, String)>) -> Scripted {
    Scripted::new(move |call: &ModelCall| {
        let answered =
            call.messages.iter().flat_map(|message| &message.blocks).filter(|block| matches!(block, Block::ToolResult(_))).count();
        let Some((name, arguments)) = tools.get(answered) else {
            let mut last = call.messages.iter().flat_map(|message| &message.blocks).filter_map(|block| match block {
                Block::ToolResult(result) => Some(result.content.clone()),
                _ => None,
            });
            let text = Delta::Text(last.next_back().unwrap_or_default());
            return Ok(vec![Ok(text), Ok(usage()), Ok(Delta::Stop(StopReason::Finished))]);
        };
        assert!(call.tools.iter().any(|tool| tool.name == *name), "{name} is offered");
        let wanted = RawToolUse { id: format!("u{answered}"), name: (*name).to_owned(), arguments: arguments.clone() };
        Ok(vec![Ok(Delta::ToolUse(wanted)), Ok(usage()), Ok(Delta::Stop(StopReason::ToolUse))])
    })
}

fn ask() -> Action {
    Action::AskModel { prompt: "Look after {{event.name}}".into(), provider: String::new(), model: String::new(), timeout_ms: 60_000 }
}

async fn engine(server: &Server, model: &Arc<Scripted>) -> HookEngine {
    let tools = Arc::new(Registry::new(server.api.inside()).unwrap()) as Arc<dyn ToolBox>;
    let books = Books { engine: server.inner.engine.clone(), clock: Arc::clone(&server.inner.clock) as Arc<dyn Clock> };
    let asker = Asker::new(Arc::clone(model) as Arc<dyn aq_core::chat::ChatModel>, tools, books);
    let outside = Arc::new(Outside::default());
    HookEngine::new(Parts { model: Some(Arc::new(asker)), ..parts(&server.inner, &outside) }).await.unwrap()
}

/// F-145, F-148: the model of a hook creates a task through the same command as everybody; the task is known as the hook's, its tokens are the run's.
#[tokio::test]
async fn a_model_makes_a_task_in_the_hooks_project() {
    let server = Server::start().await;
    server.admin().project("Web").await;
    server.admin().project("Other").await;
    let project = ProjectId::parse("web").unwrap();
    let add_hook = Hook { actions: vec![ask()], ..draft(&project, "hk-1", Trigger::Manual, &server.inner) };
    add(&server.inner, add_hook).await;
    let model = Arc::new(wants(vec![
        ("create_task", r#"{"project_id":"other","title":"Elsewhere"}"#.into()),
        ("create_task", r#"{"project_id":"web","title":"Fix the tests"}"#.into()),
        ("load_tools", r#"{"groups":["hook"]}"#.into()),
        ("fire_hook", r#"{"hook_id":"hk-1"}"#.into()),
    ]));
    let mut hooks = engine(&server, &model).await;
    fire(&server.inner, "hk-1", "hr-1", Some(serde_json::json!({ "name": "ci" }))).await.unwrap();
    hooks.settle().await.unwrap();
    let run = ledger(&server.inner, "hk-1").await.remove(0);
    assert_eq!((run.state, run.tokens), (RunState::Completed, 550), "{run:?}");
    let steps = run.actions[0]["tools"].as_array().unwrap().iter().filter(|tool| tool["name"] != "load_tools");
    let steps: Vec<_> = steps.map(|tool| (tool["name"].clone(), tool["failed"].clone())).collect();
    let expected = [("create_task", true), ("create_task", false), ("fire_hook", true)];
    assert_eq!(steps, expected.map(|(name, failed)| (name.into(), failed.into())));
    let asked = model.asked();
    assert!(asked[0].system.contains("hook") && format!("{:?}", asked[0].messages).contains("Look after ci"));
    let made = format!("{:?}", asked.last().unwrap().messages);
    assert!(made.contains("not found") && made.contains("may not"), "{made}");
    let usage = aq_proto::v1::GetTokenUsageRequest { project_id: "web".into(), ..Default::default() };
    let total = server.admin().accounts().get_token_usage(usage).await.unwrap().into_inner().total.unwrap();
    assert_eq!((total.input, total.output), (500, 50), "what a hook's model uses is in the ledger like all else");
    let list = aq_proto::v1::ListTasksRequest { include_finished: true, ..Default::default() };
    let tasks = server.admin().tasks().list_tasks(list).await.unwrap().into_inner().tasks;
    assert_eq!(tasks.iter().map(|task| task.title.as_str()).collect::<Vec<_>>(), ["Fix the tests"]);
    let task = server.inner.get(&TaskId::parse(&tasks[0].id).unwrap()).await;
    assert_eq!(task.origin, TaskOrigin::Hook);
}

/// Hooks R12, R14: an operator's hook has the tools of operators only. The hook is made by an administrator's key and changed by nobody else, so the key is
/// stored with a smaller role here.
#[tokio::test]
async fn a_model_has_the_tools_of_its_owner() {
    let server = Server::start().await;
    server.admin().project("Web").await;
    let project = ProjectId::parse("web").unwrap();
    let now = server.inner.clock.now();
    let made = new_key(Role::Viewer, ProjectScope::All, "looks", now, None);
    let record = made.record.clone();
    server.inner.engine.submit(move |tx| api_keys::insert(tx.db, &record)).await.unwrap();
    let context = Context::new(made.record.principal(), now);
    let hook = Hook { actions: vec![ask()], ..draft(&project, "hk-1", Trigger::Manual, &server.inner) };
    server.inner.engine.submit(move |tx| commands::hooks::create(tx, &context, &rules(), &hook)).await.unwrap();
    let model = Arc::new(Scripted::new(|call: &ModelCall| {
        assert!(call.tools.iter().all(|tool| tool.name != "create_task"), "a viewer's hook is offered no such tool");
        let wanted = RawToolUse { id: "u".into(), name: "create_task".into(), arguments: r#"{"project_id":"web","title":"x"}"#.into() };
        let first = !format!("{:?}", call.messages).contains("ToolResult");
        let piece = if first { Delta::ToolUse(wanted) } else { Delta::Text("it was refused".into()) };
        let stop = if first { StopReason::ToolUse } else { StopReason::Finished };
        Ok(vec![Ok(piece), Ok(usage()), Ok(Delta::Stop(stop))])
    }));
    let mut hooks = engine(&server, &model).await;
    fire(&server.inner, "hk-1", "hr-1", None).await.unwrap();
    hooks.settle().await.unwrap();
    let run = ledger(&server.inner, "hk-1").await.remove(0);
    assert_eq!((run.state, run.response.as_str()), (RunState::Completed, "it was refused"));
    let tasks = server.admin().tasks().list_tasks(aq_proto::v1::ListTasksRequest::default()).await.unwrap().into_inner().tasks;
    assert!(tasks.is_empty());
}

/// Hooks R14, chat R12: a cap below what the first call can cost asks nobody, and the run says what to set; with what it says the model is asked. A text that no
/// cap helps is told as one.
#[tokio::test]
async fn a_cap_that_is_too_small_says_which_is_not() {
    let server = Server::start().await;
    server.admin().project("Web").await;
    let project = ProjectId::parse("web").unwrap();
    let model = Arc::new(wants(Vec::new()));
    let mut hooks = engine(&server, &model).await;
    let run = async |hooks: &mut HookEngine, id: &'static str, cap: u64, name: String| {
        let prompt = "Look after {{event.name}} and {{event.name}} and {{event.name}}".into();
        let action = Action::AskModel { prompt, provider: String::new(), model: String::new(), timeout_ms: 60_000 };
        let hook = Hook { actions: vec![action], max_tokens_per_run: Some(cap), ..draft(&project, id, Trigger::Manual, &server.inner) };
        add(&server.inner, hook).await;
        fire(&server.inner, id, &format!("run-of-{id}"), Some(serde_json::json!({ "name": name }))).await.unwrap();
        hooks.settle().await.unwrap();
        ledger(&server.inner, id).await.remove(0)
    };
    let refused = run(&mut hooks, "hk-1", 2000, "ci".into()).await;
    assert_eq!((refused.state, refused.tokens, model.asked().len()), (RunState::Failed, 0, 0), "{refused:?}");
    assert!(refused.note.contains("nobody was asked") && refused.note.contains("may use 2000 (max_tokens_per_run)"), "{}", refused.note);
    let advised: u64 = refused.note.split("; allow ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let asked = run(&mut hooks, "hk-2", advised, "ci".into()).await;
    assert!(asked.state == RunState::Completed && !model.asked().is_empty(), "{asked:?}");
    let long = run(&mut hooks, "hk-3", advised, "x".repeat(200_000)).await;
    assert!(long.state == RunState::Failed && long.note.contains("shorten the prompt"), "{}", long.note);
}
