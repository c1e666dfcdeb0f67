//! What calling a tool does, and for whom.

use aq_core::principal::{Principal, Role};
use aq_server::tools::{Registry, ToolBox as _, ToolError};
use serde_json::{Value, json};

use crate::api::fixture::{Server, principal};

async fn open() -> (Server, Registry) {
    let server = Server::start().await;
    let registry = Registry::new(server.api.inside()).unwrap();
    (server, registry)
}

/// tools R8, R10, F-173: a tool has the effect of its call, once for each request id.
#[tokio::test]
async fn a_tool_has_one_effect() {
    let (server, registry) = open().await;
    let admin = principal(Role::Admin, &[]);
    server.admin().project("App").await;
    let task = json!({ "project_id": "app", "title": "Task", "request_id": "turn-1" });
    let first = registry.call(&admin, "create_task", task.clone()).await.unwrap();
    let again = registry.call(&admin, "create_task", task).await.unwrap();
    assert_eq!(first["id"], again["id"]);
    let other = registry.call(&admin, "create_task", json!({ "project_id": "app", "title": "Task" })).await.unwrap();
    assert_ne!(first["id"], other["id"]);
    let stored = server.admin().get_task(first["id"].as_str().unwrap()).await;
    assert_eq!(stored.title, "Task");
}

/// tools R2, R10, I-41: a role does with tools what it does with calls, and no more; what lies outside its projects is not there.
#[tokio::test]
async fn authority_is_that_of_the_caller() {
    let (server, registry) = open().await;
    for name in ["App", "Web"] {
        server.admin().project(name).await;
    }
    let task = server.admin().task("web", "Hidden").await;
    let viewer = principal(Role::Viewer, &[]);
    for (tool, _) in registry.all().filter(|(tool, _)| tool.mutates) {
        let refused = registry.call(&viewer, &tool.name, json!({})).await.unwrap_err();
        assert!(matches!(refused, ToolError::Forbidden { .. }), "{}: {refused:?}", tool.name);
    }
    let scoped = principal(Role::Operator, &["app"]);
    let refused = registry.call(&scoped, "get_task", json!({ "task_id": task.id })).await.unwrap_err();
    assert_eq!((refused.reason(), refused.to_string()), ("TASK_NOT_FOUND", format!("task `{}` not found [TASK_NOT_FOUND]", task.id)));
    let listed = registry.call(&scoped, "list_projects", Value::Null).await.unwrap();
    assert_eq!((listed["total_size"].clone(), listed["projects"][0]["id"].clone()), (json!(1), json!("app")));
    let nobody = Principal { on_behalf_of: None, ..principal(Role::Gateway, &[]) };
    let refused = registry.call(&nobody, "create_task", json!({ "project_id": "app", "title": "x" })).await.unwrap_err();
    assert!(refused.to_string().contains("for a person only"), "{refused}");
}

/// tools R12: refusals are sentences with their fields and their reason; unknown tools are told with the nearest one.
#[tokio::test]
async fn refusals_say_what_helps() {
    let (server, registry) = open().await;
    let admin = principal(Role::Admin, &[]);
    let text = |refused: ToolError| refused.to_string();
    let refused = registry.call(&admin, "creat_task", json!({})).await.unwrap_err();
    assert_eq!(text(refused), "there is no tool `creat_task`; did you mean `create_task`?");
    let refused = registry.call(&admin, "drop_tables", json!({})).await.unwrap_err();
    assert_eq!(text(refused), "there is no tool `drop_tables`");
    let refused = registry.call(&admin, "create_api_key", json!({})).await.unwrap_err();
    assert_eq!(refused.reason(), "UNKNOWN_TOOL");
    let refused = registry.call(&admin, "create_task", json!({ "project_id": "nowhere", "title": "x" })).await.unwrap_err();
    assert_eq!(refused.reason(), "PROJECT_NOT_FOUND");
    server.admin().project("App").await;
    let refused = registry.call(&admin, "create_task", json!({ "project_id": "app" })).await.unwrap_err();
    assert!(text(refused).starts_with("title: "));
    let task = server.admin().task("app", "Task").await;
    let refused = registry.call(&admin, "approve_task", json!({ "task_id": task.id })).await.unwrap_err();
    assert!(text(refused).contains("READY"));
}

/// tools R9, R10: an agent reaches its own task without naming it, and no other.
#[tokio::test]
async fn an_agent_means_its_own_task() {
    let (server, registry) = open().await;
    server.admin().project("App").await;
    let (own, other) = (server.admin().task("app", "Own").await, server.admin().task("app", "Other").await);
    let run = aq_core::ids::RunRef { task: aq_core::ids::TaskId::parse(&own.id).unwrap(), number: 1 };
    let agent = Principal { run: Some(run), ..principal(Role::Run, &["app"]) };
    let told = registry.call(&agent, "get_task", Value::Null).await.unwrap();
    assert_eq!(told["task"]["id"], json!(own.id));
    let refused = registry.call(&agent, "get_task", json!({ "task_id": other.id })).await.unwrap_err();
    assert_eq!(refused.reason(), "TASK_NOT_FOUND");
    let proposed = registry.call(&agent, "propose_task", json!({ "title": "And this" })).await.unwrap();
    assert_eq!(proposed["waits_for_approval"], json!(true));
    let mut reached = Vec::new();
    for (tool, _) in registry.all() {
        if !matches!(registry.call(&agent, &tool.name, json!({})).await, Err(ToolError::Forbidden { .. })) {
            reached.push(tool.name.clone());
        }
    }
    let shown: Vec<_> = registry.list(&agent, &["*"]).iter().map(|tool| tool.name.clone()).collect();
    assert_eq!(reached, shown, "what is shown is what is reached");
}

/// tools R13: a run's output is read in parts.
#[tokio::test]
async fn output_is_read_in_parts() {
    let (server, registry) = open().await;
    let admin = principal(Role::Admin, &[]);
    server.admin().project("App").await;
    let task = server.admin().task("app", "Task").await;
    let none = registry.call(&admin, "read_run_output", json!({ "task_id": task.id })).await.unwrap();
    assert_eq!((&none["items"], &none["more"]), (&json!([]), &json!(false)), "{none}");
    let refused = registry.call(&admin, "read_run_output", json!({})).await.unwrap_err();
    assert!(refused.to_string().contains("task_id"), "{refused}");
}
