//! Messages of the contract as JSON and YAML, with the names of proto JSON, by the descriptors of the contract.
//!
//! Spec: specs/cli/rendering.md

use std::sync::LazyLock;

use aq_proto::{FILE_DESCRIPTOR_SET, v1};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

use crate::clean;
use crate::error::CliError;

/// A message that can be printed as data.
pub(crate) trait Wire: prost::Message {
    /// The full name in the contract.
    const NAME: &'static str;
}

macro_rules! wire {
    ($($message:ident),+ $(,)?) => {
        $(impl Wire for v1::$message {
            const NAME: &'static str = concat!("agentqueue.v1.", stringify!($message));
        })+

        #[cfg(test)]
        const NAMES: &[&str] = &[$(<v1::$message as Wire>::NAME),+];
    };
}

wire!(
    Account,
    Agent,
    ApiKey,
    ArchiveTasksResponse,
    ApprovePlanResponse,
    Backup,
    BatchCreateTasksResponse,
    ChatResponse,
    CheckInvariantsResponse,
    CreateApiKeyResponse,
    CreatePlanResponse,
    DeleteAccountResponse,
    DeleteAgentResponse,
    DeleteProjectResponse,
    DeleteTaskResponse,
    Event,
    ExplainTaskResponse,
    GetArchiveSettingsResponse,
    GetChainHealthResponse,
    GetPlanResponse,
    GetTaskResponse,
    GetTaskTreeResponse,
    GetTokenUsageResponse,
    CheckConflictsResponse,
    CommitChangesResponse,
    CreateBranchResponse,
    CreatePullRequestResponse,
    GetDiffResponse,
    GetGitStatusResponse,
    GetTaskErrorResponse,
    GetTaskResultResponse,
    ListBranchesResponse,
    ListCommitsResponse,
    MergeBranchResponse,
    PushBranchResponse,
    SwitchBranchResponse,
    ListAccountsResponse,
    ListAgentsResponse,
    ListApiKeysResponse,
    ListAuditRecordsResponse,
    ListArchivedTasksResponse,
    ListDependenciesResponse,
    ListEventsResponse,
    ListBudgetsResponse,
    Budget,
    ForecastTasksResponse,
    ListLimitWindowsResponse,
    ListMessagesResponse,
    ListPermissionGrantsResponse,
    ListPlansResponse,
    ListProjectsResponse,
    ListQuestionsResponse,
    ListRunsResponse,
    ListTasksResponse,
    ListWorkspacesResponse,
    CompareNotesResponse,
    DeleteHookResponse,
    Hook,
    HookAction,
    HookRun,
    HookStep,
    ListHookRunsResponse,
    ListHookTimesResponse,
    ListHooksResponse,
    DeleteNoteResponse,
    DeletePromptResponse,
    ListNotesResponse,
    ListPromptsResponse,
    Note,
    PromptTemplate,
    RenderPromptResponse,
    PermissionGrant,
    Plan,
    Project,
    RemoveWorkspaceResponse,
    Run,
    ProposeTaskResponse,
    SendMessageResponse,
    ShutdownResponse,
    SkipTaskResponse,
    StreamRunOutputResponse,
    SystemStatus,
    Task,
    VerifyAuditLogResponse,
    Workspace,
);

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap_or_default());

fn reflect<M: Wire>(message: &M) -> Result<DynamicMessage, CliError> {
    let descriptor = POOL.get_message_by_name(M::NAME).ok_or_else(|| CliError::failure(format!("the contract has no {}", M::NAME)))?;
    DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .map_err(|error| CliError::failure(format!("cannot read {} by its descriptor: {error}", M::NAME)))
}

/// A message from its JSON form, as [`json`] writes it; unknown fields are refused.
///
/// # Errors
/// What is wrong with it, naming the argument that it came from.
pub(crate) fn from_json<M: Wire + Default>(text: &str, argument: &str) -> Result<M, CliError> {
    let descriptor = POOL.get_message_by_name(M::NAME).ok_or_else(|| CliError::failure(format!("the contract has no {}", M::NAME)))?;
    let mut source = serde_json::Deserializer::from_str(text);
    let message = DynamicMessage::deserialize(descriptor, &mut source).map_err(|error| CliError::usage(format!("{argument}: {error}")))?;
    source.end().map_err(|error| CliError::usage(format!("{argument}: {error}")))?;
    message.transcode_to().map_err(|error| CliError::usage(format!("{argument}: {error}")))
}

/// Fields at their default are written too, so that scripts find every field.
fn options() -> SerializeOptions {
    SerializeOptions::new().skip_default_fields(false)
}

/// The message as indented JSON.
///
/// # Errors
/// When the descriptors do not know the message, which a test rules out.
pub(crate) fn json<M: Wire>(message: &M) -> Result<String, CliError> {
    let mut buffer = Vec::new();
    let mut serializer = serde_json::Serializer::pretty(&mut buffer);
    reflect(message)?.serialize_with_options(&mut serializer, &options()).map_err(|error| CliError::failure(error.to_string()))?;
    Ok(clean::json(&String::from_utf8_lossy(&buffer)))
}

/// The message as one line of JSON.
///
/// # Errors
/// As [`json`].
pub(crate) fn json_line<M: Wire>(message: &M) -> Result<String, CliError> {
    let mut buffer = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut buffer);
    reflect(message)?.serialize_with_options(&mut serializer, &options()).map_err(|error| CliError::failure(error.to_string()))?;
    Ok(clean::json(&String::from_utf8_lossy(&buffer)))
}

/// The message as a YAML document without a leading marker.
///
/// # Errors
/// As [`json`].
pub(crate) fn yaml<M: Wire>(message: &M) -> Result<String, CliError> {
    let failed = |error: serde_yaml::Error| CliError::failure(error.to_string());
    let mut value = reflect(message)?.serialize_with_options(serde_yaml::value::Serializer, &options()).map_err(failed)?;
    clean_yaml(&mut value);
    serde_yaml::to_string(&value).map_err(failed)
}

/// YAML has no escape inside of block texts, so that unsafe characters are replaced before writing.
pub(crate) fn clean_yaml(value: &mut serde_yaml::Value) {
    match value {
        serde_yaml::Value::String(text) => {
            *text = text.chars().map(|c| if c != '\n' && clean::is_unsafe(c) { '\u{fffd}' } else { c }).collect();
        }
        serde_yaml::Value::Sequence(items) => items.iter_mut().for_each(clean_yaml),
        serde_yaml::Value::Mapping(entries) => entries.values_mut().for_each(clean_yaml),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// commands R4: every message that we print is known to the descriptors.
    #[test]
    fn every_printed_message_is_described() {
        for name in NAMES {
            assert!(POOL.get_message_by_name(name).is_some(), "{name}");
        }
    }

    /// commands R4, F-237: proto JSON names, enums by name, defaults written.
    #[test]
    fn json_has_the_names_of_proto_json() {
        let task =
            v1::Task { id: "swift-falcon".into(), status: v1::TaskStatus::InProgress.into(), token_budget: Some(5), ..Default::default() };
        let value: serde_json::Value = serde_json::from_str(&json(&task).unwrap()).unwrap();
        assert_eq!(value["status"], "TASK_STATUS_IN_PROGRESS");
        assert_eq!(value["tokenBudget"], "5");
        assert_eq!(value["requiresApproval"], false);
        assert_eq!(json_line(&task).unwrap().lines().count(), 1);
        assert!(yaml(&task).unwrap().contains("id: swift-falcon\n"));
    }

    proptest! {
        /// I-49, rendering R2: data formats carry no control characters either.
        #[test]
        fn data_carries_no_control_characters(text in any::<String>()) {
            let task = v1::Task { title: text.clone(), description: text, ..Default::default() };
            for written in [json(&task).unwrap(), json_line(&task).unwrap(), yaml(&task).unwrap()] {
                prop_assert!(!written.chars().any(|c| c != '\n' && clean::is_unsafe(c)), "{written:?}");
            }
        }
    }
}
