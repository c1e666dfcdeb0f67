//! What runs are given.

use std::sync::Arc;

use aq_core::profile::{McpServer, McpTransport, OWN_SERVER, RuntimeProfile};
use aq_core::project::ProposalPolicy;
use aq_core::runner_link::StartRun;
use aq_core::runtime::RuntimeKind;
use aq_core::time::Timestamp;
use aq_server::clock::ManualClock;
use aq_server::commands;
use aq_server::orchestrator::{OwnKeys, Policy};

use crate::harness::{Harness, policy};

const URL: &str = "http://127.0.0.1:7821/mcp";

async fn harness() -> Harness {
    let keys = OwnKeys { socket: "/run/aq.sock".into(), mcp_url: Some(URL.to_owned()), lifetime_ms: 60_000 };
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)));
    Harness::start_with(tempfile::tempdir().unwrap(), clock, Policy { own_keys: Some(keys), ..policy() }).await
}

/// The order for a task of an agent like this.
async fn order(server: &Harness, runtime: RuntimeKind, profile: RuntimeProfile, proposals: ProposalPolicy) -> StartRun {
    let fields = commands::agents::AgentFields {
        name: Some("Orion".to_owned()),
        runtime: Some(runtime),
        profile: Some(profile),
        ..Default::default()
    };
    server.command(move |tx, context| commands::agents::create(tx, context, &fields)).await.unwrap();
    let project = server.project("App", 1).await;
    let (id, fields) = (project.clone(), commands::projects::ProjectFields { proposals: Some(proposals), ..Default::default() });
    server.command(move |tx, context| commands::projects::edit(tx, context, &id, &fields)).await.unwrap();
    server.task(&project, "task", &[]).await;
    server.start_order().await
}

/// mcp R12, I-44: an agent whose runtime takes MCP servers gets the tools with its own key, which is nowhere but in a header and is taken out of output.
#[tokio::test]
async fn a_run_gets_the_tools() {
    let server = harness().await;
    let order = order(&server, RuntimeKind::Codex, RuntimeProfile::default(), ProposalPolicy::Approval).await;
    let key = order.profile.env["AQ_API_KEY"].clone();
    let [own] = order.profile.mcp_servers.as_slice() else { panic!("{:?}", order.profile.mcp_servers) };
    assert_eq!(own.name, OWN_SERVER);
    let McpTransport::Http { url, headers } = &own.transport else { panic!("{own:?}") };
    assert_eq!((url.as_str(), headers["Authorization"].as_str()), (URL, format!("Bearer {key}").as_str()));
    assert!(order.secrets.contains(&key) && order.profile.secrets().contains(&format!("Bearer {key}")));
    assert!(!order.prompt.contains(&key));
}

/// mcp R12: a profile's own server of the name wins; runtimes that take none get none; where nothing may be proposed there is no key.
#[tokio::test]
async fn not_every_run_gets_them() {
    let server = harness().await;
    let mine = McpServer {
        name: OWN_SERVER.to_owned(),
        transport: McpTransport::Stdio { command: "mine".to_owned(), args: Vec::new(), env: Default::default() },
    };
    let profile = RuntimeProfile { mcp_servers: vec![mine.clone()], ..RuntimeProfile::default() };
    let claude = order(&server, RuntimeKind::Claude, profile, ProposalPolicy::Open).await;
    assert_eq!(claude.profile.mcp_servers, [mine]);
    let server = harness().await;
    let scripted = order(&server, RuntimeKind::Scripted, RuntimeProfile::default(), ProposalPolicy::Approval).await;
    assert!(scripted.profile.mcp_servers.is_empty() && scripted.profile.env.contains_key("AQ_API_KEY"));
    let server = harness().await;
    let off = order(&server, RuntimeKind::Claude, RuntimeProfile::default(), ProposalPolicy::Off).await;
    assert!(off.profile.mcp_servers.is_empty() && !off.profile.env.contains_key("AQ_API_KEY"));
}
