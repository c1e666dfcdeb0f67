//! `aqctl mcp config`: what to write into the configuration of an assistant.

use std::fmt::Write as _;

use serde_json::json;

use crate::context::Context;
use crate::error::CliError;
use crate::globals::Globals;

/// The name under which assistants know the server.
const NAME: &str = "agent-queue";

/// Print what an assistant's configuration needs
///
/// No key is printed: the bridge finds it as every command does, in the home or in the file given with --key-file.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Whose configuration
    #[arg(value_enum, default_value_t)]
    assistant: Assistant,
}

/// Assistants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Assistant {
    /// Claude Code
    #[default]
    Claude,
    /// Codex
    Codex,
    /// Gemini CLI
    Gemini,
    /// OpenCode
    Opencode,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let program = std::env::current_exe()?.to_string_lossy().into_owned();
    context.ui.print(&snippet(args.assistant, &program, &arguments(&context.globals)))
}

/// The arguments of the bridge: those that this command was given, as far as they lead to the server.
fn arguments(globals: &Globals) -> Vec<String> {
    let given = [
        ("--home", &globals.home),
        ("--server", &globals.server),
        ("--key-file", &globals.key_file),
        ("--ca-file", &globals.ca_file),
        ("--tls-cert-file", &globals.tls_cert_file),
        ("--tls-key-file", &globals.tls_key_file),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_ref().filter(|value| !value.is_empty())?)));
    given.flat_map(|(name, value)| [name.to_owned(), value.clone()]).chain(["mcp".to_owned()]).collect()
}

fn snippet(assistant: Assistant, program: &str, arguments: &[String]) -> String {
    match assistant {
        Assistant::Claude | Assistant::Gemini => {
            let servers = json!({ "mcpServers": { NAME: { "command": program, "args": arguments } } });
            format!("{servers:#}\n")
        }
        Assistant::Opencode => {
            let command: Vec<&str> = std::iter::once(program).chain(arguments.iter().map(String::as_str)).collect();
            let servers = json!({ "mcp": { NAME: { "type": "local", "command": command, "enabled": true } } });
            format!("{servers:#}\n")
        }
        Assistant::Codex => {
            let mut text = format!("[mcp_servers.{NAME}]\n");
            // Text of JSON is text of TOML.
            let _written = writeln!(text, "command = {}", json!(program));
            let _written = writeln!(text, "args = {}", json!(arguments));
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mcp R11: each assistant gets its own form; what leads to the server is kept, and no key is in it.
    #[test]
    fn each_assistant_gets_its_form() {
        let globals = Globals { home: Some("/srv/aq".to_owned()), key_file: Some("/srv/viewer.key".to_owned()), ..Globals::default() };
        let all = [Assistant::Claude, Assistant::Codex, Assistant::Gemini, Assistant::Opencode];
        let text: Vec<_> = all
            .iter()
            .map(|assistant| format!("# {assistant:?}\n{}", snippet(*assistant, "/usr/bin/aqctl", &arguments(&globals))))
            .collect();
        insta::assert_snapshot!(text.join("\n"));
        assert_eq!(arguments(&Globals::default()), ["mcp"]);
    }
}
