//! The eleven statuses of a task and the groups used everywhere. Moves between them live in `transition`.

use crate::text_enum::text_enum;

text_enum! {
    /// Where a task stands. The text is stored and shown exactly as written here (F-001).
    TaskStatus, "task status" {
        /// Waits for its dependencies.
        Defined = "DEFINED",
        /// May start as soon as an agent, a workspace and the limits allow.
        Ready = "READY",
        /// An agent and a run number were chosen; the process does not run yet.
        Assigned = "ASSIGNED",
        /// The agent works.
        InProgress = "IN_PROGRESS",
        /// The agent asked; a person must answer.
        WaitingInput = "WAITING_INPUT",
        /// Waits for the instant in `resume_after`.
        Paused = "PAUSED",
        /// The agent's part is over; the work is committed, checked and landed.
        Verifying = "VERIFYING",
        /// Waits for a merged pull request or a person's approval.
        AwaitingApproval = "AWAITING_APPROVAL",
        /// Done; releases the tasks that depend on it.
        Completed = "COMPLETED",
        /// A run failed and no further try is planned by itself.
        Failed = "FAILED",
        /// Needs something from outside; the reason is in `blocked_reason`.
        Blocked = "BLOCKED",
    }
}

impl TaskStatus {
    /// Finished for lists and archiving: COMPLETED, FAILED, BLOCKED (task R2).
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Blocked)
    }

    /// Left only by an operator, or, for BLOCKED, when the reason passes by itself: COMPLETED, BLOCKED.
    #[must_use]
    pub const fn is_absorbing(self) -> bool {
        matches!(self, Self::Completed | Self::Blocked)
    }

    /// A run is open: ASSIGNED, IN_PROGRESS, WAITING_INPUT, VERIFYING. Such a task holds a place in its project's concurrency.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Assigned | Self::InProgress | Self::WaitingInput | Self::Verifying)
    }

    /// True when a task that depends on this one may go on. Only COMPLETED does that (F-010, D-29).
    #[must_use]
    pub const fn satisfies_dependents(self) -> bool {
        matches!(self, Self::Completed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-001.
    #[test]
    fn the_eleven_texts_are_exact() {
        let texts: Vec<_> = TaskStatus::ALL.iter().map(|status| status.as_str()).collect();
        assert_eq!(
            texts,
            [
                "DEFINED",
                "READY",
                "ASSIGNED",
                "IN_PROGRESS",
                "WAITING_INPUT",
                "PAUSED",
                "VERIFYING",
                "AWAITING_APPROVAL",
                "COMPLETED",
                "FAILED",
                "BLOCKED"
            ]
        );
        for status in TaskStatus::ALL {
            assert_eq!(TaskStatus::parse(status.as_str()), Some(*status));
        }
        assert_eq!(TaskStatus::parse("completed"), None);
    }

    /// task R2.
    #[test]
    fn the_groups_do_not_overlap() {
        for status in TaskStatus::ALL {
            assert!(!(status.is_live() && status.is_finished()));
            assert!(!status.is_absorbing() || status.is_finished());
            assert_eq!(status.satisfies_dependents(), *status == TaskStatus::Completed, "D-29: {status}");
        }
        let absorbing: Vec<_> = TaskStatus::ALL.iter().copied().filter(|status| status.is_absorbing()).collect();
        assert_eq!(absorbing, [TaskStatus::Completed, TaskStatus::Blocked]);
    }
}
