//! The settings that the Gemini CLI is given (gemini R4).
//!
//! Spec: specs/server/runner/gemini.md

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aq_core::profile::{McpServer, McpTransport, RuntimeProfile};
use serde_json::{Map, Value, json};

/// The file that the CLI reads in the task's home, and the one beside a login of its own.
const IN_HOME: &str = ".gemini/settings.json";
const BESIDE_LOGIN: &str = ".aq-gemini.json";

/// Which login the CLI is to use, by the variable that carries its key.
const LOGINS: [(&str, &str); 3] =
    [("GEMINI_API_KEY", "gemini-api-key"), ("GOOGLE_GENAI_USE_VERTEXAI", "vertex-ai"), ("GOOGLE_API_KEY", "vertex-ai")];

/// The settings' file with its text, and the variables by which it is found.
pub(super) struct Settings {
    pub(super) file: (PathBuf, String),
    pub(super) variables: BTreeMap<String, String>,
}

/// The settings of a profile. With a login folder the person's own settings stay in force, ours stand above them.
pub(super) fn of(home: &Path, profile: &RuntimeProfile) -> Settings {
    let mut all = json!({
        // The CLI counts sessions that it cannot list as broken, and removes them.
        "general": {"disableAutoUpdate": true, "disableUpdateNag": true, "sessionRetention": {"enabled": false}},
        "privacy": {"usageStatisticsEnabled": false},
        "telemetry": {"enabled": false},
    });
    let mut set = |key: &str, value: Value| {
        if let Some(fields) = all.as_object_mut() {
            fields.insert(key.to_owned(), value);
        }
    };
    if let Some((_, login)) = LOGINS.iter().find(|(variable, _)| profile.env.contains_key(*variable)) {
        set("security", json!({"auth": {"selectedType": login}}));
    }
    if !profile.mcp_servers.is_empty() {
        set("mcpServers", Value::Object(profile.mcp_servers.iter().map(entry).collect::<Map<_, _>>()));
    }
    let (path, variables) = if profile.login_dir.is_empty() {
        (home.join(IN_HOME), BTreeMap::new())
    } else {
        let path = home.join(BESIDE_LOGIN);
        let named = path.to_string_lossy().into_owned();
        (path, BTreeMap::from([("GEMINI_CLI_SYSTEM_SETTINGS_PATH".to_owned(), named)]))
    };
    Settings { file: (path, all.to_string()), variables }
}

/// A server; those that the profile names need no permission.
fn entry(server: &McpServer) -> (String, Value) {
    let value = match &server.transport {
        McpTransport::Stdio { command, args, env } => json!({"command": command, "args": args, "env": env, "trust": true}),
        McpTransport::Http { url, headers } => json!({"httpUrl": url, "headers": headers, "trust": true}),
    };
    (server.name.clone(), value)
}
