//! Runs: one attempt of a task by one agent, and everything that stays of it.
//!
//! Spec: specs/server/core/models.md

use crate::ids::{AgentId, ProjectId, RunRef, WorkspaceId};
use crate::output::{FailureClass, TokenUsage};
use crate::runtime::RuntimeKind;
use crate::text_enum::text_enum;
use crate::time::Timestamp;

text_enum! {
    /// How far a run is. It only ever moves forward.
    RunState, "run state" {
        /// Ordered; the process does not run yet.
        Starting = "STARTING",
        /// The agent works.
        Running = "RUNNING",
        /// The agent is done; its work is committed, checked and landed.
        Concluding = "CONCLUDING",
        /// Over.
        Ended = "ENDED",
    }
}

text_enum! {
    /// How a run ended.
    RunResult, "run result" {
        /// The work is where it belongs.
        Done = "done",
        /// The work is on its branch; the last step of its chain lands it.
        Kept = "kept",
        /// The work is on its branch; a second agent reviews it next.
        InReview = "in_review",
        /// The agent succeeded and changed nothing.
        NoOp = "no_op",
        /// The work waits for a person.
        NeedsReview = "needs_review",
        /// It failed; the class says how.
        Failed = "failed",
        /// The provider refused for a limit.
        Limited = "limited",
        /// The agent's question ended the run; a reply goes on in a new one.
        Asked = "asked",
        /// It was stopped.
        Stopped = "stopped",
        /// The work could not reach its target.
        NotLanded = "not_landed",
    }
}

text_enum! {
    /// What a run is for.
    RunPurpose, "run purpose" {
        /// Doing what the task asks for.
        Work = "work",
        /// Reviewing what the run before did.
        Review = "review",
    }
}

/// What a run ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// How.
    pub result: RunResult,
    /// The class, for a failure.
    pub class: Option<FailureClass>,
    /// What happened, for people; empty when there is nothing to say.
    pub message: String,
}

/// One attempt. Kept for ever, also when the task is archived.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The task and the number of the attempt.
    pub id: RunRef,
    /// The task's project.
    pub project: ProjectId,
    /// The agent.
    pub agent: AgentId,
    /// The agent's runtime at the time.
    pub runtime: RuntimeKind,
    /// The leased workspace.
    pub workspace: WorkspaceId,
    /// What it is for.
    pub purpose: RunPurpose,
    /// How far it is.
    pub state: RunState,
    /// How it ended; set exactly when it has.
    pub end: Option<RunEnd>,
    /// When it was ordered.
    pub started_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Model tokens used so far.
    pub tokens: TokenUsage,
    /// Model tokens reserved against the budgets; 0 once it is settled.
    pub reserved_tokens: u64,
    /// The agent's own summary; empty when there is none.
    pub summary: String,
    /// Files changed, relative to the repository (D-17).
    pub files_changed: Vec<String>,
    /// Exit code of the program; `None` when a signal ended it or it never ran.
    pub exit_code: Option<i32>,
    /// The agent's session.
    pub session_id: Option<String>,
    /// Absolute path of the run's directory; empty until it is prepared.
    pub directory: String,
    /// The commit the branch started from; empty until it is prepared.
    pub base_commit: String,
    /// The commit the work ended in; empty when nothing was landed or kept.
    pub commit: String,
    /// True when the work was pushed to a remote.
    pub pushed: bool,
    /// Last output item that is durable; 0 before the first.
    pub last_output_seq: u64,
}

impl Run {
    /// A run that was just ordered.
    #[must_use]
    pub fn new(id: RunRef, project: ProjectId, agent: AgentId, runtime: RuntimeKind, workspace: WorkspaceId, at: Timestamp) -> Self {
        Self {
            id,
            project,
            agent,
            runtime,
            workspace,
            purpose: RunPurpose::Work,
            state: RunState::Starting,
            end: None,
            started_at: at,
            ended_at: None,
            tokens: TokenUsage::default(),
            reserved_tokens: 0,
            summary: String::new(),
            files_changed: Vec::new(),
            exit_code: None,
            session_id: None,
            directory: String::new(),
            base_commit: String::new(),
            commit: String::new(),
            pushed: false,
            last_output_seq: 0,
        }
    }

    /// True until it is over.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !matches!(self.state, RunState::Ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;

    /// models R6: a run is open in every state but the last.
    #[test]
    fn a_run_is_open_until_it_has_ended() {
        let id = RunRef { task: TaskId::from_trusted("a-b"), number: 1 };
        let (project, agent, space) = (ProjectId::from_trusted("p"), AgentId::from_trusted("nova"), WorkspaceId::from_trusted("ws-1"));
        let mut run = Run::new(id, project, agent, RuntimeKind::Claude, space, Timestamp::from_millis(0));
        assert_eq!(run.state, RunState::Starting);
        for state in RunState::ALL {
            run.state = *state;
            assert_eq!(run.is_open(), *state != RunState::Ended, "{state}");
        }
    }
}
