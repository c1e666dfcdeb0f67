//! What a runner's report means for the task: one function per report, each inside one transaction.
//!
//! A report of a run that is no longer the open one changes nothing. Orders that follow are returned and given after the commit. What a failure leads to
//! lives in `failures`.

use aq_core::event::EventKind;
use aq_core::ids::RunRef;
use aq_core::output::FailureClass;
use aq_core::run::{RunPurpose, RunResult, RunState};
use aq_core::runner_link::{Conclusion, LandMode, RunOutcome, StopReason};
use aq_core::task::{BlockedReason, TaskStatus, Trigger, UNTIL_ANSWERED, land_mode};
use aq_core::time::Timestamp;
use serde_json::json;

use super::accounts;
use super::approvals;
use super::failures::{failed, not_landed_yet, withdraw_question};
use super::faults;
use super::followed::{Circumstances, Followed, forgotten, over};
use super::orders;
use super::plans;
use super::policy::Policy;
use super::reviews;
use super::wall;
use crate::lifecycle::{LifecycleError, Move, Subject, Tx, announce, apply, fenced, hold, save};
use crate::store::{TaskRecord, messages, questions, tasks};

/// The workspace is ready.
pub(super) fn prepared(tx: &mut Tx<'_>, run: &RunRef, directory: String, base_commit: String) -> Result<Followed, LifecycleError> {
    let Some((task, mut record)) = fenced(tx, run)? else { return Ok(Followed::default()) };
    record.run.directory = directory;
    record.run.base_commit = base_commit;
    save(tx, &record)?;
    hold(tx, task, record);
    Ok(Followed::default())
}

/// The agent's process runs.
pub(super) fn started(tx: &mut Tx<'_>, run: &RunRef, pid: u32, now: Timestamp) -> Result<Followed, LifecycleError> {
    let Some((mut task, mut record)) = fenced(tx, run)? else { return Ok(Followed::default()) };
    record.pid = Some(pid);
    // After a restart of the server a re-attached run says again that it runs.
    if record.run.state == RunState::Starting {
        record.run.state = RunState::Running;
    }
    if task.task.status == TaskStatus::Assigned {
        apply(tx, &mut task, run.number, Move::system(Trigger::AgentStarted, now))?;
    }
    if run.number > 1 {
        // Its prompt held what earlier runs were told too late.
        questions::tell(tx.db, task.key, run.number)?;
        messages::tell(tx.db, task.key, run.number)?;
    }
    save(tx, &record)?;
    hold(tx, task, record);
    Ok(Followed::default())
}

/// The agent's part is over.
pub(super) fn finished(
    tx: &mut Tx<'_>,
    policy: &Policy,
    run: &RunRef,
    outcome: RunOutcome,
    exit_code: Option<i32>,
    at: Circumstances,
) -> Result<Followed, LifecycleError> {
    let now = at.now;
    let Some((mut task, mut record)) = fenced(tx, run)? else { return forgotten(tx, run) };
    (record.run.last_output_seq, record.output_bytes) = (at.items, at.bytes);
    if record.run.state == RunState::Concluding {
        // Said before, and acted upon; the conclusion is under way.
        return Ok(Followed::default());
    }
    record.run.exit_code = exit_code;
    let outcome = accounts::judged(tx, policy, &record.run, outcome, now);
    if faults::shows_work(&outcome) {
        faults::over(tx, &record.run.agent, now)?;
    }
    let subject = Subject { run: Some(run.number), agent: Some(record.run.agent.clone()), ..Subject::task(&task) };
    announce(tx, EventKind::RunFinished, now, subject, json!({ "title": task.task.title, "result": outcome_word(&outcome) }))?;
    if !task.task.status.is_live() {
        if task.task.status == TaskStatus::Paused && task.task.resume_after == Some(UNTIL_ANSWERED) {
            // Its question was not answered in time; the session goes on when it is.
            return over(tx, &task, &mut record, RunResult::Asked, None, "the question was not answered in time".to_owned(), now);
        }
        if tx.state.runs.get(&task.key).is_some_and(|open| open.stopping == Some(StopReason::Limit)) {
            // The refusal that another run met was enough for this one too.
            return over(tx, &task, &mut record, RunResult::Limited, None, "the account is refused".to_owned(), now);
        }
        // The task moved on without this run: stopped, restarted, deleted.
        return over(tx, &task, &mut record, RunResult::Stopped, None, "stopped".to_owned(), now);
    }
    match outcome {
        RunOutcome::Succeeded { summary } => {
            record.run.summary = summary;
            if record.run.purpose == RunPurpose::Review
                && let Some(fault) = reviews::judge(tx, &mut task, &record, now)?
            {
                return failed(tx, policy, task, record, FailureClass::Verification, fault, at);
            }
            withdraw_question(tx, &mut task, run.number, now)?;
            if task.task.status == TaskStatus::Assigned {
                apply(tx, &mut task, run.number, Move::system(Trigger::AgentStarted, now))?;
            }
            apply(tx, &mut task, run.number, Move::system(Trigger::AgentCompleted, now))?;
            record.run.state = RunState::Concluding;
            save(tx, &record)?;
            let order = orders::conclude(tx, policy, &task, &record.run)?;
            hold(tx, task, record);
            Ok(order.map_or_else(Followed::default, Followed::order))
        }
        RunOutcome::Failed { class, message } => failed(tx, policy, task, record, class, message, at),
        RunOutcome::Limited { window, resets_at, message } => {
            let falls_back = !task.task.needs().fallback.is_empty();
            let (until, reason) = accounts::refused(tx, policy, &record, (&window, resets_at), falls_back, now)?;
            let change = Move::system(Trigger::LimitReached, now).until(until).with("reason", reason).with("context", message.clone());
            apply(tx, &mut task, run.number, change)?;
            // After this one has its place: it met the refusal first, and is the probe.
            wall::pause_beginners(tx, policy, &record.run, now)?;
            over(tx, &task, &mut record, RunResult::Limited, None, message, now)
        }
        RunOutcome::Stopped { reason } => {
            let change = match reason {
                StopReason::Shutdown | StopReason::Fenced => Move::system(Trigger::LostRun, now).with("context", "stopped with the server"),
                StopReason::Limit => {
                    Move::system(Trigger::LimitReached, now).until(now.plus_millis(policy.limit_wait_ms)).with("reason", "limit")
                }
                StopReason::Operator => {
                    Move::system(Trigger::stop_in(task.task.status), now).because(BlockedReason::OperatorStop).with("context", "stopped")
                }
            };
            apply(tx, &mut task, run.number, change)?;
            over(tx, &task, &mut record, RunResult::Stopped, None, format!("stopped: {reason:?}").to_lowercase(), now)
        }
    }
}

const fn outcome_word(outcome: &RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Succeeded { .. } => "succeeded",
        RunOutcome::Failed { .. } => "failed",
        RunOutcome::Limited { .. } => "limited",
        RunOutcome::Stopped { .. } => "stopped",
    }
}

/// The conclusion is over.
pub(super) fn concluded(
    tx: &mut Tx<'_>,
    policy: &Policy,
    run: &RunRef,
    conclusion: Conclusion,
    at: Circumstances,
) -> Result<Followed, LifecycleError> {
    let now = at.now;
    let Some((mut task, mut record)) = fenced(tx, run)? else { return forgotten(tx, run) };
    if record.run.state != RunState::Concluding {
        // Nobody ordered it: ending the run here would leave a live task without one.
        tracing::warn!(%run, "a conclusion was reported of a run whose agent is not through");
        return Ok(Followed::default());
    }
    (record.run.last_output_seq, record.output_bytes) = (at.items, at.bytes);
    if task.task.status != TaskStatus::Verifying {
        return over(tx, &task, &mut record, RunResult::Stopped, None, "the task moved on".to_owned(), now);
    }
    let (kept, review) = tx.state.runs.get(&task.key).map_or((false, false), |open| (open.kept, open.reviewed_next));
    if record.run.purpose == RunPurpose::Review {
        if matches!(conclusion, Conclusion::VerifyFailed { .. }) {
            // The reviewed files passed, the merged ones do not: that is work, not another review.
            task.task.review = None;
        }
        if !matches!(conclusion, Conclusion::Error { .. }) && record.run.commit.is_empty() {
            // What the reviewer changed is aside now. A later conclusion of this run takes the branch as it finds it.
            record.run.commit = reviews::work_commit(tx.db, &task)?;
        }
        if let Conclusion::Error { message } = conclusion {
            return not_landed_yet(tx, policy, task, record, message, at);
        }
    }
    if kept && land_mode(&task.task, orders::unfinished_steps(tx.db, &task)?) == LandMode::Merge {
        // The other steps were completed meanwhile, by a skip for example: this one is the last, and lands them all.
        if matches!(conclusion, Conclusion::Done { .. } | Conclusion::NothingToDo) {
            save(tx, &record)?;
            return Ok(orders::conclude(tx, policy, &task, &record.run)?.map_or_else(Followed::default, Followed::order));
        }
    }
    let awaits = !review && orders::awaits_approval(&task, &record.run);
    tell_landing(tx, &task, &conclusion, !kept && !awaits && !review, now)?;
    let pushed = matches!(conclusion, Conclusion::Done { pushed: true, .. });
    let blocked = |reason, context: String| Move::system(Trigger::LandingFailed, now).because(reason).with("context", context);
    let mut extent = plans::Extent::default();
    let (change, result, message) = match conclusion {
        Conclusion::Done { commit, files_changed, lines_changed, pushed } => {
            extent = plans::Extent { files: files_changed.len(), lines: lines_changed };
            record.run.commit = commit.clone();
            record.run.files_changed = files_changed;
            record.run.pushed = pushed;
            let branch = task.task.branch.clone().unwrap_or_default();
            if review {
                task.task.review = Some(reviews::due(tx.state, &task));
                let change = Move::system(Trigger::ReviewOrdered, now).with("branch", branch).with("commit", commit);
                (change, RunResult::InReview, "a second agent reviews the work next".to_owned())
            } else if awaits {
                let change = Move::system(Trigger::ApprovalRequested, now).with("branch", branch).with("commit", commit);
                (change, RunResult::NeedsReview, "the branch waits for approval".to_owned())
            } else {
                let change = Move::system(Trigger::VerifyPassed, now).with("commit", commit).with("pushed", pushed).with("kept", kept);
                if kept {
                    (change, RunResult::Kept, format!("committed on {branch}; the last step of the plan lands it"))
                } else {
                    (change, RunResult::Done, String::new())
                }
            }
        }
        Conclusion::NothingToDo => {
            (Move::system(Trigger::VerifyPassed, now).with("no_op", true), RunResult::NoOp, "nothing had to be changed".to_owned())
        }
        Conclusion::VerifyFailed { command, exit_code, tail } => {
            let message = format!("`{command}` ended with exit code {exit_code}\n{tail}");
            return failed(tx, policy, task, record, FailureClass::Verification, message, at);
        }
        Conclusion::MergeConflict { files } => {
            let message = format!("conflict with the default branch in {}", files.join(", "));
            (blocked(BlockedReason::MergeConflict, message.clone()), RunResult::NotLanded, message)
        }
        Conclusion::PushFailed { message } => (blocked(BlockedReason::PushFailed, message.clone()), RunResult::NotLanded, message),
        Conclusion::TargetDirty { path } => {
            let message = format!("{path} has uncommitted changes on the target branch");
            (blocked(BlockedReason::TargetDirty, message.clone()), RunResult::NotLanded, message)
        }
        Conclusion::Error { message } => return failed(tx, policy, task, record, FailureClass::Internal, message, at),
    };
    apply(tx, &mut task, run.number, change)?;
    if matches!(result, RunResult::Done | RunResult::Kept | RunResult::NoOp | RunResult::NeedsReview) {
        plans::settle(tx, policy, &task, extent, now)?;
    }
    if task.task.status == TaskStatus::Completed {
        repaired(tx, &task, now)?;
    }
    if result == RunResult::NeedsReview {
        let repository = if pushed { orders::forge_repository(tx.state, policy, &task, &record.run) } else { None };
        approvals::begin(tx, &task, repository, now)?;
    }
    over(tx, &task, &mut record, result, None, message, now)
}

/// The work of a repair has landed, and with it that of the task whose branch it worked on.
fn repaired(tx: &mut Tx<'_>, task: &TaskRecord, now: Timestamp) -> Result<(), LifecycleError> {
    let Some(parent) = task.parent_key else { return Ok(()) };
    let mut original = tasks::by_key(tx.db, parent)?;
    let conflict = original.task.blocked_reason == Some(BlockedReason::MergeConflict) && original.deleted_at.is_none();
    if conflict && original.task.branch.is_some() && original.task.branch == task.task.branch {
        let run = original.task.run_number;
        let context = format!("task {} resolved the conflict and landed the branch", task.task.id);
        apply(tx, &mut original, run, Move::system(Trigger::Repaired, now).with("context", context))?;
    }
    Ok(())
}

/// Tells what became of the branch.
fn tell_landing(tx: &mut Tx<'_>, task: &TaskRecord, conclusion: &Conclusion, land: bool, now: Timestamp) -> Result<(), LifecycleError> {
    let branch = task.task.branch.clone().unwrap_or_default();
    let (kind, payload) = match conclusion {
        Conclusion::Done { commit, .. } if land => (EventKind::GitMerged, json!({ "branch": branch, "commit": commit })),
        Conclusion::Done { commit, pushed: true, .. } => (EventKind::GitPush, json!({ "branch": branch, "commit": commit })),
        Conclusion::MergeConflict { files } => (EventKind::GitConflict, json!({ "branch": branch, "files": files })),
        Conclusion::PushFailed { message } => (EventKind::GitPushFailed, json!({ "branch": branch, "message": message })),
        _ => return Ok(()),
    };
    if kind == EventKind::GitMerged {
        // What waits for approval is thought through again: it may conflict now.
        tx.state.note_landing(&task.task.project);
    }
    announce(tx, kind, now, Subject { run: Some(task.task.run_number), ..Subject::task(task) }, payload)
}
