//! Agents.

use aq_proto::v1::{Agent, AgentState, ListAgentsResponse, Runtime};

use super::sheet::Sheet;
use super::table::{Cell, table};
use super::{amount, time, tone};
use crate::clean;
use crate::look::Look;
use crate::words;

/// Characters of an error in a row; `show` has the whole.
const ROOM: usize = 60;

/// The state with what is pending: `BUSY, pausing`.
fn state(agent: &Agent) -> String {
    let state = words::upper::<AgentState>(agent.state);
    if agent.paused && agent.state == i32::from(AgentState::Busy) { format!("{state}, pausing") } else { state }
}

/// A page of agents.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListAgentsResponse) -> String {
    rows(look, &page.agents)
}

/// Agents as a table; empty text for none.
#[must_use]
pub(crate) fn rows(look: &Look, agents: &[Agent]) -> String {
    table(
        look,
        &["ID", "RUNTIME", "STATE", "TASK", "SINCE", "ACCOUNT", "TOKENS"],
        agents.iter().map(|agent| {
            let work = if agent.current_task_id.is_empty() {
                clean::short(&agent.error, ROOM)
            } else {
                format!("{}  {}", agent.current_task_id, agent.current_task_title)
            };
            vec![
                Cell::new(&agent.id),
                Cell::new(words::phrase::<Runtime>(agent.runtime)),
                Cell::new(state(agent)).tone(tone::agent(agent.state)),
                Cell::new(work),
                Cell::new(time::relative(look, agent.busy_since.as_ref())),
                Cell::new(&agent.account_id),
                Cell::number(amount::tokens(agent.total_tokens)),
            ]
        }),
    )
}

/// One agent with everything.
#[must_use]
pub(crate) fn show(look: &Look, agent: &Agent) -> String {
    let profile = agent.profile.clone().unwrap_or_default();
    let mut sheet = Sheet::new(look, &format!("{}  {}", agent.id, agent.name));
    sheet.toned("state", state(agent), tone::agent(agent.state));
    sheet.toned("error", &agent.error, crate::look::Tone::Bad);
    sheet.field("tried again", time::both(look, agent.retry_at.as_ref()));
    sheet.field("runtime", words::phrase::<Runtime>(agent.runtime)).field("account", &agent.account_id);
    sheet.field("works on", format!("{} {}", agent.current_task_id, agent.current_task_title).trim());
    sheet.field("since", time::both(look, agent.busy_since.as_ref()));
    sheet.field("command", profile.command.join(" ")).field("model", &profile.model);
    sheet.field("permission mode", &profile.permission_mode).field("allowed tools", profile.allowed_tools.join(", "));
    for server in &profile.mcp_servers {
        let place = if server.url.is_empty() { format!("{} {}", server.command, server.args.join(" ")) } else { server.url.clone() };
        let secrets = server.env.iter().chain(&server.headers).map(|secret| secret.name.as_str()).collect::<Vec<_>>().join(", ");
        let secrets = if secrets.is_empty() { secrets } else { format!(" ({secrets})") };
        sheet.field("MCP server", format!("{}: {}{secrets}", server.name, place.trim_end()));
    }
    let mut variables: Vec<&str> = profile.env.keys().map(String::as_str).collect();
    variables.sort_unstable();
    sheet.field("variables", variables.join(", "));
    sheet.field("tokens", amount::tokens(agent.total_tokens));
    sheet.field("created", time::both(look, agent.created_at.as_ref()));
    sheet.text("Added to the system prompt", &profile.system_prompt_suffix);
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::RuntimeProfile;

    use super::*;

    /// F-165: agents as a table and in detail; values of variables are never shown.
    #[test]
    fn agents() {
        let busy = Agent {
            id: "orion".into(),
            name: "Orion".into(),
            runtime: Runtime::Claude.into(),
            profile: Some(RuntimeProfile {
                model: "opus".into(),
                env: [("TOKEN".to_owned(), "never shown".to_owned())].into(),
                ..Default::default()
            }),
            account_id: "max".into(),
            state: AgentState::Busy.into(),
            paused: true,
            current_task_id: "swift-falcon".into(),
            current_task_title: "Add a login page".into(),
            busy_since: Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() - 90, nanos: 0 }),
            total_tokens: 123_456,
            ..Default::default()
        };
        let broken = Agent {
            id: "vega".into(),
            runtime: Runtime::Command.into(),
            state: AgentState::Error.into(),
            error: "program my-agent was not found: install it, or give its absolute path (looked in /usr/bin) (spawn)".into(),
            retry_at: Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() + 240, nanos: 0 }),
            ..Default::default()
        };
        insta::assert_snapshot!(show(&Look::plain(), &busy));
        insta::assert_snapshot!(show(&Look::plain(), &broken));
        insta::assert_snapshot!(list(&Look::plain(), &ListAgentsResponse { agents: vec![busy, broken], ..Default::default() }));
    }
}
