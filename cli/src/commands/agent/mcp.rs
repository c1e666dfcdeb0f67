//! MCP servers, read from the file in which people keep them for other tools.

use std::collections::BTreeMap;

use aq_proto::v1::{McpServer, NamedSecret};

use crate::error::CliError;

/// The file: servers by name.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Servers {
    mcp_servers: BTreeMap<String, Server>,
}

/// One server: a program, or one behind a URL.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    /// Says what the other keys say already.
    #[serde(default, rename = "type")]
    _kind: Option<String>,
    #[serde(default)]
    command: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// The servers in the file at `path`.
///
/// # Errors
/// When it cannot be read, or is no such file.
pub(super) fn read(path: &str) -> Result<Vec<McpServer>, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::usage(format!("cannot read {path}: {error}")))?;
    parse(&text).map_err(|problem| {
        CliError::usage(format!("{path} is no list of MCP servers: {problem}"))
            .hint("the form is: {\"mcpServers\": {\"NAME\": {\"command\": \"PROGRAM\", \"args\": []}}}")
    })
}

/// Where the text is wrong is told by place only: it may hold secrets.
fn parse(text: &str) -> Result<Vec<McpServer>, String> {
    let servers: Servers = serde_json::from_str(text).map_err(|error| {
        let what = if error.is_data() { "an unexpected key or value" } else { "no JSON" };
        format!("{what} in line {}, column {}", error.line(), error.column())
    })?;
    let secrets = |map: BTreeMap<String, String>| map.into_iter().map(|(name, value)| NamedSecret { name, value }).collect();
    let server = |(name, server): (String, Server)| McpServer {
        name,
        command: server.command,
        args: server.args,
        env: secrets(server.env),
        url: server.url,
        headers: secrets(server.headers),
    };
    Ok(servers.mcp_servers.into_iter().map(server).collect())
}

#[cfg(test)]
mod tests {
    use super::parse;

    /// commands, agents: the usual file is read; what is wrong is told by its place, never by its text.
    #[test]
    fn the_usual_file_is_read() {
        let text = r#"{"mcpServers": {
            "lab": {"command": "python3", "args": ["tools.py"], "env": {"TOKEN": "t"}},
            "far": {"type": "http", "url": "https://x", "headers": {"Authorization": "Bearer b"}}
        }}"#;
        let servers = parse(text).unwrap();
        assert_eq!(servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>(), ["far", "lab"]);
        assert_eq!((servers[0].url.as_str(), servers[0].headers[0].value.as_str()), ("https://x", "Bearer b"));
        assert_eq!((servers[1].command.as_str(), servers[1].env[0].name.as_str()), ("python3", "TOKEN"));
        let wrong = parse(r#"{"mcpServers": {"lab": {"command": "x", "s3cret": 1}}}"#).unwrap_err();
        assert!(wrong.starts_with("an unexpected key") && !wrong.contains("s3cret"), "{wrong}");
        assert!(parse("hunter2").unwrap_err().starts_with("no JSON"));
    }
}
