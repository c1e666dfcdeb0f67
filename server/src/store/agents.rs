//! Agents. Whether one is busy is told by the open runs; the pause and a fault are stored.

use std::collections::BTreeMap;

use aq_core::agent::{Agent, AgentFault};
use aq_core::ids::{AccountId, AgentId};
use aq_core::output::FailureClass;
use aq_core::profile::{McpServer, McpTransport, RuntimeProfile};
use aq_core::time::Timestamp;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::aside::Readable;
use super::columns;
use super::dialect::{Connection, queries};
use super::error::StoreError;
use super::schema::agents;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = agents, treat_none_as_null = true)]
struct Row {
    id: String,
    name: String,
    runtime: String,
    paused: bool,
    account_id: Option<String>,
    profile: String,
    created_at: i64,
    updated_at: i64,
    fault: Option<String>,
}

/// The stored form of a fault.
#[derive(Serialize, Deserialize)]
struct StoredFault {
    class: String,
    message: String,
    task: i64,
    since: i64,
    times: u32,
    until: i64,
}

impl From<&AgentFault> for StoredFault {
    fn from(fault: &AgentFault) -> Self {
        Self {
            class: fault.class.as_str().to_owned(),
            message: fault.message.clone(),
            task: fault.task,
            since: fault.since.as_millis(),
            times: fault.times,
            until: fault.until.as_millis(),
        }
    }
}

impl TryFrom<StoredFault> for AgentFault {
    type Error = StoreError;

    fn try_from(stored: StoredFault) -> Result<Self, StoreError> {
        Ok(Self {
            class: columns::read("agents.fault", &stored.class, FailureClass::parse)?,
            message: stored.message,
            task: stored.task,
            since: Timestamp::from_millis(stored.since),
            times: stored.times,
            until: Timestamp::from_millis(stored.until),
        })
    }
}

/// The stored form of a profile. Fields that are missing in an old row take their default.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct StoredProfile {
    command: Vec<String>,
    model: String,
    permission_mode: String,
    allowed_tools: Vec<String>,
    mcp_servers: Vec<StoredServer>,
    system_prompt_suffix: String,
    env: BTreeMap<String, String>,
    login_dir: String,
}

/// The stored form of an MCP server: one with a URL is reached by HTTP, any other is a program.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct StoredServer {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    command: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    args: Vec<String>,
    /// Variables of a program, headers for a URL.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<String, String>,
}

impl From<McpServer> for StoredServer {
    fn from(server: McpServer) -> Self {
        match server.transport {
            McpTransport::Stdio { command, args, env } => Self { name: server.name, command, args, secrets: env, ..Self::default() },
            McpTransport::Http { url, headers } => Self { name: server.name, url, secrets: headers, ..Self::default() },
        }
    }
}

impl From<StoredServer> for McpServer {
    fn from(stored: StoredServer) -> Self {
        let StoredServer { name, url, command, args, secrets } = stored;
        let transport = match url.is_empty() {
            true => McpTransport::Stdio { command, args, env: secrets },
            false => McpTransport::Http { url, headers: secrets },
        };
        Self { name, transport }
    }
}

impl TryFrom<Row> for Agent {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let profile: StoredProfile = columns::json("agents.profile", &row.profile)?;
        let fault: Option<StoredFault> = row.fault.as_deref().map(|text| columns::json("agents.fault", text)).transpose()?;
        Ok(Self {
            id: AgentId::from_trusted(&row.id),
            name: row.name,
            runtime: columns::runtime("agents.runtime", &row.runtime)?,
            profile: RuntimeProfile {
                command: profile.command,
                model: profile.model,
                permission_mode: profile.permission_mode,
                allowed_tools: profile.allowed_tools,
                mcp_servers: profile.mcp_servers.into_iter().map(McpServer::from).collect(),
                system_prompt_suffix: profile.system_prompt_suffix,
                env: profile.env,
                login_dir: profile.login_dir,
            },
            account: row.account_id.as_deref().map(AccountId::from_trusted),
            paused: row.paused,
            fault: fault.map(AgentFault::try_from).transpose()?,
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        })
    }
}

impl From<&Agent> for Row {
    fn from(agent: &Agent) -> Self {
        let profile = agent.profile.clone();
        Self {
            id: agent.id.as_str().to_owned(),
            name: agent.name.clone(),
            runtime: agent.runtime.as_str().to_owned(),
            paused: agent.paused,
            account_id: agent.account.as_ref().map(|account| account.as_str().to_owned()),
            profile: columns::to_json(&StoredProfile {
                command: profile.command,
                model: profile.model,
                permission_mode: profile.permission_mode,
                allowed_tools: profile.allowed_tools,
                mcp_servers: profile.mcp_servers.into_iter().map(StoredServer::from).collect(),
                system_prompt_suffix: profile.system_prompt_suffix,
                env: profile.env,
                login_dir: profile.login_dir,
            }),
            created_at: agent.created_at.as_millis(),
            updated_at: agent.updated_at.as_millis(),
            fault: agent.fault.as_ref().map(|fault| columns::to_json(&StoredFault::from(fault))),
        }
    }
}

/// The agents that can be read, oldest first.
///
/// # Errors
/// Whatever the database answers.
pub fn all(connection: &mut Connection) -> Result<Vec<Agent>, StoreError> {
    Ok(readable(connection)?.rows)
}

queries! {
    /// Adds an agent. [`StoreError::Conflict`] when its id was used before, by a deleted agent too.
    pub fn insert(connection, agent: &Agent) -> Result<(), StoreError> {
        diesel::insert_into(agents::table).values(Row::from(agent)).execute(connection)?;
        Ok(())
    }

    /// Writes an agent that was read before.
    pub fn update(connection, agent: &Agent) -> Result<(), StoreError> {
        let changed = diesel::update(agents::table.find(agent.id.as_str())).set(Row::from(agent)).execute(connection)?;
        if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }

    /// Every agent that was not deleted, by creation; what it works on is filled in by the caller.
    pub fn readable(connection) -> Result<Readable<Agent>, StoreError> {
        let rows: Vec<Row> = agents::table
            .filter(agents::deleted_at.is_null())
            .order((agents::created_at, agents::id))
            .select(Row::as_select())
            .load(connection)?;
        let mut found = Readable::default();
        for row in rows {
            let id = row.id.clone();
            found.take(|| format!("agent {id}"), Agent::try_from(row))?;
        }
        Ok(found)
    }

    /// Marks an agent as deleted; its id stays taken, so that what it did keeps its name.
    pub fn delete(connection, id: &AgentId, now: Timestamp) -> Result<(), StoreError> {
        let changed = diesel::update(agents::table.filter(agents::id.eq(id.as_str()).and(agents::deleted_at.is_null())))
            .set(agents::deleted_at.eq(now.as_millis()))
            .execute(connection)?;
        if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }
}
