//! What is asked of the agent when its session begins.
//!
//! Spec: specs/server/runner/acp.md

use aq_core::profile::{McpServer, McpTransport, OWN_SERVER};
use aq_core::runner_link::SessionOrder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::runtimes::port::LaunchOrder;

/// What is asked of the agent when its session begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::runtimes) struct Wanted {
    /// Where it works.
    pub(in crate::runtimes) directory: String,
    /// The session to go on with; none for a new one.
    pub(in crate::runtimes) resume: Option<String>,
    /// The mode, in the agent's own word; empty: as it is.
    pub(in crate::runtimes) mode: String,
    /// The model; empty: as it is.
    pub(in crate::runtimes) model: String,
    /// The prompt, until it is sent.
    pub(in crate::runtimes) prompt: String,
    /// Text told before the prompt, because the protocol has no system prompt; empty: none.
    pub(in crate::runtimes) instructions: String,
    /// Tools that need no permission: kinds, names or titles.
    pub(in crate::runtimes) allowed: Vec<String>,
    /// MCP servers in the protocol's form.
    pub(in crate::runtimes) servers: Vec<Value>,
    /// The tools of the run's own task as a program, for an agent that reaches no server behind a URL; null: they cannot be had so.
    pub(in crate::runtimes) bridge: Value,
}

impl Wanted {
    /// What the order asks for.
    pub(in crate::runtimes) fn of(order: &LaunchOrder<'_>) -> Self {
        let profile = &order.start.profile;
        Self {
            directory: order.directory.to_string_lossy().into_owned(),
            resume: match order.session {
                SessionOrder::Resume { session_id } => Some(session_id.clone()),
                SessionOrder::Fresh { .. } => None,
            },
            mode: profile.permission_mode.clone(),
            model: profile.model.clone(),
            prompt: order.start.prompt.clone(),
            instructions: profile.system_prompt_suffix.clone(),
            allowed: profile.allowed_tools.clone(),
            servers: mcp_servers(&profile.mcp_servers),
            bridge: bridge(order).unwrap_or_default(),
        }
    }

    /// The names of the MCP servers.
    pub(in crate::runtimes) fn server_names(&self) -> impl Iterator<Item = String> {
        self.servers.iter().map(|server| crate::runtimes::json::text(server, "/name").to_owned())
    }
}

/// The program that carries the tools of the run's own task, where they are offered behind a URL. Key and socket are those of the run's environment.
fn bridge(order: &LaunchOrder<'_>) -> Option<Value> {
    let profile = &order.start.profile;
    let (program, key, socket) = (order.bridge?, profile.env.get("AQ_API_KEY")?, profile.env.get("AQ_SOCKET")?);
    // A server of the person's own that has the name keeps its place.
    let ours = |server: &&McpServer| matches!(&server.transport, McpTransport::Http { headers, .. } if headers.get("Authorization").is_some_and(|value| value.strip_prefix("Bearer ") == Some(key)));
    let own = profile.mcp_servers.iter().filter(|server| server.name == OWN_SERVER).find(ours)?;
    let transport = McpTransport::Stdio {
        command: program.to_string_lossy().into_owned(),
        args: vec!["mcp".to_owned()],
        env: [("AQ_API_KEY", key), ("AQ_SOCKET", socket)].map(|(name, value)| (name.to_owned(), value.clone())).into(),
    };
    mcp_servers(&[McpServer { name: own.name.clone(), transport }]).pop()
}

/// MCP servers in the protocol's form.
fn mcp_servers(servers: &[McpServer]) -> Vec<Value> {
    let pairs = |map: &std::collections::BTreeMap<String, String>| {
        map.iter().map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>()
    };
    let server = |server: &McpServer| match &server.transport {
        McpTransport::Stdio { command, args, env } => json!({"name": server.name, "command": command, "args": args, "env": pairs(env)}),
        McpTransport::Http { url, headers } => json!({"type": "http", "name": server.name, "url": url, "headers": pairs(headers)}),
    };
    servers.iter().map(server).collect()
}
