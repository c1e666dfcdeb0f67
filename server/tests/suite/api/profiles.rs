//! Profiles of agents through the API: what they may hold, and what never comes back.

use aq_proto::v1 as pb;
use aq_server::store::agents;
use prost_types::FieldMask;
use tonic::Code;

use super::fixture::{Server, refusal};

fn secret(name: &str, value: &str) -> pb::NamedSecret {
    pb::NamedSecret { name: name.into(), value: value.into() }
}

fn program(name: &str) -> pb::McpServer {
    let env = vec![secret("TOKEN", "s3cret")];
    pb::McpServer { name: name.into(), command: "tools".into(), args: vec!["-v".into()], env, ..Default::default() }
}

fn remote(name: &str) -> pb::McpServer {
    let headers = vec![secret("Authorization", "Bearer s3cret")];
    pb::McpServer { name: name.into(), url: "https://tools.example".into(), headers, ..Default::default() }
}

fn create(runtime: pb::Runtime, profile: pb::RuntimeProfile) -> pb::CreateAgentRequest {
    pb::CreateAgentRequest { name: "Vega".into(), runtime: runtime.into(), profile: Some(profile), ..Default::default() }
}

/// profile R5: secrets of MCP servers are stored and never shown; an empty value keeps what is stored under the server's name.
#[tokio::test]
async fn secrets_of_servers_stay() {
    let server = Server::start().await;
    let admin = server.admin();
    let profile = pb::RuntimeProfile { mcp_servers: vec![program("lab"), remote("far")], ..Default::default() };
    let made = admin.agents().create_agent(create(pb::Runtime::Claude, profile)).await.unwrap().into_inner();
    let mut shown = made.profile.unwrap();
    assert!(!format!("{shown:?}").contains("s3cret"));
    assert_eq!((shown.mcp_servers[0].env[0].name.as_str(), shown.mcp_servers[1].headers[0].name.as_str()), ("TOKEN", "Authorization"));
    shown.mcp_servers[0].args = vec!["-vv".into()];
    shown.mcp_servers.push(program("new"));
    let update = pb::UpdateAgentRequest {
        agent: Some(pb::Agent { id: made.id, profile: Some(shown), ..Default::default() }),
        update_mask: Some(FieldMask { paths: vec!["profile.mcp_servers".into()] }),
        ..Default::default()
    };
    admin.agents().update_agent(update).await.unwrap();
    let stored = server.inner.reader.read(agents::all).await.unwrap();
    let servers = &stored[0].profile.mcp_servers;
    let values: Vec<_> = servers.iter().flat_map(|server| server.secrets().values()).map(String::as_str).collect();
    assert_eq!(values, ["s3cret", "Bearer s3cret", "s3cret"]);
}

/// profile R1, R3: every wish that the runtime cannot honour is named at once, and nothing is made.
#[tokio::test]
async fn wishes_without_effect_are_refused() {
    let server = Server::start().await;
    let admin = server.admin();
    let profile = pb::RuntimeProfile {
        command: vec!["make".into()],
        allowed_tools: vec!["Read".into()],
        mcp_servers: vec![program("lab")],
        ..Default::default()
    };
    let refused = admin.agents().create_agent(create(pb::Runtime::Command, profile)).await.unwrap_err();
    assert_eq!(refusal(&refused).0, Code::InvalidArgument);
    assert!(refused.message().contains("allowed_tools") && refused.message().contains("mcp_servers"), "{}", refused.message());
    let stray = pb::McpServer { command: "x".into(), ..remote("far") };
    for (servers, field) in [
        (vec![stray], "profile.mcp_servers[0].command"),
        (vec![program("lab"), program("lab")], "profile.mcp_servers[1].name"),
        (vec![pb::McpServer { headers: vec![secret("A", "b")], ..program("lab") }], "profile.mcp_servers[0].headers"),
        (vec![pb::McpServer { env: vec![secret("A=B", "c")], ..program("lab") }], "profile.mcp_servers[0].env"),
    ] {
        let profile = pb::RuntimeProfile { mcp_servers: servers, ..Default::default() };
        let refused = admin.agents().create_agent(create(pb::Runtime::Claude, profile)).await.unwrap_err();
        assert_eq!(refusal(&refused).2, field);
    }
    let all = admin.agents().list_agents(pb::ListAgentsRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.total_size, 0);
}
