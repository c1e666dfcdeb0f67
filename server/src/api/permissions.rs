//! Which role may make which call: the one table. A call that is not in it is denied to everyone.
//!
//! Which projects a key sees is decided where things are looked up (`commands::Context::sees`).

use aq_core::principal::Role;
use aq_proto::v1 as pb;

/// A request of the contract: names its call.
pub trait Call {
    /// The path of the call, for example `/agentqueue.v1.TaskService/CreateTask`.
    const PATH: &'static str;
    /// The roles that may make it.
    const ROLES: &'static [Role];
}

/// Looks, within its projects.
const READ: &[Role] = &[Role::Viewer, Role::Operator, Role::Admin, Role::Gateway];
/// Also an agent, about its own task, and the notes of its project.
const OWN: &[Role] = &[Role::Viewer, Role::Operator, Role::Admin, Role::Gateway, Role::Run];
/// Works with tasks; also an agent, within what its project allows.
const PROPOSE: &[Role] = &[Role::Operator, Role::Admin, Role::Gateway, Role::Run];
/// Works with tasks, within its projects.
const WORK: &[Role] = &[Role::Operator, Role::Admin, Role::Gateway];
/// Changes what work is done with: projects, workspaces, agents, hooks.
const MANAGE: &[Role] = &[Role::Admin, Role::Gateway];
/// Keys, accounts with their secrets, the end of the server.
const ADMIN: &[Role] = &[Role::Admin];

macro_rules! table {
    ($($service:ident { $($call:ident $request:ident $roles:ident,)+ })+) => {
        /// Every call of the contract with the roles that may make it. Api R1.
        pub const TABLE: &[(&str, &[Role])] = &[
            $($((concat!("/agentqueue.v1.", stringify!($service), "/", stringify!($call)), $roles),)+)+
        ];
        $($(
            impl Call for pb::$request {
                const PATH: &'static str = concat!("/agentqueue.v1.", stringify!($service), "/", stringify!($call));
                const ROLES: &'static [Role] = $roles;
            }
        )+)+
    };
}

table! {
    ProjectService {
        CreateProject CreateProjectRequest MANAGE,
        GetProject GetProjectRequest READ,
        ListProjects ListProjectsRequest READ,
        UpdateProject UpdateProjectRequest MANAGE,
        PauseProject PauseProjectRequest WORK,
        ResumeProject ResumeProjectRequest WORK,
        DeleteProject DeleteProjectRequest MANAGE,
    }
    WorkspaceService {
        AddWorkspace AddWorkspaceRequest MANAGE,
        ListWorkspaces ListWorkspacesRequest READ,
        RemoveWorkspace RemoveWorkspaceRequest MANAGE,
        ReleaseWorkspace ReleaseWorkspaceRequest MANAGE,
    }
    TaskService {
        CreateTask CreateTaskRequest WORK,
        BatchCreateTasks BatchCreateTasksRequest WORK,
        ProposeTask ProposeTaskRequest PROPOSE,
        ReportProgress ReportProgressRequest PROPOSE,
        AskHuman AskHumanRequest PROPOSE,
        GetTask GetTaskRequest OWN,
        ListTasks ListTasksRequest READ,
        GetTaskTree GetTaskTreeRequest READ,
        UpdateTask UpdateTaskRequest WORK,
        SetTaskStatus SetTaskStatusRequest WORK,
        AddDependency AddDependencyRequest WORK,
        RemoveDependency RemoveDependencyRequest WORK,
        ListDependencies ListDependenciesRequest READ,
        StopTask StopTaskRequest WORK,
        RestartTask RestartTaskRequest WORK,
        SkipTask SkipTaskRequest WORK,
        DeleteTask DeleteTaskRequest WORK,
        ApproveTask ApproveTaskRequest WORK,
        RejectTask RejectTaskRequest WORK,
        AnswerQuestion AnswerQuestionRequest WORK,
        SendMessage SendMessageRequest WORK,
        ListMessages ListMessagesRequest READ,
        ExplainTask ExplainTaskRequest READ,
        ForecastTasks ForecastTasksRequest READ,
        ListQuestions ListQuestionsRequest READ,
        ListPermissionGrants ListPermissionGrantsRequest READ,
        RevokePermissionGrant RevokePermissionGrantRequest WORK,
        ArchiveTasks ArchiveTasksRequest WORK,
        RestoreTask RestoreTaskRequest WORK,
        ListArchivedTasks ListArchivedTasksRequest READ,
        GetArchiveSettings GetArchiveSettingsRequest READ,
        GetChainHealth GetChainHealthRequest READ,
        CreateRepairTask CreateRepairTaskRequest WORK,
        GetTaskResult GetTaskResultRequest OWN,
        GetTaskError GetTaskErrorRequest READ,
    }
    PlanService {
        ListPlans ListPlansRequest READ,
        GetPlan GetPlanRequest READ,
        ApprovePlan ApprovePlanRequest WORK,
        RejectPlan RejectPlanRequest WORK,
        CreatePlan CreatePlanRequest WORK,
    }
    RunService {
        GetRun GetRunRequest OWN,
        ListRuns ListRunsRequest READ,
        StreamRunOutput StreamRunOutputRequest READ,
    }
    AgentService {
        CreateAgent CreateAgentRequest MANAGE,
        GetAgent GetAgentRequest READ,
        ListAgents ListAgentsRequest READ,
        UpdateAgent UpdateAgentRequest MANAGE,
        PauseAgent PauseAgentRequest MANAGE,
        ResumeAgent ResumeAgentRequest MANAGE,
        DeleteAgent DeleteAgentRequest MANAGE,
    }
    AccountService {
        CreateAccount CreateAccountRequest ADMIN,
        GetAccount GetAccountRequest READ,
        ListAccounts ListAccountsRequest READ,
        UpdateAccount UpdateAccountRequest ADMIN,
        DeleteAccount DeleteAccountRequest ADMIN,
        ListLimitWindows ListLimitWindowsRequest READ,
        GetTokenUsage GetTokenUsageRequest READ,
        ListBudgets ListBudgetsRequest READ,
        SetBudget SetBudgetRequest MANAGE,
    }
    GitService {
        GetGitStatus GetGitStatusRequest READ,
        ListBranches ListBranchesRequest READ,
        ListCommits ListCommitsRequest READ,
        GetDiff GetDiffRequest READ,
        CheckConflicts CheckConflictsRequest READ,
        CreateBranch CreateBranchRequest WORK,
        SwitchBranch SwitchBranchRequest WORK,
        CommitChanges CommitChangesRequest WORK,
        MergeBranch MergeBranchRequest WORK,
        PushBranch PushBranchRequest WORK,
        CreatePullRequest CreatePullRequestRequest WORK,
    }
    NoteService {
        ListNotes ListNotesRequest OWN,
        GetNote GetNoteRequest OWN,
        WriteNote WriteNoteRequest PROPOSE,
        AppendNote AppendNoteRequest PROPOSE,
        DeleteNote DeleteNoteRequest WORK,
        CompareNotes CompareNotesRequest READ,
    }
    PromptService {
        ListPrompts ListPromptsRequest READ,
        GetPrompt GetPromptRequest READ,
        RenderPrompt RenderPromptRequest READ,
        WritePrompt WritePromptRequest WORK,
        DeletePrompt DeletePromptRequest WORK,
    }
    ChatService {
        Chat ChatRequest READ,
        Summarize SummarizeRequest READ,
    }
    HookService {
        CreateHook CreateHookRequest MANAGE,
        GetHook GetHookRequest READ,
        ListHooks ListHooksRequest READ,
        UpdateHook UpdateHookRequest MANAGE,
        DeleteHook DeleteHookRequest MANAGE,
        EnableHook EnableHookRequest WORK,
        DisableHook DisableHookRequest WORK,
        FireHook FireHookRequest WORK,
        FireHookWebhook FireHookWebhookRequest WORK,
        ListHookRuns ListHookRunsRequest READ,
        GetHookRun GetHookRunRequest READ,
        ListHookTimes ListHookTimesRequest READ,
    }
    EventService {
        WatchEvents WatchEventsRequest READ,
        ListEvents ListEventsRequest READ,
        AcknowledgeEvents AcknowledgeEventsRequest READ,
        GetConsumer GetConsumerRequest READ,
        KeepRecords KeepRecordsRequest READ,
        ListRecords ListRecordsRequest READ,
    }
    McpService {
        ExchangeMcpMessage ExchangeMcpMessageRequest OWN,
    }
    AdminService {
        GetStatus GetStatusRequest READ,
        GetServerInfo GetServerInfoRequest OWN,
        PauseScheduling PauseSchedulingRequest MANAGE,
        ResumeScheduling ResumeSchedulingRequest MANAGE,
        Shutdown ShutdownRequest ADMIN,
        CheckInvariants CheckInvariantsRequest ADMIN,
        CreateBackup CreateBackupRequest ADMIN,
        CreateApiKey CreateApiKeyRequest ADMIN,
        ListApiKeys ListApiKeysRequest ADMIN,
        RevokeApiKey RevokeApiKeyRequest ADMIN,
        ListAuditRecords ListAuditRecordsRequest ADMIN,
        VerifyAuditLog VerifyAuditLogRequest ADMIN,
    }
}

/// Calls about what serves every project: agents and accounts, keys and the audit log, the server itself. Whoever is limited to some projects makes none of
/// them, whatever its role: a hook acts with the role of its owner and within its project. Api R2.
pub(super) const WHOLE_SERVER: &[&str] = &[
    pb::CreateProjectRequest::PATH,
    pb::CreateAgentRequest::PATH,
    pb::UpdateAgentRequest::PATH,
    pb::PauseAgentRequest::PATH,
    pb::ResumeAgentRequest::PATH,
    pb::DeleteAgentRequest::PATH,
    pb::CreateAccountRequest::PATH,
    pb::UpdateAccountRequest::PATH,
    pb::DeleteAccountRequest::PATH,
    pb::PauseSchedulingRequest::PATH,
    pb::ResumeSchedulingRequest::PATH,
    pb::ShutdownRequest::PATH,
    pb::CheckInvariantsRequest::PATH,
    pb::CreateBackupRequest::PATH,
    pb::CreateApiKeyRequest::PATH,
    pb::ListApiKeysRequest::PATH,
    pb::RevokeApiKeyRequest::PATH,
    pb::ListAuditRecordsRequest::PATH,
    pb::VerifyAuditLogRequest::PATH,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aq_proto::methods::methods;

    use super::*;

    /// Api R1, I-41: the table holds exactly the calls of the contract.
    #[test]
    fn the_table_covers_the_contract_exactly() {
        let ours: BTreeSet<_> = TABLE.iter().map(|(path, _)| *path).collect();
        let contract: BTreeSet<_> = methods().keys().map(String::as_str).collect();
        assert_eq!(ours, contract);
        assert_eq!(ours.len(), TABLE.len());
    }

    /// Api R2: every call of administrators, and every one that changes agents or accounts, is kept from who is limited to some projects.
    #[test]
    fn what_serves_every_project_is_kept_from_limited_keys() {
        let changes = |path: &str| !["/Get", "/List"].iter().any(|read| path.contains(read));
        for (path, roles) in TABLE {
            let shared = ["AgentService/", "AccountService/"].iter().any(|service| path.contains(service)) && changes(path);
            // A project has a budget of its own; the api looks which one is meant.
            let own = path.ends_with("/SetBudget");
            if *roles == ADMIN || (shared && !own) {
                assert!(WHOLE_SERVER.contains(path), "{path}");
            }
        }
    }

    /// Api R1: an administrator may do everything, an agent almost nothing, and whoever may change something may look.
    #[test]
    fn the_roles_nest() {
        for (path, roles) in TABLE {
            assert!(roles.contains(&Role::Admin), "{path}");
            assert!(!roles.contains(&Role::Viewer) || roles.contains(&Role::Operator), "{path}");
            assert!(!roles.contains(&Role::Operator) || roles.contains(&Role::Gateway), "{path}");
        }
        let agents: Vec<_> = TABLE.iter().filter(|(_, roles)| roles.contains(&Role::Run)).map(|(path, _)| *path).collect();
        let expected = [
            "TaskService/ProposeTask",
            "TaskService/ReportProgress",
            "TaskService/AskHuman",
            "TaskService/GetTask",
            "TaskService/GetTaskResult",
            "RunService/GetRun",
            "NoteService/ListNotes",
            "NoteService/GetNote",
            "NoteService/WriteNote",
            "NoteService/AppendNote",
            "McpService/ExchangeMcpMessage",
            "AdminService/GetServerInfo",
        ]
        .map(|call| format!("/agentqueue.v1.{call}"));
        assert_eq!(agents, expected);
    }
}
