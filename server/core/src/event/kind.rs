//! The catalogue of event names. Dotted is the name; underscored spellings are read too (F-136).

use crate::task::{TaskStatus, Trigger};
use crate::text_enum::UnknownName;

macro_rules! kinds {
    ($($variant:ident = $text:literal [$($key:literal),*] $doc:literal,)+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $(#[doc = $doc] $variant,)+
        }

        impl EventKind {
            /// Every kind, grouped by what it concerns.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The dotted name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Keys that the payload always has, beside the ids that the event itself carries (F-135).
            #[must_use]
            pub const fn required(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$($key),*],)+
                }
            }

            /// One line for people: what the event says.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $doc,)+
                }
            }
        }
    };
}

kinds! {
    TaskCreated = "task.created" ["title", "status"] "A task was created.",
    TaskUpdated = "task.updated" ["fields"] "Fields of a task changed.",
    TaskReady = "task.ready" ["title", "trigger"] "A task may start.",
    TaskDeferred = "task.deferred" ["title", "trigger"] "A task waits for its dependencies again.",
    TaskAssigned = "task.assigned" ["title"] "An agent was chosen for a task.",
    TaskStarted = "task.started" ["title"] "An agent works on a task.",
    TaskVerifying = "task.verifying" ["title"] "The work of a task is checked and landed.",
    TaskReviewDue = "task.review_due" ["title"] "The work of a task waits for the review by a second agent.",
    TaskReviewed = "task.reviewed" ["title", "verdict", "reasons"] "A second agent reviewed the work of a task.",
    TaskAwaitingApproval = "task.awaiting_approval" ["title"] "A task waits for approval.",
    TaskWaitingInput = "task.waiting_input" ["title", "question"] "An agent asks a person.",
    TaskReplied = "task.replied" ["title"] "A person answered an agent.",
    TaskPaused = "task.paused" ["title", "reason", "resume_after"] "A task waits for an instant.",
    TaskResumed = "task.resumed" ["title"] "A paused task may start again.",
    TaskRetried = "task.retried" ["title", "retry_count"] "A task is tried again.",
    TaskCompleted = "task.completed" ["title"] "A task is done.",
    TaskFailed = "task.failed" ["title", "status", "context"] "A task failed, was stopped or refused.",
    TaskBlocked = "task.blocked" ["title", "reason", "context"] "A task needs something from outside.",
    TaskUnblocked = "task.unblocked" ["title"] "The reason of a block passed.",
    TaskRestarted = "task.restarted" ["title"] "An operator starts a task over.",
    TaskReopened = "task.reopened" ["title"] "An operator sent work back.",
    TaskRecovered = "task.recovered" ["title"] "A task whose run was lost may start again.",
    TaskStatusSet = "task.status_set" ["title", "status"] "An administrator wrote a status by hand.",
    TaskApprovalReminder = "task.approval_reminder" ["title"] "A task has waited for approval for an hour more.",
    TaskApprovalStuck = "task.approval_stuck" ["title"] "A task has waited for approval for more than a day.",
    TaskStuck = "task.stuck" ["title", "waiting_on"] "A task has waited for long behind others that cannot complete.",
    TaskHeldUp = "task.held_up" ["title", "until"] "A task could not be moved because of an error of the server; it is tried again.",
    TaskArchived = "task.archived" ["title"] "A task was archived.",
    TaskRestored = "task.restored" ["title"] "A task came back from the archive.",
    TaskDeleted = "task.deleted" ["title"] "A task was deleted.",
    TaskMessage = "task.message" ["text"] "A person told a working agent something.",
    TaskMessageDelivered = "task.message_delivered" ["title", "message_id"] "A working agent has read what a person told it.",
    TaskProgress = "task.progress" ["title", "text"] "A working agent says how far it is.",
    PermissionRevoked = "permission.revoked" ["tool", "scope"] "A tool that was allowed once and for all is asked for again.",
    DependencyAdded = "dependency.added" ["depends_on"] "A task depends on another one.",
    DependencyRemoved = "dependency.removed" ["depends_on"] "A task no longer depends on another one.",
    ChainStuck = "chain.stuck" ["blocked_task", "stuck"] "Tasks wait behind a blocked one.",
    RunFinished = "run.finished" ["result"] "The agent's part of a run is over.",
    RunEnded = "run.ended" ["result", "tokens"] "A run is over.",
    RunNote = "run.note" ["text"] "Something worth knowing happened in a run.",
    ProjectCreated = "project.created" ["name"] "A project was created.",
    ProjectUpdated = "project.updated" ["fields"] "Fields of a project changed.",
    ProjectPaused = "project.paused" ["name"] "A project gets nothing new.",
    ProjectResumed = "project.resumed" ["name"] "A project gets work again.",
    ProjectDeleted = "project.deleted" ["name"] "A project was deleted.",
    WorkspaceAdded = "workspace.added" ["workspace_id", "kind"] "A workspace was added.",
    WorkspaceRemoved = "workspace.removed" ["workspace_id"] "A workspace was removed.",
    AgentCreated = "agent.created" ["name", "runtime"] "An agent was created.",
    AgentUpdated = "agent.updated" ["fields"] "Fields of an agent changed.",
    AgentPaused = "agent.paused" ["name"] "An agent takes nothing new.",
    AgentResumed = "agent.resumed" ["name"] "An agent takes work again.",
    AgentError = "agent.error" ["name", "message", "until"] "An agent cannot work; it is tried again at an instant.",
    AgentDeleted = "agent.deleted" ["name"] "An agent was deleted.",
    AgentQuestion = "agent.question" ["title", "question"] "An agent asks and goes on working.",
    AccountCreated = "account.created" ["account_id", "name"] "An account was created.",
    AccountUpdated = "account.updated" ["account_id", "fields"] "Fields of an account changed.",
    AccountLimited = "account.limited" ["account_id", "window", "resets_at"] "A provider refuses an account.",
    AccountReopened = "account.reopened" ["account_id"] "An account takes work again.",
    AccountDeleted = "account.deleted" ["account_id"] "An account was deleted.",
    BudgetWarning = "budget.warning" ["percent", "used", "limit"] "A budget crossed a warning level.",
    BudgetChanged = "budget.changed" ["scope", "limit"] "A budget was set, or the configured one holds again.",
    BudgetExhausted = "budget.exhausted" ["scope", "used", "limit"] "A budget is used up.",
    PlanFound = "plan.found" ["plan_id", "steps"] "An agent wrote a plan.",
    PlanApproved = "plan.approved" ["plan_id", "tasks"] "A plan became tasks.",
    PlanRejected = "plan.rejected" ["plan_id"] "A plan was refused.",
    HookCreated = "hook.created" ["hook_id", "name"] "A hook was created.",
    HookUpdated = "hook.updated" ["hook_id", "fields"] "Fields of a hook changed.",
    HookDeleted = "hook.deleted" ["hook_id"] "A hook was deleted.",
    HookFired = "hook.fired" ["hook_id", "reason"] "A hook runs.",
    HookFinished = "hook.finished" ["hook_id", "status"] "A hook's run is over.",
    HookNotice = "hook.notice" ["hook_id", "text", "severity"] "A hook tells people something.",
    NoteCreated = "note.created" ["note_name", "title"] "A note was created.",
    NoteUpdated = "note.updated" ["note_name", "title"] "A note changed.",
    NoteDeleted = "note.deleted" ["note_name", "title"] "A note was deleted.",
    GitCommit = "git.commit" ["branch", "commit"] "Work was committed.",
    GitPush = "git.push" ["branch"] "A branch was pushed.",
    GitMerged = "git.merged" ["branch", "commit"] "Work reached its target branch.",
    GitConflict = "git.conflict" ["branch", "files"] "Work conflicts with its target branch.",
    ConflictExpected = "git.conflict_expected" ["title", "branch", "files"] "Work that waits would conflict with what has landed, or (no files) would no more.",
    GitPushFailed = "git.push_failed" ["branch", "message"] "A remote refused a push.",
    PrCreated = "git.pr.created" ["branch", "url"] "A pull request was opened.",
    PrReviewed = "git.pr.reviewed" ["url", "review"] "Reviewers of a pull request said something new.",
    PrMerged = "git.pr.merged" ["url"] "A pull request was merged.",
    PrClosed = "git.pr.closed" ["url"] "A pull request was closed without merging.",
    KeyCreated = "key.created" ["key_id", "role"] "An API key was made.",
    KeyRevoked = "key.revoked" ["key_id"] "An API key was revoked.",
    SystemStarted = "system.started" ["version"] "The server started.",
    SystemStopping = "system.stopping" ["reason"] "The server is going down.",
    SystemPaused = "system.paused" [] "Nothing new starts anywhere.",
    SystemResumed = "system.resumed" [] "Work starts again.",
    SystemDegraded = "system.degraded" ["reason"] "Nothing new starts because something on the machine is wrong.",
}

fn normal(c: char) -> char {
    if c == '_' { '.' } else { c }
}

/// True when both texts are the same name in the dotted or the underscored spelling.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    a.chars().map(normal).eq(b.chars().map(normal))
}

/// True when `text` begins with `prefix`, whichever spelling either of them has.
pub(super) fn starts_with(text: &str, prefix: &str) -> bool {
    text.len() >= prefix.len() && text.chars().map(normal).zip(prefix.chars().map(normal)).all(|(a, b)| a == b)
}

impl EventKind {
    /// Reads a name in its dotted (`task.completed`) or underscored (`task_completed`) spelling (F-136).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| same_name(kind.as_str(), text))
    }

    /// [`EventKind::parse`] for a text that a person or a program gave.
    ///
    /// # Errors
    /// [`UnknownName`] lists the catalogue.
    pub fn read(text: &str) -> Result<Self, UnknownName> {
        Self::parse(text).ok_or_else(|| UnknownName {
            kind: "event",
            text: text.to_owned(),
            allowed: Self::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

impl std::fmt::Display for EventKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The event of a move: each status change has exactly one (F-135). A block is told as `task.blocked` on every path.
#[must_use]
pub const fn for_transition(trigger: Trigger, to: TaskStatus) -> EventKind {
    match (trigger, to) {
        (Trigger::SetStatus(_), _) => EventKind::TaskStatusSet,
        (_, TaskStatus::Defined) if matches!(trigger, Trigger::Restore) => EventKind::TaskRestored,
        (_, TaskStatus::Defined) => EventKind::TaskDeferred,
        (Trigger::ResumeTimer, _) => EventKind::TaskResumed,
        (Trigger::Retry, _) => EventKind::TaskRetried,
        (Trigger::AdminRestart, _) => EventKind::TaskRestarted,
        (Trigger::Reopen, _) => EventKind::TaskReopened,
        (Trigger::HumanReplied | Trigger::ReplyAfterExit, _) => EventKind::TaskReplied,
        (Trigger::BlockLifted, _) => EventKind::TaskUnblocked,
        (Trigger::Recovery | Trigger::LostRun | Trigger::WorkspaceLost | Trigger::ExecutionError, _) => EventKind::TaskRecovered,
        (Trigger::ReviewOrdered, _) => EventKind::TaskReviewDue,
        (_, TaskStatus::Ready) => EventKind::TaskReady,
        (_, TaskStatus::Assigned) => EventKind::TaskAssigned,
        (_, TaskStatus::InProgress) => EventKind::TaskStarted,
        (_, TaskStatus::WaitingInput) => EventKind::TaskWaitingInput,
        (_, TaskStatus::Paused) => EventKind::TaskPaused,
        (_, TaskStatus::Verifying) => EventKind::TaskVerifying,
        (_, TaskStatus::AwaitingApproval) => EventKind::TaskAwaitingApproval,
        (_, TaskStatus::Completed) => EventKind::TaskCompleted,
        (_, TaskStatus::Failed) => EventKind::TaskFailed,
        (_, TaskStatus::Blocked) => EventKind::TaskBlocked,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// F-136, events R1: both spellings are read, and no two kinds share one.
    #[test]
    fn both_spellings_name_one_kind() {
        let mut names = BTreeSet::new();
        for kind in EventKind::ALL {
            let underscored = kind.as_str().replace('.', "_");
            assert_eq!(EventKind::parse(kind.as_str()), Some(*kind));
            assert_eq!(EventKind::parse(&underscored), Some(*kind));
            assert!(names.insert(underscored), "{kind}");
        }
        assert_eq!(EventKind::parse("task.done"), None);
        assert!(EventKind::read("x").unwrap_err().allowed.starts_with("task.created, task.updated"));
    }

    /// F-135: the required keys of the original events are kept.
    #[test]
    fn the_original_payloads_are_kept() {
        assert_eq!(EventKind::TaskFailed.required(), ["title", "status", "context"]);
        assert_eq!(EventKind::TaskWaitingInput.required(), ["title", "question"]);
        assert_eq!(EventKind::NoteCreated.required(), ["note_name", "title"]);
    }

    /// F-135: every row of the transition table has its event, and the end states have theirs.
    #[test]
    fn moves_have_events() {
        for (_, trigger, to) in crate::task::ROWS {
            let kind = for_transition(*trigger, *to);
            match to {
                TaskStatus::Blocked => assert_eq!(kind, EventKind::TaskBlocked),
                TaskStatus::Completed => assert_eq!(kind, EventKind::TaskCompleted),
                TaskStatus::Failed => assert_eq!(kind, EventKind::TaskFailed),
                TaskStatus::Defined => assert_eq!(kind == EventKind::TaskRestored, *trigger == Trigger::Restore, "{trigger}"),
                _ => assert!(kind.as_str().starts_with("task.")),
            }
        }
    }
}
