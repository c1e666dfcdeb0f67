//! The configuration that OpenCode is given (opencode R4).
//!
//! Spec: specs/server/runner/opencode.md

use std::path::{Path, PathBuf};

use aq_core::profile::{McpServer, McpTransport, RuntimeProfile};
use serde_json::{Map, Value, json};

/// The files in the task's home.
const CONFIG: &str = ".aq-opencode.json";
const INSTRUCTIONS: &str = ".aq-opencode.md";

/// Tools that never need permission: they only look, or keep notes.
const HARMLESS: [&str; 6] = ["read", "glob", "grep", "list", "todowrite", "todoread"];

/// The configuration's path.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join(CONFIG)
}

/// The files to write: the configuration, and the instructions that it names.
pub(super) fn files(home: &Path, profile: &RuntimeProfile, asks: bool) -> Vec<(PathBuf, String)> {
    let mut config = Map::new();
    config.insert("autoupdate".to_owned(), json!(false));
    config.insert("share".to_owned(), json!("disabled"));
    if !profile.model.is_empty() {
        config.insert("model".to_owned(), json!(profile.model));
    }
    if asks {
        config.insert("permission".to_owned(), permissions(profile));
    }
    if !profile.mcp_servers.is_empty() {
        config.insert("mcp".to_owned(), Value::Object(profile.mcp_servers.iter().map(entry).collect()));
    }
    let mut files = Vec::new();
    if !profile.system_prompt_suffix.is_empty() {
        let path = home.join(INSTRUCTIONS);
        config.insert("instructions".to_owned(), json!([path]));
        files.push((path, profile.system_prompt_suffix.clone()));
    }
    files.push((path(home), Value::Object(config).to_string()));
    files
}

/// Everything is asked for, but for what only looks, what the profile allows, and the profile's own servers.
fn permissions(profile: &RuntimeProfile) -> Value {
    let servers = profile.mcp_servers.iter().map(|server| format!("{}_*", server.name));
    let allowed = HARMLESS.map(str::to_owned).into_iter().chain(profile.allowed_tools.iter().cloned()).chain(servers);
    let rules = allowed.map(|tool| (tool, json!("allow")));
    Value::Object(std::iter::once(("*".to_owned(), json!("ask"))).chain(rules).collect())
}

fn entry(server: &McpServer) -> (String, Value) {
    let value = match &server.transport {
        McpTransport::Stdio { command, args, env } => {
            let command: Vec<&String> = std::iter::once(command).chain(args).collect();
            json!({"type": "local", "command": command, "environment": env, "enabled": true})
        }
        McpTransport::Http { url, headers } => json!({"type": "remote", "url": url, "headers": headers, "enabled": true}),
    };
    (server.name.clone(), value)
}
