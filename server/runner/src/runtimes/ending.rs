//! The part of judging an end that is the same for every runtime (runtimes R5).
//!
//! Spec: specs/server/runner/runtimes.md

use aq_core::output::FailureClass;
use aq_core::runner_link::RunOutcome;

use super::normalizer::ExitFacts;
use crate::shim::TimedOut;

/// A failure of class `class`.
pub(super) fn failed(class: FailureClass, message: impl Into<String>) -> RunOutcome {
    RunOutcome::Failed { class, message: message.into() }
}

/// What counts whatever the program said: it never ran, or we stopped it.
#[must_use]
pub fn early_outcome(exit: &ExitFacts) -> Option<RunOutcome> {
    if let Some(error) = &exit.spawn_error {
        return Some(failed(FailureClass::Spawn, error.clone()));
    }
    exit.stopped.map(|reason| RunOutcome::Stopped { reason })
}

/// What counts when the program said nothing conclusive: a limit of the shim.
#[must_use]
pub fn late_outcome(exit: &ExitFacts) -> Option<RunOutcome> {
    match exit.timed_out? {
        TimedOut::Wall => Some(failed(FailureClass::Timeout, "the run reached its time limit")),
        TimedOut::Silence => Some(failed(FailureClass::Silence, "the run printed nothing for too long")),
    }
}
