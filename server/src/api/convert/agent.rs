//! Agents.

use aq_core::agent::{Agent, AgentFault};
use aq_core::principal::ProjectScope;
use aq_core::profile::{McpServer, McpTransport};
use aq_proto::v1 as pb;

use super::words::{runtime, timestamp};
use crate::lifecycle::Figures;

/// An agent with what it does. A task outside the caller's projects is not named. Title and tokens are filled in by `views`.
pub(in crate::api) fn agent(figures: &Figures, agent: &Agent, scope: &ProjectScope) -> pb::Agent {
    let run = figures.busy.get(&agent.id).and_then(|key| figures.runs.get(key));
    let named = run.filter(|run| scope.covers(&run.project));
    pb::Agent {
        id: agent.id.to_string(),
        name: agent.name.clone(),
        runtime: runtime(Some(agent.runtime)),
        profile: Some(pb::RuntimeProfile {
            command: agent.profile.command.clone(),
            model: agent.profile.model.clone(),
            permission_mode: agent.profile.permission_mode.clone(),
            allowed_tools: agent.profile.allowed_tools.clone(),
            system_prompt_suffix: agent.profile.system_prompt_suffix.clone(),
            mcp_servers: agent.profile.mcp_servers.iter().map(server).collect(),
            // Values are secrets: the names are told, nothing else.
            env: agent.profile.env.keys().map(|name| (name.clone(), String::new())).collect(),
        }),
        account_id: agent.account.as_ref().map(ToString::to_string).unwrap_or_default(),
        state: match (run, agent.paused, &agent.fault) {
            (Some(_), ..) => pb::AgentState::Busy,
            (None, true, _) => pb::AgentState::Paused,
            (None, false, Some(_)) => pb::AgentState::Error,
            (None, false, None) => pb::AgentState::Idle,
        }
        .into(),
        paused: agent.paused,
        current_task_id: named.map(|run| run.run.task.to_string()).unwrap_or_default(),
        current_task_title: String::new(),
        busy_since: run.map(|run| timestamp(run.since)),
        total_tokens: 0,
        error: agent.fault.as_ref().map(error).unwrap_or_default(),
        created_at: Some(timestamp(agent.created_at)),
        updated_at: Some(timestamp(agent.updated_at)),
        retry_at: agent.fault.as_ref().map(|fault| timestamp(fault.until)),
    }
}

/// What is wrong, and what mends it.
fn error(fault: &AgentFault) -> String {
    format!("{} ({}): {}", fault.message, fault.class.as_str(), fault.class.hint())
}

/// An MCP server; of its secrets only the names are told.
fn server(server: &McpServer) -> pb::McpServer {
    let names: Vec<_> = server.secrets().keys().map(|name| pb::NamedSecret { name: name.clone(), value: String::new() }).collect();
    match &server.transport {
        McpTransport::Stdio { command, args, .. } => {
            pb::McpServer { name: server.name.clone(), command: command.clone(), args: args.clone(), env: names, ..Default::default() }
        }
        McpTransport::Http { url, .. } => {
            pb::McpServer { name: server.name.clone(), url: url.clone(), headers: names, ..Default::default() }
        }
    }
}
