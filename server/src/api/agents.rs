//! AgentService.

use std::collections::BTreeMap;

use aq_core::ids::AgentId;
use aq_core::profile::{McpServer, RuntimeProfile};
use aq_proto::v1 as pb;
use pb::agent_service_server::AgentService;
use tonic::Request;

use super::convert;
use super::incoming::{agent_id, given, mask, member, optional_account, profile, runtime, short};
use super::page::Page;
use super::service::{Api, Done};
use super::status::{ApiError, Reply};
use crate::commands::agents::{self, AgentFields};
use crate::commands::{self, Context};
use crate::lifecycle::Tx;
use crate::store::{details, tasks};

const FIELDS: &[&str] = &[
    "name",
    "runtime",
    "profile",
    "account_id",
    "profile.command",
    "profile.model",
    "profile.permission_mode",
    "profile.allowed_tools",
    "profile.mcp_servers",
    "profile.system_prompt_suffix",
    "profile.env",
];

/// The service.
pub(super) struct Agents(pub(super) Api);

/// An agent as the answer of a mutation, read back inside its transaction.
fn shown(tx: &mut Tx<'_>, context: &Context, agent: &aq_core::agent::Agent) -> Result<Done<pb::Agent>, ApiError> {
    let mut shown = convert::agent(tx.state, agent, &context.principal.projects);
    shown.total_tokens = details::tokens_by_agent(tx.db)?.get(agent.id.as_str()).copied().unwrap_or(0);
    if !shown.current_task_id.is_empty() {
        let task = tasks::by_id(tx.db, &aq_core::ids::TaskId::from_trusted(&shown.current_task_id))?;
        shown.current_task_title = task.map(|record| record.task.title).unwrap_or_default();
    }
    Ok(shown.into())
}

/// The parts of a profile that a mask names, laid over the present one.
fn lay(named: &std::collections::BTreeSet<&'static str>, new: &RuntimeProfile, present: &RuntimeProfile) -> RuntimeProfile {
    let whole = named.contains("profile");
    let pick = |field: &str| whole || named.contains(field);
    let from = |field: &str| if pick(field) { new } else { present };
    RuntimeProfile {
        command: from("profile.command").command.clone(),
        model: from("profile.model").model.clone(),
        permission_mode: from("profile.permission_mode").permission_mode.clone(),
        allowed_tools: from("profile.allowed_tools").allowed_tools.clone(),
        mcp_servers: keep_secrets(&from("profile.mcp_servers").mcp_servers, &present.mcp_servers),
        system_prompt_suffix: from("profile.system_prompt_suffix").system_prompt_suffix.clone(),
        // Answers hold names without values: a value that comes back empty is the one that is stored.
        env: kept(&from("profile.env").env, &present.env),
        login_dir: present.login_dir.clone(),
    }
}

/// Secrets as given; a value that comes back empty is the one that is stored under its name.
fn kept(given: &BTreeMap<String, String>, present: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let keep = |(name, value): (&String, &String)| {
        let stored = if value.is_empty() { present.get(name) } else { None };
        (name.clone(), stored.unwrap_or(value).clone())
    };
    given.iter().map(keep).collect()
}

/// MCP servers as given, with the secrets that are stored for a server of the same name.
fn keep_secrets(given: &[McpServer], present: &[McpServer]) -> Vec<McpServer> {
    let mut servers = given.to_vec();
    for server in &mut servers {
        if let Some(stored) = present.iter().find(|stored| stored.name == server.name) {
            *server.secrets_mut() = kept(server.secrets(), stored.secrets());
        }
    }
    servers
}

impl Agents {
    async fn pause(&self, context: &Context, id: AgentId, body: &impl super::idempotency::Mutation, paused: bool) -> Reply<pb::Agent> {
        let set = move |tx: &mut Tx<'_>, context: &Context| {
            let agent = agents::set_paused(tx, context, &id, paused)?;
            shown(tx, context, &agent)
        };
        self.0.mutate(context, body, set).await
    }
}

#[tonic::async_trait]
impl AgentService for Agents {
    async fn create_agent(&self, request: Request<pb::CreateAgentRequest>) -> Reply<pb::Agent> {
        let call = self.0.admit(request)?;
        let body = &call.body;
        let fields = AgentFields {
            name: Some(short("name", &body.name)?).filter(|name| !name.is_empty()),
            runtime: Some(runtime("runtime", body.runtime)?.ok_or_else(|| {
                ApiError::invalid("runtime", "is missing; choose scripted, command, claude, codex, gemini, opencode or acp")
            })?),
            profile: body.profile.as_ref().map(|new| profile("profile", new)).transpose()?,
            account: Some(optional_account("account_id", &body.account_id)?),
        };
        let create = move |tx: &mut Tx<'_>, context: &Context| {
            let agent = agents::create(tx, context, &fields)?;
            shown(tx, context, &agent)
        };
        self.0.mutate(&call.context, &call.body, create).await
    }

    async fn get_agent(&self, request: Request<pb::GetAgentRequest>) -> Reply<pb::Agent> {
        let call = self.0.admit(request)?;
        let id = agent_id("agent_id", &call.body.agent_id)?;
        let found = self.0.show_agents(&call.context, &call.context.principal.projects, Some(id.clone())).await?.pop();
        Ok(tonic::Response::new(found.ok_or_else(|| ApiError::not_found("agent", id.as_str()))?))
    }

    async fn list_agents(&self, request: Request<pb::ListAgentsRequest>) -> Reply<pb::ListAgentsResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<String>::of(&call.body)?;
        let runtime = convert::runtime(runtime("runtime", call.body.runtime)?);
        let state = member::<pb::AgentState>("state", call.body.state)?;
        let mut found = self.0.show_agents(&call.context, &call.context.principal.projects, None).await?;
        found.retain(|agent| (runtime == 0 || agent.runtime == runtime) && state.is_none_or(|state| agent.state == i32::from(state)));
        let slice = page.slice(found, |agent| agent.id.clone());
        Ok(tonic::Response::new(pb::ListAgentsResponse { agents: slice.items, next_page_token: slice.next, total_size: slice.total }))
    }

    async fn update_agent(&self, request: Request<pb::UpdateAgentRequest>) -> Reply<pb::Agent> {
        let call = self.0.admit(request)?;
        let new = given("agent", call.body.agent.as_ref())?;
        let id = agent_id("agent.id", &new.id)?;
        let named = mask(call.body.update_mask.as_ref(), FIELDS)?;
        let kind = if named.contains("runtime") {
            let missing =
                || ApiError::invalid("agent.runtime", "is missing; choose scripted, command, claude, codex, gemini, opencode or acp");
            Some(runtime("agent.runtime", new.runtime)?.ok_or_else(missing)?)
        } else {
            None
        };
        let name = if named.contains("name") { Some(short("agent.name", &new.name)?) } else { None };
        let account = if named.contains("account_id") { Some(optional_account("agent.account_id", &new.account_id)?) } else { None };
        let given = profile("agent.profile", &new.profile.clone().unwrap_or_default())?;
        let touched = named.iter().any(|field| field.starts_with("profile"));
        let update = move |tx: &mut Tx<'_>, context: &Context| {
            let present = commands::agent(tx, &id)?.profile;
            let profile = touched.then(|| lay(&named, &given, &present));
            let fields = AgentFields { name: name.clone(), runtime: kind, profile, account: account.clone() };
            let agent = agents::edit(tx, context, &id, &fields)?;
            shown(tx, context, &agent)
        };
        self.0.mutate(&call.context, &call.body, update).await
    }

    async fn pause_agent(&self, request: Request<pb::PauseAgentRequest>) -> Reply<pb::Agent> {
        let call = self.0.admit(request)?;
        let id = agent_id("agent_id", &call.body.agent_id)?;
        self.pause(&call.context, id, &call.body, true).await
    }

    async fn resume_agent(&self, request: Request<pb::ResumeAgentRequest>) -> Reply<pb::Agent> {
        let call = self.0.admit(request)?;
        let id = agent_id("agent_id", &call.body.agent_id)?;
        self.pause(&call.context, id, &call.body, false).await
    }

    async fn delete_agent(&self, request: Request<pb::DeleteAgentRequest>) -> Reply<pb::DeleteAgentResponse> {
        let call = self.0.admit(request)?;
        let id = agent_id("agent_id", &call.body.agent_id)?;
        let delete = move |tx: &mut Tx<'_>, context: &Context| {
            let gone = agents::delete(tx, context, &id)?;
            Ok(pb::DeleteAgentResponse { name: gone.name }.into())
        };
        self.0.mutate(&call.context, &call.body, delete).await
    }
}
