//! From the wire to the domain: ids, enumerations, texts, instants, field masks. What is wrong is told with the name of its field.

use std::collections::BTreeSet;

use aq_core::ids::{AccountId, AgentId, InvalidId, ProjectId, TaskId, WorkspaceId};
use aq_core::profile::{McpServer, McpTransport, RuntimeProfile};
use aq_core::project::PlanApproval;
use aq_core::runtime::{RuntimeKind, RuntimeSet};
use aq_core::task::{TaskStatus, TaskType, VerificationType};
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;

use super::status::ApiError;
use crate::commands::CommandError;

/// Longest short text (names, reasons, paths), in bytes.
pub(super) const MAX_SHORT: usize = 4096;
/// Most entries of a repeated field that is not a list of tasks.
pub(super) const MAX_ENTRIES: usize = 200;

macro_rules! ids {
    ($($name:ident $($optional:ident)? = $kind:ident),+) => {$(
        /// The id in a field.
        pub(super) fn $name(field: &str, text: &str) -> Result<$kind, ApiError> {
            $kind::parse(text).map_err(|error| bad_id(field, &error))
        }

        $(/// The id in a field that may be empty.
        pub(super) fn $optional(field: &str, text: &str) -> Result<Option<$kind>, ApiError> {
            if text.is_empty() { Ok(None) } else { $name(field, text).map(Some) }
        })?
    )+};
}

ids!(
    task_id optional_task = TaskId,
    project_id optional_project = ProjectId,
    agent_id optional_agent = AgentId,
    workspace_id optional_workspace = WorkspaceId,
    account_id optional_account = AccountId
);

/// Ids that come from outside may be long and odd; the error repeats only the beginning.
fn bad_id(field: &str, error: &InvalidId) -> ApiError {
    let text: String = error.to_string().chars().take(200).collect();
    ApiError::invalid(field, text)
}

/// The ids in a repeated field.
pub(super) fn project_ids(field: &str, texts: &[String]) -> Result<Vec<ProjectId>, ApiError> {
    few(field, texts.len())?;
    texts.iter().enumerate().map(|(index, text)| project_id(&format!("{field}[{index}]"), text)).collect()
}

/// Refuses a repeated field with too many entries.
pub(super) fn few(field: &str, count: usize) -> Result<(), ApiError> {
    if count > MAX_ENTRIES {
        return Err(ApiError::invalid(field, format!("has {count} entries; at most {MAX_ENTRIES} are allowed")));
    }
    Ok(())
}

/// A short text.
pub(super) fn short(field: &str, text: &str) -> Result<String, ApiError> {
    if text.len() > MAX_SHORT {
        return Err(ApiError::invalid(field, format!("is longer than {MAX_SHORT} bytes")));
    }
    if text.contains('\0') {
        return Err(ApiError::invalid(field, "holds a NUL character"));
    }
    Ok(text.to_owned())
}

/// A short text that must be there.
pub(super) fn filled(field: &str, text: &str) -> Result<String, ApiError> {
    let text = short(field, text)?;
    if text.is_empty() { Err(ApiError::invalid(field, "is empty; name one")) } else { Ok(text) }
}

/// The member of an enumeration; `None` for its zero value. A number that this version does not know is refused.
pub(super) fn member<E: TryFrom<i32> + Into<i32> + Copy>(field: &str, value: i32) -> Result<Option<E>, ApiError> {
    let known = E::try_from(value).map_err(|_| ApiError::invalid(field, format!("{value} is not a value that this server knows")))?;
    Ok((known.into() != 0).then_some(known))
}

/// The runtime in a field.
pub(super) fn runtime(field: &str, value: i32) -> Result<Option<RuntimeKind>, ApiError> {
    Ok(member::<pb::Runtime>(field, value)?.and_then(|runtime| match runtime {
        pb::Runtime::Unspecified => None,
        pb::Runtime::Scripted => Some(RuntimeKind::Scripted),
        pb::Runtime::Command => Some(RuntimeKind::Command),
        pb::Runtime::Claude => Some(RuntimeKind::Claude),
        pb::Runtime::Codex => Some(RuntimeKind::Codex),
        pb::Runtime::Gemini => Some(RuntimeKind::Gemini),
        pb::Runtime::Opencode => Some(RuntimeKind::OpenCode),
        pb::Runtime::Acp => Some(RuntimeKind::Acp),
    }))
}

/// Who checks work; `None`: nothing is said.
pub(super) fn verification(field: &str, value: i32) -> Result<Option<VerificationType>, ApiError> {
    Ok(member::<pb::Verification>(field, value)?.and_then(|verification| match verification {
        pb::Verification::Unspecified => None,
        pb::Verification::None => Some(VerificationType::None),
        pb::Verification::Tests => Some(VerificationType::AutoTest),
        pb::Verification::QaAgent => Some(VerificationType::QaAgent),
        pb::Verification::Human => Some(VerificationType::Human),
    }))
}

/// What happens between a plan and its tasks; `None`: nothing is said.
pub(super) fn plan_approval(field: &str, value: i32) -> Result<Option<PlanApproval>, ApiError> {
    Ok(member::<pb::PlanApproval>(field, value)?.and_then(|rule| match rule {
        pb::PlanApproval::None => Some(PlanApproval::None),
        pb::PlanApproval::Approve => Some(PlanApproval::Approve),
        pb::PlanApproval::Unspecified => None,
    }))
}

/// Runtimes to fall back to.
pub(super) fn runtimes(field: &str, values: &[i32]) -> Result<RuntimeSet, ApiError> {
    few(field, values.len())?;
    let each = values.iter().enumerate().map(|(index, value)| {
        let field = format!("{field}[{index}]");
        runtime(&field, *value)?.ok_or_else(|| ApiError::invalid(field, "is unspecified; name a runtime"))
    });
    each.collect()
}

/// The type of a task in a field.
pub(super) fn task_type(field: &str, value: i32) -> Result<Option<TaskType>, ApiError> {
    Ok(member::<pb::TaskType>(field, value)?.and_then(|kind| match kind {
        pb::TaskType::Unspecified => None,
        pb::TaskType::Feature => Some(TaskType::Feature),
        pb::TaskType::Bugfix => Some(TaskType::Bugfix),
        pb::TaskType::Refactor => Some(TaskType::Refactor),
        pb::TaskType::Test => Some(TaskType::Test),
        pb::TaskType::Docs => Some(TaskType::Docs),
        pb::TaskType::Chore => Some(TaskType::Chore),
        pb::TaskType::Research => Some(TaskType::Research),
        pb::TaskType::Plan => Some(TaskType::Plan),
    }))
}

/// The status of a task in a field; `None` for the zero value.
pub(super) fn task_status(field: &str, value: i32) -> Result<Option<TaskStatus>, ApiError> {
    Ok(member::<pb::TaskStatus>(field, value)?.and_then(|status| match status {
        pb::TaskStatus::Unspecified => None,
        pb::TaskStatus::Defined => Some(TaskStatus::Defined),
        pb::TaskStatus::Ready => Some(TaskStatus::Ready),
        pb::TaskStatus::Assigned => Some(TaskStatus::Assigned),
        pb::TaskStatus::InProgress => Some(TaskStatus::InProgress),
        pb::TaskStatus::WaitingInput => Some(TaskStatus::WaitingInput),
        pb::TaskStatus::Paused => Some(TaskStatus::Paused),
        pb::TaskStatus::Verifying => Some(TaskStatus::Verifying),
        pb::TaskStatus::AwaitingApproval => Some(TaskStatus::AwaitingApproval),
        pb::TaskStatus::Completed => Some(TaskStatus::Completed),
        pb::TaskStatus::Failed => Some(TaskStatus::Failed),
        pb::TaskStatus::Blocked => Some(TaskStatus::Blocked),
    }))
}

/// The instant in a field that may be unset.
pub(super) fn instant(field: &str, time: Option<&prost_types::Timestamp>) -> Result<Option<Timestamp>, ApiError> {
    let millis = time.map(aq_proto::time::millis).transpose().map_err(|error| ApiError::invalid(field, error.to_string()))?;
    Ok(millis.map(Timestamp::from_millis))
}

/// The length of time in a field that may be unset, in milliseconds.
pub(super) fn length(field: &str, length: Option<&prost_types::Duration>) -> Result<Option<std::time::Duration>, ApiError> {
    length.map(aq_proto::time::length).transpose().map_err(|error| ApiError::invalid(field, error.to_string()))
}

/// A part of a whole, from 0.0 to 1.0.
pub(super) fn part(field: &str, value: Option<f64>) -> Result<Option<f64>, ApiError> {
    match value {
        Some(value) if !(0.0..=1.0).contains(&value) => Err(ApiError::invalid(field, "must be from 0.0 to 1.0")),
        other => Ok(other),
    }
}

/// How a program is run. The login folder comes from the account, never from here.
pub(super) fn profile(field: &str, profile: &pb::RuntimeProfile) -> Result<RuntimeProfile, ApiError> {
    let at = |name: &str| format!("{field}.{name}");
    few(&at("command"), profile.command.len())?;
    few(&at("allowed_tools"), profile.allowed_tools.len())?;
    few(&at("env"), profile.env.len())?;
    for (index, argument) in profile.command.iter().enumerate() {
        short(&format!("{field}.command[{index}]"), argument)?;
    }
    for (name, value) in &profile.env {
        variable(&at("env"), name, value)?;
    }
    few(&at("mcp_servers"), profile.mcp_servers.len())?;
    let servers = profile.mcp_servers.iter().enumerate();
    let mcp_servers = servers.map(|(index, server)| mcp_server(&at(&format!("mcp_servers[{index}]")), server)).collect::<Result<_, _>>()?;
    Ok(RuntimeProfile {
        command: profile.command.clone(),
        model: short(&at("model"), &profile.model)?,
        permission_mode: short(&at("permission_mode"), &profile.permission_mode)?,
        allowed_tools: profile.allowed_tools.clone(),
        mcp_servers,
        system_prompt_suffix: profile.system_prompt_suffix.clone(),
        env: profile.env.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        login_dir: String::new(),
    })
}

/// The limit in a field that may be unset, in milliseconds.
pub(super) fn limit_ms(field: &str, value: Option<&prost_types::Duration>) -> Result<Option<u64>, ApiError> {
    Ok(length(field, value)?.map(|length| u64::try_from(length.as_millis()).unwrap_or(u64::MAX)))
}

/// Refuses what cannot be a variable, or a header of HTTP.
fn variable(field: &str, name: &str, value: &str) -> Result<(), ApiError> {
    let named = !name.is_empty() && name.len() <= 256 && !name.contains(['=', '\0']);
    if !named || value.contains('\0') || value.len() > 32 * 1024 {
        let name: String = name.chars().take(64).collect();
        return Err(ApiError::invalid(field, format!("`{name}` is not the name and value of a variable")));
    }
    Ok(())
}

/// An MCP server: one that has a URL is reached by HTTP, any other is a program.
fn mcp_server(field: &str, server: &pb::McpServer) -> Result<McpServer, ApiError> {
    let at = |name: &str| format!("{field}.{name}");
    few(&at("args"), server.args.len())?;
    let secrets = |name: &str, given: &[pb::NamedSecret]| {
        few(&at(name), given.len())?;
        given.iter().try_for_each(|secret| variable(&at(name), &secret.name, &secret.value))?;
        Ok::<_, ApiError>(given.iter().map(|secret| (secret.name.clone(), secret.value.clone())).collect())
    };
    let remote = !server.url.is_empty();
    let stray = match remote {
        true if !server.command.is_empty() => Some("command"),
        true if !server.args.is_empty() => Some("args"),
        true if !server.env.is_empty() => Some("env"),
        false if !server.headers.is_empty() => Some("headers"),
        _ => None,
    };
    if let Some(stray) = stray {
        let problem = if remote { "cannot stand beside a url; a server is a program or a url" } else { "are sent to a url; give one" };
        return Err(ApiError::invalid(at(stray), problem));
    }
    let transport = if remote {
        McpTransport::Http { url: short(&at("url"), &server.url)?, headers: secrets("headers", &server.headers)? }
    } else {
        let args = server.args.iter().enumerate().map(|(index, argument)| short(&at(&format!("args[{index}]")), argument));
        McpTransport::Stdio {
            command: short(&at("command"), &server.command)?,
            args: args.collect::<Result<_, _>>()?,
            env: secrets("env", &server.env)?,
        }
    };
    Ok(McpServer { name: short(&at("name"), &server.name)?, transport })
}

/// The fields that an update names. `*` stands for all of them; an unknown one is refused with the list.
pub(super) fn mask(mask: Option<&prost_types::FieldMask>, allowed: &[&'static str]) -> Result<BTreeSet<&'static str>, ApiError> {
    let list = || allowed.join(", ");
    let paths = mask.map_or(&[][..], |mask| &mask.paths);
    if paths.is_empty() {
        return Err(ApiError::invalid("update_mask", format!("names no field; allowed: {}, or `*` for all", list())));
    }
    few("update_mask", paths.len())?;
    let mut named = BTreeSet::new();
    let mut wrong = Vec::new();
    for path in paths {
        match allowed.iter().find(|known| *known == path) {
            _ if path == "*" => named.extend(allowed.iter().copied().filter(|name| !name.contains('.'))),
            Some(known) => {
                named.insert(*known);
            }
            None => {
                let path: String = path.chars().take(64).collect();
                let problem = format!("`{path}` is not a field that can be changed; allowed: {}, or `*` for all", list());
                wrong.push(crate::commands::Violation::new("update_mask", problem));
            }
        }
    }
    if wrong.is_empty() { Ok(named) } else { Err(CommandError::Invalid(wrong).into()) }
}

/// The part of an update that holds the new values.
pub(super) fn given<T>(field: &str, value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::invalid(field, "is missing"))
}
