//! Message by message, as the bridge sends them.

use aq_core::ids::{RunRef, TaskId};
use aq_core::principal::{Principal, Role};
use aq_proto::v1 as pb;
use pb::mcp_service_client::McpServiceClient;
use serde_json::{Value, json};
use tonic::Code;

use super::lab::{Lab, told};
use crate::api::fixture::{Server, principal, refusal};

async fn exchange(server: &Server, caller: Principal, message: &Value, request_id: &str) -> Result<String, tonic::Status> {
    let request = pb::ExchangeMcpMessageRequest { message: message.to_string(), request_id: request_id.to_owned() };
    let answer = McpServiceClient::new(server.client(caller)).exchange_mcp_message(request).await?;
    Ok(answer.into_inner().message)
}

fn call(tool: &str, arguments: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": { "name": tool, "arguments": arguments } })
}

/// mcp R9: a message and its answer are what they are over HTTP; a notification has none; a repeated one has one effect.
#[tokio::test]
async fn messages_are_answered_as_over_http() {
    let lab = Lab::open().await;
    let admin = || principal(Role::Admin, &[]);
    lab.server.admin().project("App").await;
    let note = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(exchange(&lab.server, admin(), &note, "").await.unwrap(), "");
    let make = call("create_task", json!({ "project_id": "app", "title": "Once" }));
    let (first, again) =
        (exchange(&lab.server, admin(), &make, "m-1").await.unwrap(), exchange(&lab.server, admin(), &make, "m-1").await.unwrap());
    let parsed: Value = serde_json::from_str(&first).unwrap();
    let made = told(&parsed).unwrap();
    assert_eq!((&parsed["id"], &first), (&json!("a"), &again));
    let look = call("list_tasks", json!({}));
    let listed: Value = serde_json::from_str(&exchange(&lab.server, admin(), &look, "m-2").await.unwrap()).unwrap();
    let listed = told(&listed).unwrap();
    assert_eq!((&listed["total_size"], &listed["tasks"][0]["id"]), (&json!(1), &made["id"]));
}

/// mcp R9, R13: the caller of the exchange is the caller of the tool.
#[tokio::test]
async fn the_exchange_lends_no_authority() {
    let lab = Lab::open().await;
    lab.server.admin().project("App").await;
    let task = lab.server.admin().task("app", "Own").await;
    let make = call("create_task", json!({ "project_id": "app", "title": "x" }));
    let run = RunRef { task: TaskId::parse(&task.id).unwrap(), number: 1 };
    let agent = Principal { run: Some(run), ..principal(Role::Run, &["app"]) };
    for caller in [principal(Role::Viewer, &[]), agent] {
        let answer: Value = serde_json::from_str(&exchange(&lab.server, caller, &make, "").await.unwrap()).unwrap();
        assert!(told(&answer).unwrap_err().contains("is not for an API key with role"), "{answer}");
    }
    assert_eq!(lab.server.admin().tasks().list_tasks(pb::ListTasksRequest::default()).await.unwrap().into_inner().total_size, 1);
}

/// mcp R9, contract R10: what is no message of the protocol is refused with its field; before the tools are served the caller is told to wait.
#[tokio::test]
async fn what_is_no_message_is_refused() {
    let lab = Lab::open().await;
    for message in
        [json!(null), json!([]), json!("text"), json!({}), json!({ "jsonrpc": "2.0" }), json!({ "jsonrpc": "2.0", "id": {}, "method": 1 })]
    {
        match exchange(&lab.server, principal(Role::Admin, &[]), &message, "").await {
            Err(status) => assert_eq!((status.code(), refusal(&status).2.as_str()), (Code::InvalidArgument, "message"), "{message}"),
            Ok(answer) => assert!(answer.contains("\"error\""), "{message}: {answer}"),
        }
    }
    let bare = Server::start().await;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let status = exchange(&bare, principal(Role::Admin, &[]), &ping, "").await.unwrap_err();
    assert_eq!((status.code(), refusal(&status).1.as_str()), (Code::FailedPrecondition, "MCP_NOT_READY"));
}
