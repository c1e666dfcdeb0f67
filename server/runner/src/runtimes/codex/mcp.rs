//! The MCP servers of a profile, as settings of the thread (codex R14).
//!
//! Spec: specs/server/runner/codex.md

use aq_core::profile::{McpServer, McpTransport};
use serde_json::{Map, Value, json};

/// The settings that add the servers to those of Codex's own configuration; null without servers. Their tools need no permission: who names
/// them in the profile has given it.
pub(super) fn settings(servers: &[McpServer]) -> Value {
    if servers.is_empty() {
        return Value::Null;
    }
    let entry = |server: &McpServer| {
        let value = match &server.transport {
            McpTransport::Stdio { command, args, env } => {
                json!({"command": command, "args": args, "env": env, "default_tools_approval_mode": "approve"})
            }
            McpTransport::Http { url, headers } => {
                json!({"url": url, "http_headers": headers, "default_tools_approval_mode": "approve"})
            }
        };
        (server.name.clone(), value)
    };
    let all: Map<String, Value> = servers.iter().map(entry).collect();
    json!({ "mcp_servers": all })
}
