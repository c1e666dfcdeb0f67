//! Over HTTP: who gets in, what they are shown, what they can do.

use aq_core::principal::Role;
use aq_proto::v1 as pb;
use reqwest::StatusCode;
use serde_json::json;

use super::lab::Lab;

/// mcp R1, R2, R4: an administrator's assistant finds every tool, with hints, and works with them; errors of tools are for the model.
#[tokio::test]
async fn an_assistant_works_with_the_tools() {
    let lab = Lab::open().await;
    let admin = lab.key(Role::Admin, &[], None).await;
    let client = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } });
    let hello = lab.ask(&admin, "initialize", client).await;
    assert_eq!(hello["result"]["serverInfo"]["name"], "agent-queue", "{hello}");
    assert!(hello["result"]["capabilities"]["tools"].is_object() && hello["result"]["capabilities"]["resources"].is_null(), "{hello}");
    assert!(hello["result"]["instructions"].as_str().unwrap().contains("create_task"));
    let listed = lab.ask(&admin, "tools/list", json!({})).await;
    let tool = |name: &str| listed["result"]["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == name).unwrap().clone();
    assert_eq!(tool("create_task")["inputSchema"]["required"], json!(["project_id", "title"]));
    assert_eq!(tool("get_task")["annotations"]["readOnlyHint"], json!(true));
    assert_eq!(tool("delete_task")["annotations"]["destructiveHint"], json!(true));
    lab.server.admin().project("App").await;
    let made = lab.call(&admin, "create_task", json!({ "project_id": "app", "title": "From outside" })).await.unwrap();
    let stored = lab.server.admin().get_task(made["id"].as_str().unwrap()).await;
    assert_eq!(stored.title, "From outside");
    let refused = lab.call(&admin, "create_task", json!({ "project_id": "app", "title": 7 })).await.unwrap_err();
    assert_eq!(refused, "the arguments do not fit: `title` must be a text, not a number");
    let refused = lab.call(&admin, "create_tusk", json!({})).await.unwrap_err();
    assert_eq!(refused, "there is no tool `create_tusk`; did you mean `create_task`?");
    let pong = lab.ask(&admin, "ping", json!({})).await;
    assert_eq!(pong["result"], json!({}));
    assert!(lab.ask(&admin, "resources/list", json!({})).await["error"]["code"].is_number());
}

/// mcp R1, R13, I-41: each role is shown what it may use, and nothing else works; what lies outside its projects is not there.
#[tokio::test]
async fn a_key_reaches_what_its_role_allows() {
    let lab = Lab::open().await;
    for name in ["App", "Web"] {
        lab.server.admin().project(name).await;
    }
    let (own, other) = (lab.server.admin().task("app", "Own").await, lab.server.admin().task("app", "Other").await);
    let viewer = lab.key(Role::Viewer, &["app"], None).await;
    let shown = lab.tools(&viewer).await;
    assert!(shown.contains("list_tasks") && !shown.contains("create_task") && !shown.contains("stop_task"));
    let refused = lab.call(&viewer, "create_task", json!({ "project_id": "app", "title": "x" })).await.unwrap_err();
    assert_eq!(refused, "the tool `create_task` is not for an API key with role viewer");
    assert!(lab.call(&viewer, "get_project", json!({ "project_id": "web" })).await.unwrap_err().contains("PROJECT_NOT_FOUND"));

    let agent = lab.key(Role::Run, &["app"], Some(&own.id)).await;
    let shown = lab.tools(&agent).await;
    assert!(
        ["get_task", "get_run", "get_task_result", "propose_task", "report_progress"].iter().all(|tool| shown.contains(*tool)),
        "{shown:?}"
    );
    let told = lab.call(&agent, "get_task", json!({})).await.unwrap();
    assert_eq!(told["task"]["id"], json!(own.id));
    assert!(lab.call(&agent, "get_task", json!({ "task_id": other.id })).await.unwrap_err().contains("TASK_NOT_FOUND"));
    let proposed = lab.call(&agent, "propose_task", json!({ "title": "And this" })).await.unwrap();
    let stored = lab.server.admin().get_task(proposed["task_id"].as_str().unwrap()).await;
    assert_eq!((stored.status(), stored.parent_task_id), (pb::TaskStatus::Blocked, own.id.clone()));
    let admin = lab.key(Role::Admin, &[], None).await;
    for tool in lab.tools(&admin).await.difference(&shown) {
        let refused = lab.call(&agent, tool, json!({ "task_id": own.id })).await.unwrap_err();
        assert!(refused.contains("is not for an API key with role run"), "{tool}: {refused}");
    }
}

/// mcp R7, R8: without a right key nothing is looked at; foreign hosts, pages of browsers, other paths and methods, and what is too large stay outside.
#[tokio::test]
async fn nobody_else_gets_in() {
    let lab = Lab::open().await;
    let admin = lab.key(Role::Admin, &[], None).await;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
    let none = lab.post(ping.clone()).send().await.unwrap();
    assert_eq!((none.status(), none.headers()["www-authenticate"].to_str().unwrap()), (StatusCode::UNAUTHORIZED, "Bearer"));
    for wrong in [format!("{admin}x"), admin.replace("aq_", "bq_"), "null".to_owned(), String::new()] {
        let answer = lab.post(ping.clone()).bearer_auth(wrong).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    let basic = lab.post(ping.clone()).basic_auth("admin", Some(&admin)).send().await.unwrap();
    assert_eq!(basic.status(), StatusCode::UNAUTHORIZED);
    let with = |name: &'static str, value: &'static str| lab.post(ping.clone()).bearer_auth(&admin).header(name, value);
    assert_eq!(with("host", "evil.example").send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(with("origin", "http://evil.example").send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(with("x-anything", "1").send().await.unwrap().status(), StatusCode::OK);
    let other = lab.client().post(lab.url.replace("/mcp", "/other")).bearer_auth(&admin).send().await.unwrap();
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
    let got = lab.client().get(&lab.url).bearer_auth(&admin).header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(got.status(), StatusCode::METHOD_NOT_ALLOWED);
    let large = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    assert_eq!(lab.post(large).bearer_auth(&admin).send().await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    for broken in ["", "{", "[]", "null", "{\"jsonrpc\":\"1.0\"}", "\u{0}"] {
        let answer = lab.post(broken).bearer_auth(&admin).send().await.unwrap();
        assert!(answer.status().is_client_error(), "{broken:?}: {}", answer.status());
    }
    let refused = lab.ask(&admin, "tools/call", json!({ "name": "list_tasks", "arguments": { "page_size": "many" } })).await;
    assert_eq!(refused["result"]["isError"], json!(true), "{refused}");
}

/// mcp R17: a key that calls too fast is told when to try again, by an error that its model reads; other keys are not held up, and looking what tools there
/// are is not counted.
#[tokio::test]
async fn a_key_that_runs_wild_waits() {
    let lab = Lab::open_at(1).await;
    let (wild, calm) = (lab.key(Role::Admin, &[], None).await, lab.key(Role::Viewer, &[], None).await);
    let mut refused = Vec::new();
    for _ in 0..200 {
        refused.extend(lab.call(&wild, "get_status", json!({})).await.err());
        if refused.len() == 3 {
            break;
        }
    }
    for text in &refused {
        assert!(text.starts_with("too many calls of tools with this API key; try again in "), "{text}");
        assert!(text.ends_with(" [RATE_LIMITED]"), "{text}");
    }
    assert_eq!(refused.len(), 3);
    assert!(!lab.tools(&wild).await.is_empty());
    lab.call(&calm, "get_status", json!({})).await.unwrap();
}

/// mcp R5: the end of the server ends the listener, and no message of before is missed by those after.
#[tokio::test]
async fn it_ends_with_the_server() {
    let lab = Lab::open().await;
    let admin = lab.key(Role::Admin, &[], None).await;
    // No greeting is needed first: every message brings along what it needs.
    assert!(!lab.tools(&admin).await.is_empty());
    lab.stop.cancel();
    let client = lab.client().clone();
    lab.serving.await.unwrap();
    let gone = client.post(&lab.url).send().await;
    assert!(gone.is_err_and(|error| error.is_connect()));
}
