//! How an agent that speaks the protocol is started (acp R1, R2).
//!
//! Spec: specs/server/runner/acp.md

use aq_core::profile::{McpServer, McpTransport};
use aq_core::runner_link::SessionOrder;
use aq_core::runtime::RuntimeKind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::handshake;
use super::normalize::AcpLines;
use super::state::State;
use crate::runtimes::normalizer::Normalizer;
use crate::runtimes::port::{Frame, LaunchOrder, LaunchPlan, LaunchRefused, Runtime};
use crate::shim::StdinMode;

/// Kinds of tools that need no permission when the profile names none: the work in the agent's own checkout.
const DEFAULT_KINDS: [&str; 7] = ["read", "edit", "delete", "move", "search", "execute", "think"];

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
        }
    }

    /// The names of the MCP servers.
    pub(in crate::runtimes) fn server_names(&self) -> impl Iterator<Item = String> {
        self.servers.iter().map(|server| crate::runtimes::json::text(server, "/name").to_owned())
    }
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

/// What the agent reads first.
pub(in crate::runtimes) fn frames() -> Vec<Frame> {
    vec![handshake::greeting()]
}

/// A normaliser that has read nothing yet.
pub(in crate::runtimes) fn normalizer(order: &LaunchOrder<'_>, wanted: Wanted) -> Box<dyn Normalizer> {
    Box::new(AcpLines::new(State { launch: order.launch, wanted, ..State::default() }))
}

/// A normaliser that goes on.
pub(in crate::runtimes) fn restore(state: &Value) -> Option<Box<dyn Normalizer>> {
    let state: State = serde_json::from_value(state.clone()).ok()?;
    Some(Box::new(AcpLines::new(state)))
}

/// Any agent that speaks the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Acp;

impl Runtime for Acp {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Acp
    }

    fn plan(&self, order: &LaunchOrder<'_>) -> Result<LaunchPlan, LaunchRefused> {
        let profile = &order.start.profile;
        if profile.command.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(LaunchRefused::NoCommand);
        }
        Ok(LaunchPlan {
            argv: profile.command.clone(),
            native: Vec::new(),
            env: profile.env.clone(),
            stdin: StdinMode::Held,
            frames: frames(),
            close_stdin: false,
            files: Vec::new(),
            secrets: profile.secrets(),
            writable: (!profile.login_dir.is_empty()).then(|| profile.login_dir.clone().into()).into_iter().collect(),
        })
    }

    fn normalizer(&self, order: &LaunchOrder<'_>) -> Box<dyn Normalizer> {
        let mut wanted = Wanted::of(order);
        if wanted.allowed.is_empty() {
            wanted.allowed = DEFAULT_KINDS.map(str::to_owned).into();
        }
        normalizer(order, wanted)
    }

    fn restore(&self, state: &Value) -> Option<Box<dyn Normalizer>> {
        restore(state)
    }
}
