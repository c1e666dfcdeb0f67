//! The members of the closed lists.

use aq_core::output::FailureClass;
use aq_core::principal::Role;
use aq_core::project::PlanApproval;
use aq_core::run::{RunResult, RunState};
use aq_core::runtime::RuntimeKind;
use aq_core::task::{BlockedReason, TaskStatus, TaskType, VerificationType};
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;

/// An instant.
pub(in crate::api) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    crate::events::wire::timestamp(at)
}

/// A limit of runs; none where nothing is set.
pub(in crate::api) fn limit(millis: Option<u64>) -> Option<prost_types::Duration> {
    millis.map(|millis| aq_proto::time::duration(std::time::Duration::from_millis(millis)))
}

/// A runtime; unspecified for none.
pub(in crate::api) fn runtime(runtime: Option<RuntimeKind>) -> i32 {
    match runtime {
        None => pb::Runtime::Unspecified,
        Some(RuntimeKind::Scripted) => pb::Runtime::Scripted,
        Some(RuntimeKind::Command) => pb::Runtime::Command,
        Some(RuntimeKind::Claude) => pb::Runtime::Claude,
        Some(RuntimeKind::Codex) => pb::Runtime::Codex,
        Some(RuntimeKind::Gemini) => pb::Runtime::Gemini,
        Some(RuntimeKind::OpenCode) => pb::Runtime::Opencode,
        Some(RuntimeKind::Acp) => pb::Runtime::Acp,
    }
    .into()
}

/// The status of a task.
pub(in crate::api) fn task_status(status: TaskStatus) -> i32 {
    match status {
        TaskStatus::Defined => pb::TaskStatus::Defined,
        TaskStatus::Ready => pb::TaskStatus::Ready,
        TaskStatus::Assigned => pb::TaskStatus::Assigned,
        TaskStatus::InProgress => pb::TaskStatus::InProgress,
        TaskStatus::WaitingInput => pb::TaskStatus::WaitingInput,
        TaskStatus::Paused => pb::TaskStatus::Paused,
        TaskStatus::Verifying => pb::TaskStatus::Verifying,
        TaskStatus::AwaitingApproval => pb::TaskStatus::AwaitingApproval,
        TaskStatus::Completed => pb::TaskStatus::Completed,
        TaskStatus::Failed => pb::TaskStatus::Failed,
        TaskStatus::Blocked => pb::TaskStatus::Blocked,
    }
    .into()
}

/// The type of a task.
pub(super) fn task_type(kind: Option<TaskType>) -> i32 {
    let Some(kind) = kind else { return pb::TaskType::Unspecified.into() };
    match kind {
        TaskType::Feature => pb::TaskType::Feature,
        TaskType::Bugfix => pb::TaskType::Bugfix,
        TaskType::Refactor => pb::TaskType::Refactor,
        TaskType::Test => pb::TaskType::Test,
        TaskType::Docs => pb::TaskType::Docs,
        TaskType::Chore => pb::TaskType::Chore,
        TaskType::Research => pb::TaskType::Research,
        TaskType::Plan => pb::TaskType::Plan,
    }
    .into()
}

/// Why a task is blocked.
pub(in crate::api) fn block_reason(reason: Option<BlockedReason>) -> i32 {
    let Some(reason) = reason else { return pb::BlockReason::Unspecified.into() };
    match reason {
        BlockedReason::Dependency => pb::BlockReason::Dependency,
        // The third equal failure in a row uses up the tries early; the text says which it was.
        BlockedReason::RetriesExhausted | BlockedReason::SameFailure => pb::BlockReason::RetriesExhausted,
        BlockedReason::OperatorStop => pb::BlockReason::OperatorStop,
        BlockedReason::ApprovalRejected => pb::BlockReason::ApprovalRejected,
        BlockedReason::Config => pb::BlockReason::Config,
        BlockedReason::Budget => pb::BlockReason::Budget,
        BlockedReason::LostWorkspace => pb::BlockReason::LostWorkspace,
        BlockedReason::MergeConflict => pb::BlockReason::MergeConflict,
        BlockedReason::PushFailed => pb::BlockReason::PushFailed,
        BlockedReason::TargetDirty => pb::BlockReason::TargetDirty,
        BlockedReason::Timeout => pb::BlockReason::Timeout,
        BlockedReason::Proposed => pb::BlockReason::Proposed,
    }
    .into()
}

/// Who checks work.
pub(super) fn verification(verification: VerificationType) -> i32 {
    match verification {
        VerificationType::None => pb::Verification::None,
        VerificationType::AutoTest => pb::Verification::Tests,
        VerificationType::QaAgent => pb::Verification::QaAgent,
        VerificationType::Human => pb::Verification::Human,
    }
    .into()
}

/// What happens with plans.
pub(super) fn plan_approval(rule: Option<PlanApproval>) -> i32 {
    match rule {
        None => pb::PlanApproval::Unspecified,
        Some(PlanApproval::None) => pb::PlanApproval::None,
        Some(PlanApproval::Approve) => pb::PlanApproval::Approve,
    }
    .into()
}

/// Where a run stands. A run whose agent waits for an answer is running for the store.
pub(super) fn run_state(state: RunState, waits: bool) -> i32 {
    match state {
        RunState::Starting => pb::RunState::Preparing,
        RunState::Running if waits => pb::RunState::Waiting,
        RunState::Running => pb::RunState::Running,
        RunState::Concluding => pb::RunState::Concluding,
        RunState::Ended => pb::RunState::Ended,
    }
    .into()
}

/// How a run ended. Which way a landing failed is told by the task's block.
pub(super) fn run_outcome(result: RunResult, block: Option<BlockedReason>) -> i32 {
    match (result, block) {
        (RunResult::Done | RunResult::Kept | RunResult::NeedsReview, _) => pb::RunOutcome::Succeeded,
        (RunResult::InReview, _) => pb::RunOutcome::InReview,
        (RunResult::NoOp, _) => pb::RunOutcome::NothingToDo,
        (RunResult::Failed, _) => pb::RunOutcome::Failed,
        (RunResult::Limited, _) => pb::RunOutcome::Limited,
        (RunResult::Asked | RunResult::Stopped, _) => pb::RunOutcome::Stopped,
        (RunResult::NotLanded, Some(BlockedReason::PushFailed)) => pb::RunOutcome::PushFailed,
        (RunResult::NotLanded, Some(BlockedReason::TargetDirty)) => pb::RunOutcome::TargetDirty,
        (RunResult::NotLanded, _) => pb::RunOutcome::MergeConflict,
    }
    .into()
}

/// Why a run failed.
pub(in crate::api) fn failure_class(class: Option<FailureClass>) -> i32 {
    let Some(class) = class else { return pb::FailureClass::Unspecified.into() };
    match class {
        FailureClass::Auth => pb::FailureClass::Auth,
        FailureClass::Billing => pb::FailureClass::Billing,
        FailureClass::Exhausted => pb::FailureClass::Exhausted,
        FailureClass::Overloaded => pb::FailureClass::Overloaded,
        FailureClass::InvalidRequest => pb::FailureClass::InvalidRequest,
        FailureClass::Spawn => pb::FailureClass::Spawn,
        FailureClass::Incomplete => pb::FailureClass::Incomplete,
        FailureClass::Agent => pb::FailureClass::Agent,
        FailureClass::Timeout => pb::FailureClass::Timeout,
        FailureClass::Silence => pb::FailureClass::Silence,
        FailureClass::Workspace => pb::FailureClass::Workspace,
        FailureClass::Lost => pb::FailureClass::Lost,
        FailureClass::Verification => pb::FailureClass::Verification,
        FailureClass::Internal => pb::FailureClass::Internal,
    }
    .into()
}

/// What a key may do.
pub(super) fn role(role: Role) -> i32 {
    match role {
        Role::Viewer => pb::Role::Viewer,
        Role::Operator => pb::Role::Operator,
        Role::Admin => pb::Role::Admin,
        Role::Gateway => pb::Role::Gateway,
        Role::Run => pb::Role::Run,
    }
    .into()
}
