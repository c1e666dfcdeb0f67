//! Which tone a state is told in.

use aq_proto::v1::{AgentState, RunOutcome, RunState, TaskStatus};

use crate::look::Tone;

/// The tone of a task's status.
#[must_use]
pub(crate) fn task(status: i32) -> Tone {
    match TaskStatus::try_from(status) {
        Ok(TaskStatus::Completed) => Tone::Good,
        Ok(TaskStatus::Assigned | TaskStatus::InProgress | TaskStatus::Verifying) => Tone::Active,
        Ok(TaskStatus::WaitingInput | TaskStatus::AwaitingApproval | TaskStatus::Paused) => Tone::Warn,
        Ok(TaskStatus::Failed | TaskStatus::Blocked) => Tone::Bad,
        Ok(TaskStatus::Defined) => Tone::Dim,
        _ => Tone::Plain,
    }
}

/// The mark of a task's status in a tree.
#[must_use]
pub(crate) fn mark(status: i32) -> &'static str {
    match TaskStatus::try_from(status) {
        Ok(TaskStatus::Completed) => "✓",
        Ok(TaskStatus::Assigned | TaskStatus::InProgress | TaskStatus::Verifying) => "▶",
        Ok(TaskStatus::WaitingInput | TaskStatus::AwaitingApproval) => "?",
        Ok(TaskStatus::Paused) => "‖",
        Ok(TaskStatus::Failed | TaskStatus::Blocked) => "✗",
        Ok(TaskStatus::Ready) => "○",
        _ => "·",
    }
}

/// The tone of a run: its outcome once it has ended, else its state.
#[must_use]
pub(crate) fn run(state: i32, outcome: i32) -> Tone {
    match (RunState::try_from(state), RunOutcome::try_from(outcome)) {
        (_, Ok(RunOutcome::Succeeded | RunOutcome::NothingToDo)) => Tone::Good,
        (_, Ok(RunOutcome::Failed | RunOutcome::MergeConflict | RunOutcome::PushFailed | RunOutcome::TargetDirty)) => Tone::Bad,
        (_, Ok(RunOutcome::Limited | RunOutcome::Stopped)) | (Ok(RunState::Waiting), _) => Tone::Warn,
        (Ok(RunState::Preparing | RunState::Running | RunState::Concluding), _) => Tone::Active,
        _ => Tone::Plain,
    }
}

/// The tone of an agent's state.
#[must_use]
pub(crate) fn agent(state: i32) -> Tone {
    match AgentState::try_from(state) {
        Ok(AgentState::Busy) => Tone::Active,
        Ok(AgentState::Paused) => Tone::Warn,
        Ok(AgentState::Error) => Tone::Bad,
        _ => Tone::Plain,
    }
}
