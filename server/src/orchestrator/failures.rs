//! What follows when a run failed, or when reviewed work could not be landed: another try later, or a block with its reason.
//!
//! Which of the two is decided in `aq_core::task`; how a failure is reported lives in `reports`.

use aq_core::event::EventKind;
use aq_core::ids::RunRef;
use aq_core::output::FailureClass;
use aq_core::run::RunResult;
use aq_core::task::{BlockedReason, FailureFingerprint, RetryDecision, TaskStatus, Trigger, after_failure, is_agents_fault};
use aq_core::time::Timestamp;
use rand::Rng as _;
use serde_json::json;

use super::faults;
use super::followed::{Circumstances, Followed, forgotten, over};
use super::policy::Policy;
use crate::lifecycle::{HeldUp, LifecycleError, Move, OpenRun, Subject, Tx, announce, apply, fenced, hold, save};
use crate::store::{RunRecord, TaskRecord};

/// A question that nobody answered does not keep work that is over.
///
/// # Errors
/// When the rows cannot be written.
pub(super) fn withdraw_question(tx: &mut Tx<'_>, task: &mut TaskRecord, run: u32, now: Timestamp) -> Result<(), LifecycleError> {
    if task.task.status == TaskStatus::WaitingInput {
        apply(tx, task, run, Move::system(Trigger::QuestionWithdrawn, now))?;
    }
    Ok(())
}

/// A failed run: another try later, or a block with its reason. A provider's limits never come here.
///
/// # Errors
/// When the rows cannot be written.
pub(super) fn failed(
    tx: &mut Tx<'_>,
    policy: &Policy,
    mut task: TaskRecord,
    mut record: RunRecord,
    class: FailureClass,
    message: String,
    at: Circumstances,
) -> Result<Followed, LifecycleError> {
    let now = at.now;
    let run = record.run.id.number;
    let fingerprint = FailureFingerprint::of(class, &message);
    let known = is_agents_fault(class) && faults::met(tx, &record.run.agent, class, &message, &task, now)?;
    // What an agent that is known not to work meets with another task says nothing about that task.
    let same = if known {
        1
    } else {
        let (same, history) = repeat_count(task.failure.as_deref(), fingerprint.as_str());
        task.failure = Some(history);
        same
    };
    withdraw_question(tx, &mut task, run, now)?;
    let jitter = tx.state.chance().random();
    let decision = after_failure(class, task.task.retry_count, task.task.max_retries, same, policy.backoff, now, jitter);
    let (RetryDecision::RetryAt { retry_count, .. } | RetryDecision::Block { retry_count, .. }) = &decision;
    let fail = Move::system(Trigger::failure_in(task.task.status), now)
        .with("context", message.clone())
        .with("failure_class", class.as_str())
        .with("retry_count", *retry_count);
    apply(tx, &mut task, run, fail)?;
    match decision {
        RetryDecision::RetryAt { at, retry_count } => {
            task.task.retry_count = retry_count;
            let change = Move::system(Trigger::Backoff, now).until(at).with("reason", "retry").with("retry_count", retry_count);
            apply(tx, &mut task, run, change)?;
        }
        RetryDecision::Block { reason, retry_count } => {
            task.task.retry_count = retry_count;
            let trigger = match reason {
                BlockedReason::RetriesExhausted => Trigger::MaxRetries,
                BlockedReason::SameFailure => Trigger::SameFailure,
                _ => Trigger::Held,
            };
            apply(tx, &mut task, run, Move::system(trigger, now).because(reason).with("context", message.clone()))?;
        }
    }
    over(tx, &task, &mut record, RunResult::Failed, Some(class), message, now)
}

/// Reviewed work could not be landed for an error of git or of the machine. The work is finished and the review has passed, so neither is done again: the
/// run stays open and is told to conclude once more, by the waits and the number of tries of other failures. After the last one the task waits for a person
/// (R42a).
///
/// # Errors
/// When the rows cannot be written.
pub(super) fn not_landed_yet(
    tx: &mut Tx<'_>,
    policy: &Policy,
    mut task: TaskRecord,
    mut record: RunRecord,
    message: String,
    at: Circumstances,
) -> Result<Followed, LifecycleError> {
    let key = task.key;
    let tries = tx.state.runs.get(&key).map_or(0, |open| open.landing_tries);
    // Each of its errors may be another one's fault; only their number counts.
    let jitter = tx.state.chance().random();
    match after_failure(FailureClass::Internal, tries, task.task.max_retries, 1, policy.backoff, at.now, jitter) {
        RetryDecision::RetryAt { at: until, retry_count } => {
            tracing::warn!(run = %record.run.id, %message, %until, "reviewed work could not be landed; it is tried again");
            save(tx, &record)?;
            let subject = Subject { run: Some(record.run.id.number), ..Subject::task(&task) };
            announce(tx, EventKind::TaskHeldUp, at.now, subject, json!({ "title": task.task.title, "until": until.as_millis() }))?;
            hold(tx, task, record);
            if let Some(open) = tx.state.runs.get(&key).cloned() {
                tx.state.put_run(key, Some(OpenRun { conclude_due: true, landing_tries: retry_count, ..open }));
            }
            tx.state.put_held_up(key, Some(HeldUp { until, tries: retry_count }));
            Ok(Followed { look: true, ..Followed::default() })
        }
        RetryDecision::Block { .. } => {
            let change = Move::system(Trigger::LandingFailed, at.now).because(BlockedReason::PushFailed).with("context", message.clone());
            apply(tx, &mut task, record.run.id.number, change)?;
            over(tx, &task, &mut record, RunResult::NotLanded, None, message, at.now)
        }
    }
}

/// The end of a run could not be recorded as it was reported. The run ends as failed by an error of the server instead, so that its task goes on by the
/// rules of failures rather than waiting for a run that nobody will end.
///
/// # Errors
/// When the rows cannot be written.
pub(super) fn given_up(tx: &mut Tx<'_>, policy: &Policy, run: &RunRef, why: &str, at: Circumstances) -> Result<Followed, LifecycleError> {
    let Some((task, mut record)) = fenced(tx, run)? else { return forgotten(tx, run) };
    let message = format!("the server could not record how the run ended: {why}");
    if task.task.status.is_live() {
        failed(tx, policy, task, record, FailureClass::Internal, message, at)
    } else {
        over(tx, &task, &mut record, RunResult::Stopped, None, message, at.now)
    }
}

/// How often in a row the newest failure has been seen, itself included, and the history to store: `count:fingerprint`.
fn repeat_count(stored: Option<&str>, fingerprint: &str) -> (u32, String) {
    let before = stored.and_then(|text| text.split_once(':')).filter(|(_, last)| *last == fingerprint);
    let count = before.and_then(|(count, _)| count.parse::<u32>().ok()).unwrap_or(0).saturating_add(1);
    (count, format!("{count}:{fingerprint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orchestrator R11: only an unbroken row of the same failure counts.
    #[test]
    fn equal_failures_are_counted_in_a_row() {
        let (one, stored) = repeat_count(None, "aa");
        let (two, stored_two) = repeat_count(Some(&stored), "aa");
        let (other, _) = repeat_count(Some(&stored_two), "bb");
        assert_eq!((one, two, other), (1, 2, 1));
    }
}
