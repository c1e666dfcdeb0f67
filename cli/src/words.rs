//! Enum values of the contract as words: on the command line (`in-progress`) and in tables (`IN_PROGRESS`).

use aq_proto::v1;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// An enum of the contract whose values people type and read.
pub(crate) trait Words: Copy + Send + Sync + TryFrom<i32> + 'static {
    /// Every value but the unspecified one, in the contract's order.
    const ALL: &'static [Self];
    /// What every value's full name begins with.
    const PREFIX: &'static str;

    /// The full name, `TASK_STATUS_READY`.
    fn full_name(self) -> &'static str;

    /// The name without its prefix, `READY`.
    fn upper(self) -> &'static str {
        let name = self.full_name();
        name.strip_prefix(Self::PREFIX).unwrap_or(name)
    }

    /// The word for the command line, `in-progress`.
    fn word(self) -> String {
        self.upper().to_ascii_lowercase().replace('_', "-")
    }
}

macro_rules! words {
    ($($name:ident $prefix:literal [$($value:ident),+ $(,)?];)+) => {
        $(impl Words for v1::$name {
            const ALL: &'static [Self] = &[$(Self::$value),+];
            const PREFIX: &'static str = $prefix;

            fn full_name(self) -> &'static str {
                self.as_str_name()
            }
        })+

        #[cfg(test)]
        mod tests {
            use super::*;

            /// commands R1: every value of every enum has its word, and none is forgotten.
            #[test]
            fn every_value_has_a_word() {
                $(
                    let all = <v1::$name as Words>::ALL;
                    for value in all {
                        assert!(value.full_name().starts_with($prefix), "{}", value.full_name());
                        assert_ne!(value.upper(), value.full_name());
                    }
                    let known = (1..100).filter(|number| v1::$name::try_from(*number).is_ok()).count();
                    assert_eq!(known, all.len(), stringify!($name));
                )+
            }
        }
    };
}

words! {
    HookRunState "HOOK_RUN_STATE_" [Queued, Running, Completed, Skipped, Failed];
    MissedFires "MISSED_FIRES_" [Skip, Once, All];
    Runtime "RUNTIME_" [Scripted, Command, Claude, Codex, Gemini, Opencode, Acp];
    TaskType "TASK_TYPE_" [Feature, Bugfix, Refactor, Test, Docs, Chore, Research, Plan];
    FileChange "FILE_CHANGE_" [Added, Deleted, Modified, Renamed, Untracked, Conflicted];
    DiffSource "DIFF_SOURCE_" [Branch, Directory, Landed];
    TaskStatus "TASK_STATUS_" [
        Defined, Ready, Assigned, InProgress, WaitingInput, Paused, Verifying, AwaitingApproval, Completed, Failed, Blocked,
    ];
    BlockReason "BLOCK_REASON_" [
        Dependency, RetriesExhausted, OperatorStop, ApprovalRejected, Config, Budget, LostWorkspace, MergeConflict, PushFailed, TargetDirty,
        Timeout, Account, Proposed,
    ];
    ProjectStatus "PROJECT_STATUS_" [Active, Paused];
    Verification "VERIFICATION_" [None, Tests, QaAgent, Human];
    ProposalPolicy "PROPOSAL_POLICY_" [Off, Approval, Open];
    WorkspaceKind "WORKSPACE_KIND_" [Clone, Link, Init];
    AgentState "AGENT_STATE_" [Idle, Busy, Paused, Error];
    RunState "RUN_STATE_" [Preparing, Running, Waiting, Concluding, Ended];
    RunOutcome "RUN_OUTCOME_" [Succeeded, NothingToDo, Failed, Limited, Stopped, MergeConflict, PushFailed, TargetDirty, InReview];
    FailureClass "FAILURE_CLASS_" [
        Auth, Billing, Exhausted, Overloaded, InvalidRequest, Spawn, Incomplete, Agent, Timeout, Silence, Workspace, Lost, Verification,
        Internal,
    ];
    LimitStatus "LIMIT_STATUS_" [Allowed, Warning, Rejected];
    BudgetScope "BUDGET_SCOPE_" [Run, TaskTree, Project, Global];
    UsageGroup "USAGE_GROUP_" [Agent, Model, Day];
    GateState "GATE_STATE_" [Open, Probing, Draining, Reserve, Quiet, Closed, Paused];
    WaitKind "WAIT_KIND_" [
        Finished, Running, Verifying, Runnable, Dependency, SchedulingPaused, ProjectPaused, NoAgent, AgentsBusy, NoWorkspace,
        WorkspacesBusy, ProjectLimit, Turn, AccountLimit, Budget, RetryTimer, ResumeTimer, Question, Approval, Blocked, Resources,
        Review, AgentFault,
    ];
    FindingSeverity "FINDING_SEVERITY_" [Info, Warning, Error];
    PlanApproval "PLAN_APPROVAL_" [None, Approve];
    PlanSource "PLAN_SOURCE_" [File, PlanExit, Text];
    PlanState "PLAN_STATE_" [Pending, Proposed, Accepted, Answered, Rejected, Superseded, Empty];
    QuestionKind "QUESTION_KIND_" [Question, Permission, PlanApproval];
    Role "ROLE_" [Viewer, Operator, Admin, Gateway, Run];
}

/// The value's name in tables; a number that this version does not know is shown as `?7`, the unspecified one as `-`.
#[must_use]
pub(crate) fn upper<T: Words>(value: i32) -> String {
    match T::try_from(value) {
        Ok(known) if value != 0 => known.upper().to_owned(),
        _ if value == 0 => "-".to_owned(),
        _ => format!("?{value}"),
    }
}

/// The value's name in running text: lower case with spaces, empty for the unspecified one.
#[must_use]
pub(crate) fn phrase<T: Words>(value: i32) -> String {
    if value == 0 { String::new() } else { upper::<T>(value).to_ascii_lowercase().replace('_', " ") }
}

/// A parser for arguments; the spelling with underscores and any case are accepted too.
pub(crate) fn parser<T: Words + Clone>() -> impl TypedValueParser<Value = T> {
    let values = T::ALL.iter().map(|value| {
        let word = value.word();
        let other = word.replace('-', "_");
        let possible = PossibleValue::new(word.clone());
        if other == word { possible } else { possible.alias(other) }
    });
    PossibleValuesParser::new(values).try_map(|text| {
        let wanted = text.to_ascii_lowercase().replace('_', "-");
        T::ALL.iter().copied().find(|value| value.word() == wanted).ok_or_else(|| format!("`{text}` is not known"))
    })
}
