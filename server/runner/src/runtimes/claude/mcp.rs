//! The MCP servers of a profile, as the file that `--mcp-config` names (claude R14). In a file, because arguments can be read by everybody.
//!
//! Spec: specs/server/runner/claude.md

use std::path::{Path, PathBuf};

use aq_core::profile::{McpServer, McpTransport};
use serde_json::{Map, Value, json};

/// The file's name in the task's home.
const FILE: &str = ".aq-mcp.json";

/// The file and its text; `None` without servers.
pub(super) fn file(home: &Path, servers: &[McpServer]) -> Option<(PathBuf, String)> {
    if servers.is_empty() {
        return None;
    }
    let entry = |server: &McpServer| {
        let value = match &server.transport {
            McpTransport::Stdio { command, args, env } => json!({"command": command, "args": args, "env": env}),
            McpTransport::Http { url, headers } => json!({"type": "http", "url": url, "headers": headers}),
        };
        (server.name.clone(), value)
    };
    let all: Map<String, Value> = servers.iter().map(entry).collect();
    Some((home.join(FILE), json!({"mcpServers": all}).to_string()))
}
