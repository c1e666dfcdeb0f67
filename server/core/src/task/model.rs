//! The record of a task and its defaults. Rules that every record obeys live in `invariant`.

use super::attachment::Attachment;
use super::blocked::BlockedReason;
use super::limits::OwnLimits;
use super::needs::Needs;
use super::review::ReviewDue;
use super::status::TaskStatus;
use crate::ids::{AgentId, ProjectId, RunRef, TaskId};
use crate::runtime::{RuntimeKind, RuntimeSet};
use crate::text_enum::text_enum;
use crate::time::Timestamp;

/// Priority of a task that names none. Lower runs first.
pub const DEFAULT_PRIORITY: i32 = 100;
/// Tries of a task that names no number: the task runs three times in all.
pub const DEFAULT_MAX_RETRIES: u32 = 3;

/// The resume instant of a task that is PAUSED until a person answers its agent: the last second of the year 9999. No timer fires before.
pub const UNTIL_ANSWERED: Timestamp = Timestamp::from_millis(253_402_300_799_000);

text_enum! {
    /// The kind of work; shown as an icon and given to the agent (F-008).
    TaskType, "task type" {
        /// Something new.
        Feature = "feature",
        /// A fault to remove.
        Bugfix = "bugfix",
        /// The same behaviour in better shape.
        Refactor = "refactor",
        /// Tests.
        Test = "test",
        /// Documentation.
        Docs = "docs",
        /// Housekeeping.
        Chore = "chore",
        /// Finding out.
        Research = "research",
        /// Writing a plan that becomes tasks.
        Plan = "plan",
    }
}

text_enum! {
    /// Who checks finished work.
    VerificationType, "verification type" {
        /// The task's or project's test commands.
        AutoTest = "auto_test",
        /// A second agent, after the test commands.
        QaAgent = "qa_agent",
        /// A person, after the test commands.
        Human = "human",
        /// Nobody: not even the test commands run.
        None = "none",
    }
}

text_enum! {
    /// Who brought the task into the queue.
    TaskOrigin, "task origin" {
        /// A person.
        Operator = "operator",
        /// An agent, by a plan or a proposal.
        Agent = "agent",
        /// A hook.
        Hook = "hook",
        /// An import from elsewhere.
        Import = "import",
    }
}

/// A unit of work. Edges to other tasks are kept apart (`dependency`); runs are records of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Adjective-noun, unique among live and archived tasks.
    pub id: TaskId,
    /// The project.
    pub project: ProjectId,
    /// One line.
    pub title: String,
    /// The agent's full instruction.
    pub description: String,
    /// Lower runs first.
    pub priority: i32,
    /// Where it stands.
    pub status: TaskStatus,
    /// Why it is BLOCKED; set exactly then.
    pub blocked_reason: Option<BlockedReason>,
    /// The kind of work.
    pub task_type: Option<TaskType>,
    /// Who checks it.
    pub verification: VerificationType,
    /// Shell lines run after the agent; empty: the project's.
    pub test_commands: Vec<String>,
    /// Criteria, context and tools for the prompt.
    pub attachments: Vec<Attachment>,
    /// Failed tries so far.
    pub retry_count: u32,
    /// Tries in all before the task is blocked.
    pub max_retries: u32,
    /// The task whose plan made this one.
    pub parent: Option<TaskId>,
    /// True for a step of a plan: it works on the parent's branch.
    pub is_plan_subtask: bool,
    /// Where the plan that made this task is kept.
    pub plan_source: Option<String>,
    /// The runtime it must run on; `None`: any.
    pub runtime: Option<RuntimeKind>,
    /// Runtimes that may take it while every idle agent of its own is held back by its account.
    pub fallback: RuntimeSet,
    /// True for filler work: it runs only on what the accounts' windows would let expire.
    pub filler: bool,
    /// Set while the work of its last run waits for the review by a second agent: the next run is that review.
    pub review: Option<ReviewDue>,
    /// The model its runs ask for, in the runtime's own words; `None`: the agent's. Other runtimes use the agent's.
    pub model: Option<String>,
    /// An agent that is preferred, never waited for.
    pub preferred_agent: Option<AgentId>,
    /// The agent of the open run.
    pub assigned_agent: Option<AgentId>,
    /// Number of the current or last run; 0 before the first.
    pub run_number: u32,
    /// The agent's session, resumed by the next run.
    pub session_id: Option<String>,
    /// The task's branch, set when its workspace is prepared.
    pub branch: Option<String>,
    /// The instant a PAUSED task goes on.
    pub resume_after: Option<Timestamp>,
    /// True when a person or a merged pull request must accept the work.
    pub requires_approval: bool,
    /// The pull request.
    pub pr_url: Option<String>,
    /// Model tokens the task with all its descendants may use; `None`: the default.
    pub budget_tokens: Option<u64>,
    /// Limits of its runs.
    pub limits: OwnLimits,
    /// Who brought it.
    pub origin: TaskOrigin,
    /// When it was created.
    pub created_at: Timestamp,
    /// When any field last changed.
    pub updated_at: Timestamp,
    /// When it was archived; archived tasks keep everything and are hidden.
    pub archived_at: Option<Timestamp>,
}

impl Task {
    /// A task with every default (F-007), DEFINED: it becomes READY when its edges are known (D-34).
    #[must_use]
    pub fn new(id: TaskId, project: ProjectId, title: impl Into<String>, description: impl Into<String>, at: Timestamp) -> Self {
        Self {
            id,
            project,
            title: title.into(),
            description: description.into(),
            priority: DEFAULT_PRIORITY,
            status: TaskStatus::Defined,
            blocked_reason: None,
            task_type: None,
            verification: VerificationType::AutoTest,
            test_commands: Vec::new(),
            attachments: Vec::new(),
            retry_count: 0,
            max_retries: DEFAULT_MAX_RETRIES,
            parent: None,
            is_plan_subtask: false,
            plan_source: None,
            runtime: None,
            fallback: RuntimeSet::EMPTY,
            filler: false,
            review: None,
            model: None,
            preferred_agent: None,
            assigned_agent: None,
            run_number: 0,
            session_id: None,
            branch: None,
            resume_after: None,
            requires_approval: false,
            pr_url: None,
            budget_tokens: None,
            limits: OwnLimits::default(),
            origin: TaskOrigin::Operator,
            created_at: at,
            updated_at: at,
            archived_at: None,
        }
    }

    /// The current or last run; `None` before the first.
    #[must_use]
    pub fn run(&self) -> Option<RunRef> {
        (self.run_number > 0).then(|| RunRef { task: self.id.clone(), number: self.run_number })
    }

    /// What its next run asks of its agent: of a reviewer what the project asks for, else what the task does.
    #[must_use]
    pub const fn needs(&self) -> Needs {
        match self.review {
            Some(ReviewDue { runtime: Some(runtime) }) => {
                Needs { runtime: Some(runtime), fallback: RuntimeSet::EMPTY, filler: self.filler }
            }
            _ => Needs { runtime: self.runtime, fallback: self.fallback, filler: self.filler },
        }
    }

    /// True when it is hidden from default lists.
    #[must_use]
    pub const fn is_archived(&self) -> bool {
        self.archived_at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// task R11, R14: while a review is due the next run asks for the reviewer's runtime where the project names one, and for no other.
    #[test]
    fn a_review_asks_for_its_own_runtime() {
        let task = Task::new(TaskId::parse("a-b").unwrap(), ProjectId::parse("p").unwrap(), "t", "d", Timestamp::from_millis(5));
        let fallback = RuntimeSet::EMPTY.with(RuntimeKind::Gemini);
        let mut task = Task { runtime: Some(RuntimeKind::Claude), fallback, filler: true, ..task };
        let own = Needs { runtime: Some(RuntimeKind::Claude), fallback, filler: true };
        let codex = Needs { filler: true, ..Needs::runtime(Some(RuntimeKind::Codex)) };
        for (review, needs) in [(None, own), (Some(None), own), (Some(Some(RuntimeKind::Codex)), codex)] {
            task.review = review.map(|runtime| ReviewDue { runtime });
            assert_eq!(task.needs(), needs, "{review:?}");
        }
    }

    /// F-007, F-008.
    #[test]
    fn defaults_and_lists_are_as_listed() {
        let task = Task::new(TaskId::parse("swift-falcon").unwrap(), ProjectId::parse("p").unwrap(), "t", "d", Timestamp::from_millis(5));
        assert_eq!((task.priority, task.retry_count, task.max_retries, task.status), (100, 0, 3, TaskStatus::Defined));
        assert_eq!((task.run(), task.is_archived()), (None, false));
        let begun = Task { run_number: 2, archived_at: Some(Timestamp::from_millis(9)), ..task };
        assert!(begun.is_archived());
        assert_eq!(begun.run(), Some(RunRef { task: begun.id, number: 2 }));
        let error = TaskType::read("epic").unwrap_err();
        assert_eq!(error.to_string(), "unknown task type `epic`; allowed: feature, bugfix, refactor, test, docs, chore, research, plan");
    }
}
