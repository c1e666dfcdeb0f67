//! The named causes of a move. Which move each one makes lives in `transition`; the texts are the audit labels (F-005).

use std::fmt;

use super::status::TaskStatus;
use crate::text_enum::UnknownName;

macro_rules! triggers {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// Why a task's status changes. The first 23 are the original system's, the rest name what it misused or left open.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Trigger {
            $($(#[$doc])* $variant,)+
            /// `SET_STATUS`: an administrator writes the status by hand; audited, allowed only to states that need no live run.
            SetStatus(TaskStatus),
        }

        impl Trigger {
            /// Every trigger that has rows in the table, that is all but [`Trigger::SetStatus`]. The first
            /// [`Trigger::ORIGINAL`] are the original system's.
            pub const NAMED: &'static [Self] = &[$(Self::$variant,)+];

            /// The exact text used in the store, the API and the audit log.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::SetStatus(_) => "SET_STATUS",
                }
            }
        }
    };
}

triggers! {
    /// Every dependency is COMPLETED.
    DepsMet = "DEPS_MET",
    /// The scheduler chose an agent.
    Assigned = "ASSIGNED",
    /// The agent's process runs.
    AgentStarted = "AGENT_STARTED",
    /// The agent's result says success.
    AgentCompleted = "AGENT_COMPLETED",
    /// The run failed.
    AgentFailed = "AGENT_FAILED",
    /// The provider refused for a limit while the agent worked.
    TokensExhausted = "TOKENS_EXHAUSTED",
    /// The agent asked a person.
    AgentQuestion = "AGENT_QUESTION",
    /// A person answered and the process is alive.
    HumanReplied = "HUMAN_REPLIED",
    /// Nobody answered in time.
    InputTimeout = "INPUT_TIMEOUT",
    /// The instant in `resume_after` has come.
    ResumeTimer = "RESUME_TIMER",
    /// Verification and landing succeeded.
    VerifyPassed = "VERIFY_PASSED",
    /// Verification failed.
    VerifyFailed = "VERIFY_FAILED",
    /// A pull request was opened.
    PrCreated = "PR_CREATED",
    /// The pull request was merged.
    PrMerged = "PR_MERGED",
    /// Another try is due at once.
    Retry = "RETRY",
    /// All tries are used.
    MaxRetries = "MAX_RETRIES",
    /// An operator counts the task as done.
    AdminSkip = "ADMIN_SKIP",
    /// An operator stopped the working agent.
    AdminStop = "ADMIN_STOP",
    /// An operator starts the task over.
    AdminRestart = "ADMIN_RESTART",
    /// The pull request was closed without merging.
    PrClosed = "PR_CLOSED",
    /// The run's wall-clock limit passed.
    Timeout = "TIMEOUT",
    /// An error of ours before the process ran.
    ExecutionError = "EXECUTION_ERROR",
    /// The server came back and found nobody working on it.
    Recovery = "RECOVERY",

    /// A person approved and nothing has to be landed.
    AdminApprove = "ADMIN_APPROVE",
    /// A person refused the work.
    AdminReject = "ADMIN_REJECT",
    /// Approval is asked for without a pull request.
    ApprovalRequested = "APPROVAL_REQUESTED",
    /// The approval requirement was taken off the task while it waited.
    ApprovalWaived = "APPROVAL_WAIVED",
    /// A person approved; the kept branch is landed now.
    ApprovedToLand = "APPROVED_TO_LAND",
    /// An operator lets the kept branch be landed once more.
    LandAgain = "LAND_AGAIN",
    /// A task that a person ordered for it has resolved its conflict and landed its work.
    Repaired = "REPAIRED",
    /// The work is committed and checked; a second agent reviews it next.
    ReviewOrdered = "REVIEW_ORDERED",
    /// The workspace is gone or was taken by someone else.
    WorkspaceLost = "WORKSPACE_LOST",
    /// The work could not reach its target: conflict, refused push, dirty target.
    LandingFailed = "LANDING_FAILED",
    /// A person answered, but the process has ended; the session goes on in a new run.
    ReplyAfterExit = "REPLY_AFTER_EXIT",
    /// The agent went on without the answer.
    QuestionWithdrawn = "QUESTION_WITHDRAWN",
    /// An operator sends settled work back with feedback.
    Reopen = "REOPEN",
    /// An archived task comes back.
    Restore = "RESTORE",
    /// A dependency was added or reopened before the task started (D-34).
    DepsUnmet = "DEPS_UNMET",
    /// The move would make the task READY, but its dependencies are not met (D-34).
    Gated = "GATED",
    /// The reason of a block passed by itself.
    BlockLifted = "BLOCK_LIFTED",
    /// The task cannot go on for its budget, its configuration or a dependency.
    Held = "HELD",
    /// The same failure came up too often in a row.
    SameFailure = "SAME_FAILURE",
    /// The run's process and its exit record are gone; tried again without an own fault.
    LostRun = "LOST_RUN",
    /// The run failed in a phase in which no agent was working.
    RunFailed = "RUN_FAILED",
    /// An account limit holds up the run in any of its phases.
    LimitReached = "LIMIT_REACHED",
    /// Another try is planned for a later instant.
    Backoff = "BACKOFF",
    /// An operator stopped a task that no agent was working on.
    AdminHalt = "ADMIN_HALT",
}

impl Trigger {
    /// How many entries of [`Trigger::NAMED`] come from the original system.
    pub const ORIGINAL: usize = 23;

    /// True for a cause that a person must have given: such triggers carry a principal in the audit log.
    #[must_use]
    pub const fn is_operator(self) -> bool {
        matches!(
            self,
            Self::AdminSkip
                | Self::AdminStop
                | Self::AdminRestart
                | Self::AdminApprove
                | Self::AdminReject
                | Self::ApprovalWaived
                | Self::ApprovedToLand
                | Self::LandAgain
                | Self::Repaired
                | Self::AdminHalt
                | Self::Reopen
                | Self::Restore
                | Self::SetStatus(_)
        )
    }

    /// True when nothing of a review that was due stays due: the task begins anew, or its work is settled otherwise.
    #[must_use]
    pub const fn ends_review(self) -> bool {
        matches!(
            self,
            Self::AdminRestart
                | Self::Reopen
                | Self::Restore
                | Self::AdminSkip
                | Self::VerifyPassed
                | Self::PrCreated
                | Self::ApprovalRequested
                | Self::ApprovedToLand
                | Self::LandAgain
                | Self::LandingFailed
                | Self::Repaired
                | Self::SetStatus(_)
        )
    }

    /// The trigger by which an operator stops a task in `status`.
    #[must_use]
    pub const fn stop_in(status: TaskStatus) -> Self {
        match status {
            TaskStatus::InProgress => Self::AdminStop,
            _ => Self::AdminHalt,
        }
    }

    /// The trigger for a failed run of a task in `status`.
    #[must_use]
    pub const fn failure_in(status: TaskStatus) -> Self {
        match status {
            TaskStatus::InProgress => Self::AgentFailed,
            _ => Self::RunFailed,
        }
    }

    /// Reads a text written by [`Trigger::as_str`]; `SET_STATUS` needs a target and is therefore not read here.
    ///
    /// # Errors
    /// [`UnknownName`] lists what is allowed.
    pub fn read(text: &str) -> Result<Self, UnknownName> {
        Self::NAMED.iter().copied().find(|trigger| trigger.as_str() == text).ok_or_else(|| UnknownName {
            kind: "trigger",
            text: text.to_owned(),
            allowed: Self::NAMED.iter().map(|trigger| trigger.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetStatus(target) => write!(f, "SET_STATUS({target})"),
            _ => f.write_str(self.as_str()),
        }
    }
}
