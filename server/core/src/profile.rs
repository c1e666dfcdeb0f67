//! Profiles of agents: which of their fields a runtime can honour, and the MCP servers they name. What is wrong is told by field.
//!
//! How a field reaches the program lives in the runner's runtimes.
//!
//! Spec: specs/server/core/profile.md

use std::collections::{BTreeMap, BTreeSet};

use crate::runtime::RuntimeKind;

/// The name under which an agent finds the tools of our own server.
pub const OWN_SERVER: &str = "aq";
/// Longest name of an MCP server, in characters.
const MAX_SERVER_NAME: usize = 64;

/// A server of tools that an agent may use, in the Model Context Protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpServer {
    /// Its name for the agent: letters, digits, `-` and `_`; unique within the profile.
    pub name: String,
    /// How it is reached.
    pub transport: McpTransport,
}

/// How an MCP server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum McpTransport {
    /// A program that the agent starts and speaks to over its standard input and output.
    Stdio {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Variables set for it. Values are secrets.
        env: BTreeMap<String, String>,
    },
    /// A server behind a URL.
    Http {
        /// The URL.
        url: String,
        /// Headers sent with every request. Values are secrets.
        headers: BTreeMap<String, String>,
    },
}

impl McpServer {
    /// The names and values that are secrets: variables, or headers.
    #[must_use]
    pub const fn secrets(&self) -> &BTreeMap<String, String> {
        match &self.transport {
            McpTransport::Stdio { env, .. } => env,
            McpTransport::Http { headers, .. } => headers,
        }
    }

    /// The same, to change them.
    pub const fn secrets_mut(&mut self) -> &mut BTreeMap<String, String> {
        match &mut self.transport {
            McpTransport::Stdio { env, .. } => env,
            McpTransport::Http { headers, .. } => headers,
        }
    }
}

/// How the program is run. Empty fields fall through to the runtime's defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuntimeProfile {
    /// `command`: the argument vector. `scripted`: empty (the script is the prompt's fenced block or the task's script). `claude`,
    /// `codex`: the program and leading arguments, by default the name of the runtime.
    pub command: Vec<String>,
    /// Model name; empty: the program's default.
    pub model: String,
    /// Permission mode of the program; empty: the runtime's default.
    pub permission_mode: String,
    /// Tools that need no permission.
    pub allowed_tools: Vec<String>,
    /// Servers of tools that the agent may use.
    pub mcp_servers: Vec<McpServer>,
    /// Text added to the program's system prompt.
    pub system_prompt_suffix: String,
    /// Variables added to the agent's allow-listed environment. Values are secrets until proven otherwise.
    pub env: BTreeMap<String, String>,
    /// Folder of the agent CLI's own configuration and login; opened read-write in the sandbox. Empty: none.
    pub login_dir: String,
}

impl RuntimeProfile {
    /// The values that must not appear in output: those of variables and headers.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let of_servers = self.mcp_servers.iter().flat_map(|server| server.secrets().values());
        self.env.values().chain(of_servers).filter(|value| !value.is_empty()).cloned().collect()
    }
}

/// One thing wrong with a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The field within the profile, for example `mcp_servers[1].name`.
    pub field: String,
    /// What is wrong and what would be right, one sentence.
    pub problem: String,
}

/// Everything for which agents of runtime `kind` cannot be run with `profile`; empty: nothing (profile R1 to R4).
#[must_use]
pub fn misfits(kind: RuntimeKind, profile: &RuntimeProfile) -> Vec<Misfit> {
    let mut found = Vec::new();
    let mut say = |field: &str, problem: String| found.push(Misfit { field: field.to_owned(), problem });
    let needs_command = matches!(kind, RuntimeKind::Command | RuntimeKind::Acp);
    if needs_command && profile.command.is_empty() {
        say("command", format!("is empty; an agent of runtime `{kind}` needs the program and its arguments"));
    }
    let given = [
        ("command", !profile.command.is_empty()),
        ("model", !profile.model.is_empty()),
        ("permission_mode", !profile.permission_mode.is_empty()),
        ("allowed_tools", !profile.allowed_tools.is_empty()),
        ("system_prompt_suffix", !profile.system_prompt_suffix.is_empty()),
        ("mcp_servers", !profile.mcp_servers.is_empty()),
    ];
    for (field, _) in given.into_iter().filter(|(field, given)| *given && !honours(kind, field)) {
        say(field, format!("cannot be honoured by runtime `{kind}`; leave it out{}", remedy(kind)));
    }
    if let Some(known) = known_modes(kind)
        && !profile.permission_mode.is_empty()
        && !known.contains(&profile.permission_mode.as_str())
    {
        say("permission_mode", format!("is not known to runtime `{kind}`; choose one of {}", known.join(", ")));
    }
    if let Some(free) = free_mode(kind, &profile.permission_mode)
        && !profile.allowed_tools.is_empty()
    {
        let problem =
            format!("cannot be honoured in mode `{free}` of runtime `{kind}`, which asks for nothing; choose another permission mode");
        found.push(Misfit { field: "allowed_tools".to_owned(), problem });
    }
    found.extend(of_servers(&profile.mcp_servers));
    found
}

/// True when a runtime does something with a field of the profile. The environment is honoured by all.
fn honours(kind: RuntimeKind, field: &str) -> bool {
    match kind {
        RuntimeKind::Scripted => false,
        // The model may stand in the arguments as a placeholder.
        RuntimeKind::Command => matches!(field, "command" | "model"),
        // What it may do by itself is its permission mode.
        RuntimeKind::Codex => field != "allowed_tools",
        RuntimeKind::Claude | RuntimeKind::Gemini | RuntimeKind::OpenCode | RuntimeKind::Acp => true,
    }
}

/// True when agents of a runtime can be given MCP servers.
#[must_use]
pub fn takes_servers(kind: RuntimeKind) -> bool {
    honours(kind, "mcp_servers")
}

/// What helps instead.
const fn remedy(kind: RuntimeKind) -> &'static str {
    match kind {
        RuntimeKind::Command => ", or pass it in the arguments of the command",
        RuntimeKind::Scripted => ": a scripted agent does what its script says",
        RuntimeKind::Claude | RuntimeKind::Codex | RuntimeKind::Gemini | RuntimeKind::OpenCode | RuntimeKind::Acp => "",
    }
}

/// The permission modes that a runtime translates; `None` where the word goes to the program as it stands.
const fn known_modes(kind: RuntimeKind) -> Option<&'static [&'static str]> {
    match kind {
        RuntimeKind::Gemini => Some(&["yolo", "auto_edit", "default", "plan"]),
        RuntimeKind::OpenCode => Some(&["auto", "ask"]),
        RuntimeKind::Codex => Some(&[
            "plan",
            "read-only",
            "workspace-write",
            "danger-full-access",
            "untrusted",
            "on-request",
            "never",
            "read-only/untrusted",
            "read-only/on-request",
            "read-only/never",
            "workspace-write/untrusted",
            "workspace-write/on-request",
            "workspace-write/never",
            "danger-full-access/untrusted",
            "danger-full-access/on-request",
            "danger-full-access/never",
        ]),
        RuntimeKind::Scripted | RuntimeKind::Command | RuntimeKind::Claude | RuntimeKind::Acp => None,
    }
}

/// The mode of a runtime in which its program asks for nothing, when that is the one in force.
fn free_mode(kind: RuntimeKind, mode: &str) -> Option<&'static str> {
    let free = match kind {
        RuntimeKind::Gemini => "yolo",
        RuntimeKind::OpenCode => "auto",
        _ => return None,
    };
    (mode.is_empty() || mode == free).then_some(free)
}

fn of_servers(servers: &[McpServer]) -> Vec<Misfit> {
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    for (index, server) in servers.iter().enumerate() {
        let mut say = |field: &str, problem: &str| {
            found.push(Misfit { field: format!("mcp_servers[{index}].{field}"), problem: problem.to_owned() });
        };
        let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        if server.name.is_empty() || server.name.chars().count() > MAX_SERVER_NAME || !server.name.chars().all(plain) {
            say("name", "must be 1 to 64 letters, digits, `-` or `_`");
        } else if !names.insert(server.name.as_str()) {
            say("name", "is used by an earlier server; give each its own name");
        }
        match &server.transport {
            McpTransport::Stdio { command, .. } if command.trim().is_empty() => say("command", "is empty; name the program, or give a url"),
            McpTransport::Http { url, .. } if !(url.starts_with("http://") || url.starts_with("https://")) => {
                say("url", "must begin with http:// or https://");
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str, command: &str) -> McpServer {
        McpServer {
            name: name.to_owned(),
            transport: McpTransport::Stdio {
                command: command.to_owned(),
                args: Vec::new(),
                env: BTreeMap::from([("TOKEN".to_owned(), "s3cret".to_owned())]),
            },
        }
    }

    fn fields(kind: RuntimeKind, profile: &RuntimeProfile) -> Vec<String> {
        misfits(kind, profile).into_iter().map(|misfit| misfit.field).collect()
    }

    /// profile R1, R2: what a runtime cannot honour is named by its field; what it can is taken.
    #[test]
    fn fields_are_honoured_or_named() {
        let full = RuntimeProfile {
            command: vec!["x".to_owned()],
            model: "m".to_owned(),
            allowed_tools: vec!["Read".to_owned()],
            system_prompt_suffix: "brief".to_owned(),
            mcp_servers: vec![server("lab", "tools")],
            ..RuntimeProfile::default()
        };
        assert_eq!(fields(RuntimeKind::Claude, &full), Vec::<String>::new());
        assert_eq!(fields(RuntimeKind::Command, &full), ["allowed_tools", "system_prompt_suffix", "mcp_servers"]);
        assert_eq!(fields(RuntimeKind::Codex, &full), ["allowed_tools"]);
        assert_eq!(fields(RuntimeKind::Scripted, &full).len(), 5);
        assert_eq!(fields(RuntimeKind::Command, &RuntimeProfile::default()), ["command"]);
        assert_eq!(full.secrets(), ["s3cret"]);
        assert_eq!(fields(RuntimeKind::Acp, &full), Vec::<String>::new());
        assert_eq!(fields(RuntimeKind::Acp, &RuntimeProfile::default()), ["command"]);
        let told = |kind| misfits(kind, &full).swap_remove(0).problem;
        let (command, scripted) = (told(RuntimeKind::Command), told(RuntimeKind::Scripted));
        assert!(command.ends_with("leave it out, or pass it in the arguments of the command"), "{command}");
        assert!(scripted.ends_with("leave it out: a scripted agent does what its script says"), "{scripted}");
        assert!(told(RuntimeKind::Codex).ends_with("leave it out"));
        assert!(takes_servers(RuntimeKind::Codex) && !takes_servers(RuntimeKind::Command) && !takes_servers(RuntimeKind::Scripted));
    }

    /// profile R5: values of variables and of headers are secrets, and can be changed as such.
    #[test]
    fn variables_and_headers_are_secrets() {
        let mut far = McpServer { name: "far".into(), transport: McpTransport::Http { url: "https://x".into(), headers: BTreeMap::new() } };
        let mut near = server("lab", "tools");
        for one in [&mut far, &mut near] {
            one.secrets_mut().insert("TOKEN".to_owned(), "new".to_owned());
            assert_eq!(one.secrets().values().collect::<Vec<_>>(), ["new"]);
        }
    }

    /// profile R4: modes that are translated are checked; tools are allowed only where somebody would be asked.
    #[test]
    fn modes_are_known() {
        let with = |mode: &str, tools: &[&str]| RuntimeProfile {
            permission_mode: mode.to_owned(),
            allowed_tools: tools.iter().map(|tool| (*tool).to_owned()).collect(),
            ..RuntimeProfile::default()
        };
        for (kind, asks) in [(RuntimeKind::Gemini, "default"), (RuntimeKind::OpenCode, "ask")] {
            assert_eq!(fields(kind, &with("warp", &[])), ["permission_mode"]);
            assert_eq!(fields(kind, &with("", &["edit"])), ["allowed_tools"]);
            assert_eq!(fields(kind, &with(asks, &["edit"])), Vec::<String>::new());
        }
        assert_eq!(fields(RuntimeKind::Claude, &with("warp", &[])), Vec::<String>::new());
    }

    /// profile R3: servers have plain and different names, and a program or a URL.
    #[test]
    fn servers_are_checked() {
        let remote = |url: &str| McpServer {
            name: "far".to_owned(),
            transport: McpTransport::Http { url: url.to_owned(), headers: BTreeMap::new() },
        };
        let servers = vec![server("lab", "tools"), server("lab", "tools"), server("a b", ""), remote("ftp://x"), remote("https://x")];
        let profile = RuntimeProfile { mcp_servers: servers, ..RuntimeProfile::default() };
        assert_eq!(
            fields(RuntimeKind::Claude, &profile),
            ["mcp_servers[1].name", "mcp_servers[2].name", "mcp_servers[2].command", "mcp_servers[3].url", "mcp_servers[4].name"]
        );
        let named = |length: usize| of_servers(&[server(&"x".repeat(length), "tools")]).len();
        assert_eq!((named(0), named(1), named(64), named(65)), (1, 0, 0, 1));
    }
}
