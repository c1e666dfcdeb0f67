//! Why a task is BLOCKED: a closed list, so that no two different waits are ever mixed up.

use crate::text_enum::text_enum;

text_enum! {
    /// The reason of a block. Written with every move to BLOCKED.
    BlockedReason, "blocked reason" {
        /// A dependency cannot complete.
        Dependency = "dependency",
        /// All tries are used.
        RetriesExhausted = "retries_exhausted",
        /// An operator stopped it.
        OperatorStop = "operator_stop",
        /// A person refused the work, or the pull request was closed.
        ApprovalRejected = "approval_rejected",
        /// Something is not set up: no such runtime, no workspace, no login.
        Config = "config",
        /// A budget is used up.
        Budget = "budget",
        /// The directory with the work is gone.
        LostWorkspace = "lost_workspace",
        /// The work conflicts with its target branch.
        MergeConflict = "merge_conflict",
        /// The remote refused the push.
        PushFailed = "push_failed",
        /// The linked checkout has uncommitted changes on the target branch.
        TargetDirty = "target_dirty",
        /// The run took longer than allowed.
        Timeout = "timeout",
        /// The same failure came up three times in a row.
        SameFailure = "same_failure",
        /// An agent proposed it, and no person has accepted it yet.
        Proposed = "proposed",
    }
}

impl BlockedReason {
    /// True when the block passes without a person: the task is looked at again when the dependency or the budget changes (task R5). All other reasons
    /// need the action of [`BlockedReason::remedy`].
    #[must_use]
    pub const fn leaves_by_itself(self) -> bool {
        matches!(self, Self::Dependency | Self::Budget)
    }

    /// True when the work is finished and only its way to the target failed; an approval lands it again (`LAND_AGAIN`).
    #[must_use]
    pub const fn is_landing(self) -> bool {
        matches!(self, Self::MergeConflict | Self::PushFailed | Self::TargetDirty)
    }

    /// What a person does about it, as the end of a sentence that begins with the reason.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Dependency => "skip, restart or remove the dependency that cannot complete",
            Self::RetriesExhausted => "read the last failure, then restart or skip the task",
            Self::OperatorStop => "restart the task when it should go on",
            Self::ApprovalRejected => "reopen the task with feedback, or skip it",
            Self::Config => "correct what the message names, then resume the agent, or restart the task",
            Self::Budget => "raise the budget, or wait until usage leaves the window",
            Self::LostWorkspace => "look for the work in the quarantine, then restart the task",
            Self::MergeConflict => "resolve the conflict on the kept branch, then approve the task to land it again, or restart it",
            Self::PushFailed => "make the remote accept the branch, then approve the task to land it again",
            Self::TargetDirty => "commit or put away the changes in the linked checkout, then approve the task to land it again",
            Self::Timeout => "raise the run limit or split the task, then restart it",
            Self::Proposed => "approve the proposal, or delete it",
            Self::SameFailure => "remove the cause of the repeated failure, then restart the task",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// task R5.
    #[test]
    fn exactly_two_reasons_leave_by_themselves() {
        let leaving: Vec<_> = BlockedReason::ALL.iter().filter(|reason| reason.leaves_by_itself()).map(|reason| reason.as_str()).collect();
        assert_eq!(leaving, ["dependency", "budget"]);
        let landing: Vec<_> = BlockedReason::ALL.iter().filter(|reason| reason.is_landing()).map(|reason| reason.as_str()).collect();
        assert_eq!(landing, ["merge_conflict", "push_failed", "target_dirty"]);
        for reason in BlockedReason::ALL {
            assert!(!reason.remedy().is_empty());
            assert_eq!(BlockedReason::parse(reason.as_str()), Some(*reason));
        }
    }
}
