//! What waits for approval: reminders, approvals that are no longer needed, and pull requests with their fate. Each step is one transaction;
//! the forge is asked between them. The loop that takes the steps lives in `approval_loop`.

use aq_core::event::EventKind;
use aq_core::ids::TaskId;
use aq_core::runner_link::{RunnerOrder, WorkspaceOrder, WorkspaceSource};
use aq_core::task::{BlockedReason, TaskStatus, Trigger, VerificationType};
use aq_core::time::Timestamp;
use serde_json::json;

use crate::forges::{ForgeError, Polled, PullRequest, PullState, RepositoryName, Review, Wait, WantedPull};
use crate::lifecycle::{LifecycleError, Move, Subject, Tx, announce, apply, reopen};
use crate::store::approvals::{self, Approval};
use crate::store::{RunRecord, TaskRecord, runs, tasks};

/// Work whose approval was waived is landed after so long, in milliseconds (F-082).
pub(super) const WAIVED_AFTER_MS: i64 = 120_000;
/// People are reminded so often, in milliseconds (F-082).
pub(super) const REMIND_EVERY_MS: i64 = 3_600_000;
/// A wait is told as stuck after so long, in milliseconds (F-082).
pub(super) const STUCK_AFTER_MS: i64 = 86_400_000;
/// The forge is asked so often about an open pull request, in milliseconds (F-081).
pub(super) const ASK_EVERY_MS: i64 = 60_000;
/// Longest time between two questions after failures, in milliseconds.
const LONGEST_WAIT_MS: i64 = 3_600_000;
/// Most questions to the forge in one round; the rest follow in the next one.
pub(super) const QUESTIONS: usize = 32;
/// Most characters of a description that a pull request quotes.
const QUOTED: usize = 500;

/// What the forge is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// There should be a pull request.
    Open(WantedPull),
    /// How does it stand?
    Poll { repository: RepositoryName, number: u64, etag: String },
}

/// A question about a task's wait; the run says which wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) task_key: i64,
    pub(super) run_number: u32,
    pub(super) question: Question,
}

/// What a look at all waits came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Looked {
    /// What the forge is to be asked now.
    pub(super) ask: Vec<Asked>,
    /// When there is something to do again; `None`: nothing waits.
    pub(super) next: Option<Timestamp>,
    /// True when a run was taken up again to land its work: the orchestrator has something to order.
    pub(super) landing: bool,
}

/// The wait that begins when `record`'s work is kept; with a repository, a pull request is wanted at once.
pub(super) fn begin(
    tx: &mut Tx<'_>,
    record: &TaskRecord,
    repository: Option<RepositoryName>,
    now: Timestamp,
) -> Result<(), LifecycleError> {
    let branch = if repository.is_some() { record.task.branch.clone().unwrap_or_default() } else { String::new() };
    let wait = Approval {
        task_key: record.key,
        run_number: record.task.run_number,
        since: now,
        remind_at: now.plus_millis(REMIND_EVERY_MS),
        ask_at: repository.is_some().then_some(now),
        repository: repository.map(|name| name.to_string()).unwrap_or_default(),
        branch,
        number: None,
        etag: String::new(),
        review: String::new(),
        failures: 0,
        problem: String::new(),
    };
    Ok(approvals::put(tx.db, &wait)?)
}

/// Looks at every wait: begins those that have no row, forgets those that are over, reminds, lands what needs no approval any more, and says
/// what the forge is to be asked.
pub(super) fn look(tx: &mut Tx<'_>, now: Timestamp) -> Result<Looked, LifecycleError> {
    let mut looked = Looked::default();
    let waiting = tasks::in_status(tx.db, TaskStatus::AwaitingApproval)?;
    for wait in approvals::all(tx.db)? {
        let lives = waiting.iter().any(|record| record.key == wait.task_key && record.task.run_number == wait.run_number);
        if !lives {
            approvals::remove(tx.db, wait.task_key)?;
        }
    }
    for record in waiting {
        if approvals::get(tx.db, record.key)?.is_none() {
            begin(tx, &record, None, record.task.updated_at)?;
        }
        let Some(wait) = approvals::get(tx.db, record.key)? else { continue };
        one(tx, record, wait, now, &mut looked)?;
    }
    Ok(looked)
}

fn one(tx: &mut Tx<'_>, record: TaskRecord, mut wait: Approval, now: Timestamp, looked: &mut Looked) -> Result<(), LifecycleError> {
    let mut later = |at: Timestamp| looked.next = Some(looked.next.map_or(at, |next| next.min(at)));
    let waived = !record.task.requires_approval && record.task.verification != VerificationType::Human && wait.number.is_none();
    if waived {
        // The edit that took the requirement away moved `updated_at`; what was never required waits from the beginning.
        let due = wait.since.max(record.task.updated_at).plus_millis(WAIVED_AFTER_MS);
        if due > now {
            later(due);
            return Ok(());
        }
        if land(tx, record, now)? {
            looked.landing = true;
        } else {
            later(now.plus_millis(ASK_EVERY_MS));
        }
        return Ok(());
    }
    if wait.number.is_none() {
        if wait.remind_at <= now {
            remind(tx, &record, &wait, now)?;
            wait.remind_at = now.plus_millis(REMIND_EVERY_MS);
            approvals::put(tx.db, &wait)?;
        }
        later(wait.remind_at);
    }
    if let Some(at) = wait.ask_at {
        if at > now || looked.ask.len() >= QUESTIONS {
            later(at.max(now));
        } else if let Some(question) = question(tx, &record, &wait) {
            looked.ask.push(Asked { task_key: record.key, run_number: wait.run_number, question });
        }
    }
    Ok(())
}

fn question(tx: &Tx<'_>, record: &TaskRecord, wait: &Approval) -> Option<Question> {
    let repository = RepositoryName::read(&wait.repository)?;
    if let Some(number) = wait.number {
        return Some(Question::Poll { repository, number, etag: wait.etag.clone() });
    }
    let base = tx.state.projects.get(&record.task.project)?.project.default_branch.clone();
    Some(Question::Open(WantedPull {
        repository,
        branch: wait.branch.clone(),
        base,
        title: record.task.title.clone(),
        body: body(&record.task.id, &record.task.description),
    }))
}

fn body(id: &TaskId, description: &str) -> String {
    let quoted: String = description.chars().take(QUOTED).collect();
    format!("Automated PR for task `{id}`.\n\n{quoted}")
}

fn remind(tx: &mut Tx<'_>, record: &TaskRecord, wait: &Approval, now: Timestamp) -> Result<(), LifecycleError> {
    let waited = now.millis_since(wait.since);
    let kind = if waited >= STUCK_AFTER_MS { EventKind::TaskApprovalStuck } else { EventKind::TaskApprovalReminder };
    let payload = json!({ "title": record.task.title, "waited_ms": waited, "branch": record.task.branch, "problem": wait.problem });
    announce(tx, kind, now, Subject { run: Some(wait.run_number), ..Subject::task(record) }, payload)
}

/// Lands work that needs no approval any more; false while no workspace is free or its last run has not ended.
fn land(tx: &mut Tx<'_>, mut record: TaskRecord, now: Timestamp) -> Result<bool, LifecycleError> {
    let number = record.task.run_number;
    if tx.state.runs.contains_key(&record.key) {
        return Ok(false);
    }
    let Some(mut run) = runs::get(tx.db, record.key, number)?.filter(|run| !run.run.commit.is_empty()) else {
        apply(tx, &mut record, number, Move::system(Trigger::ApprovalWaived, now))?;
        return Ok(true);
    };
    let Some(workspace) = tx.state.landing_workspace(&run.run) else { return Ok(false) };
    run.run.workspace = workspace;
    record.task.assigned_agent = Some(run.run.agent.clone());
    apply(tx, &mut record, number, Move::system(Trigger::ApprovedToLand, now).with("context", "approval is not required any more"))?;
    reopen(tx, &record, &mut run)?;
    Ok(true)
}

/// What the forge said; `orders` follow from it.
pub(super) fn answered(
    tx: &mut Tx<'_>,
    asked: &Asked,
    answer: &Result<Told, ForgeError>,
    now: Timestamp,
) -> Result<Vec<RunnerOrder>, LifecycleError> {
    let Some(mut wait) = approvals::get(tx.db, asked.task_key)?.filter(|wait| wait.run_number == asked.run_number) else {
        return Ok(Vec::new());
    };
    let mut record = tasks::by_key(tx.db, asked.task_key)?;
    if record.task.status != TaskStatus::AwaitingApproval || record.deleted_at.is_some() {
        return Ok(Vec::new());
    }
    match answer {
        Err(error) => {
            failed(tx, &record, &mut wait, error, now)?;
            return Ok(Vec::new());
        }
        Ok(Told::Unchanged) => {}
        Ok(Told::Opened(pull)) => opened(tx, &mut record, &mut wait, pull, now)?,
        Ok(Told::Stands { pull, review, etag }) => {
            wait.etag.clone_from(etag);
            match pull.state {
                PullState::Open => reviewed(tx, &record, &mut wait, *review, now)?,
                PullState::Merged => return merged(tx, record, pull, now),
                PullState::Closed => return closed(tx, record, pull, now).map(|()| Vec::new()),
            }
        }
    }
    (wait.failures, wait.problem, wait.ask_at) = (0, String::new(), Some(now.plus_millis(ASK_EVERY_MS)));
    approvals::put(tx.db, &wait)?;
    Ok(Vec::new())
}

/// What the forge told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// There is a pull request.
    Opened(PullRequest),
    /// Nothing has changed.
    Unchanged,
    /// This is how it stands.
    Stands { pull: PullRequest, review: Review, etag: String },
}

impl From<Polled> for Told {
    fn from(polled: Polled) -> Self {
        match polled {
            Polled::Unchanged => Self::Unchanged,
            Polled::Is { pull, review, etag } => Self::Stands { pull, review, etag },
        }
    }
}

fn opened(tx: &mut Tx<'_>, record: &mut TaskRecord, wait: &mut Approval, pull: &PullRequest, now: Timestamp) -> Result<(), LifecycleError> {
    wait.number = Some(pull.number);
    let known = record.task.pr_url.as_deref() == Some(pull.url.as_str());
    record.task.pr_url = Some(pull.url.clone());
    tasks::set_place(tx.db, record)?;
    if known {
        return Ok(());
    }
    let payload = json!({ "title": record.task.title, "branch": wait.branch, "url": pull.url, "number": pull.number });
    announce(tx, EventKind::PrCreated, now, Subject { run: Some(wait.run_number), ..Subject::task(record) }, payload)
}

fn reviewed(tx: &mut Tx<'_>, record: &TaskRecord, wait: &mut Approval, review: Review, now: Timestamp) -> Result<(), LifecycleError> {
    if wait.review == review.as_str() {
        return Ok(());
    }
    review.as_str().clone_into(&mut wait.review);
    let payload = json!({ "title": record.task.title, "url": record.task.pr_url, "review": review.as_str() });
    announce(tx, EventKind::PrReviewed, now, Subject { run: Some(wait.run_number), ..Subject::task(record) }, payload)
}

fn merged(tx: &mut Tx<'_>, mut record: TaskRecord, pull: &PullRequest, now: Timestamp) -> Result<Vec<RunnerOrder>, LifecycleError> {
    let number = record.task.run_number;
    let run = runs::get(tx.db, record.key, number)?;
    let subject = Subject { run: Some(number), ..Subject::task(&record) };
    announce(tx, EventKind::PrMerged, now, subject, json!({ "title": record.task.title, "url": pull.url, "commit": pull.merged_as }))?;
    apply(
        tx,
        &mut record,
        number,
        Move::system(Trigger::PrMerged, now).with("url", pull.url.as_str()).with("commit", pull.merged_as.as_str()),
    )?;
    approvals::remove(tx.db, record.key)?;
    Ok(run.map(|run| cleanup(tx, &record, &run)).unwrap_or_default())
}

/// The directory and the branch of work that was merged elsewhere are no longer needed.
fn cleanup(tx: &Tx<'_>, record: &TaskRecord, run: &RunRecord) -> Vec<RunnerOrder> {
    let mut orders = vec![RunnerOrder::Release { run: run.run.id.clone(), project: record.task.project.clone(), task_ended: true }];
    if let Some(hot) = tx.state.projects.get(&record.task.project)
        && let Some(branch) = record.task.branch.clone()
    {
        let workspace = WorkspaceOrder {
            id: run.run.workspace.clone(),
            source: WorkspaceSource::Clone { url: hot.project.repo_url.clone() },
            default_branch: hot.project.default_branch.clone(),
            branch,
        };
        orders.push(RunnerOrder::Retire { run: run.run.id.clone(), project: record.task.project.clone(), workspace });
    }
    orders
}

fn closed(tx: &mut Tx<'_>, mut record: TaskRecord, pull: &PullRequest, now: Timestamp) -> Result<(), LifecycleError> {
    let number = record.task.run_number;
    let subject = Subject { run: Some(number), ..Subject::task(&record) };
    announce(tx, EventKind::PrClosed, now, subject, json!({ "title": record.task.title, "url": pull.url }))?;
    let change = Move::system(Trigger::PrClosed, now)
        .because(BlockedReason::ApprovalRejected)
        .with("context", format!("{} was closed without merging", pull.url));
    apply(tx, &mut record, number, change)?;
    Ok(approvals::remove(tx.db, record.key)?)
}

/// A failure of the forge is told once, and asked again later: soon when it passes by itself, else every hour.
fn failed(tx: &mut Tx<'_>, record: &TaskRecord, wait: &mut Approval, error: &ForgeError, now: Timestamp) -> Result<(), LifecycleError> {
    wait.failures = wait.failures.saturating_add(1);
    wait.ask_at = Some(again(error, wait.failures, now));
    let text = error.to_string();
    let told = wait.problem == text;
    wait.problem.clone_from(&text);
    approvals::put(tx.db, wait)?;
    if told {
        return Ok(());
    }
    let payload = json!({ "text": text, "title": record.task.title });
    announce(tx, EventKind::RunNote, now, Subject { run: Some(wait.run_number), ..Subject::task(record) }, payload)
}

/// When the forge is asked again after `failures` failures in a row: what it asks for itself, else doubling from a minute to an hour.
pub(super) fn again(error: &ForgeError, failures: u32, now: Timestamp) -> Timestamp {
    let doubled = ASK_EVERY_MS.saturating_mul(1_i64 << failures.saturating_sub(1).min(10)).min(LONGEST_WAIT_MS);
    match error {
        ForgeError::Limited { wait: Wait::For(length), .. } => {
            now.plus_millis(i64::try_from(length.as_millis()).unwrap_or(LONGEST_WAIT_MS).max(ASK_EVERY_MS))
        }
        ForgeError::Limited { wait: Wait::Until(at), .. } => {
            (*at).max(now.plus_millis(ASK_EVERY_MS)).min(now.plus_millis(LONGEST_WAIT_MS.saturating_mul(6)))
        }
        other if other.passes() => now.plus_millis(doubled),
        _ => now.plus_millis(LONGEST_WAIT_MS),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// F-081, orchestrator R33: a limit is obeyed, trouble doubles the wait, and what only a person can mend is asked hourly.
    #[test]
    fn the_forge_is_left_alone_when_it_says_so() {
        let now = Timestamp::from_millis(1_000_000);
        let after = |error: &ForgeError, failures| again(error, failures, now).millis_since(now);
        let limited = |wait| ForgeError::Limited { wait, message: String::new() };
        assert_eq!(after(&limited(Wait::For(Duration::from_secs(300))), 1), 300_000);
        assert_eq!(after(&limited(Wait::For(Duration::ZERO)), 1), ASK_EVERY_MS);
        assert_eq!(after(&limited(Wait::Until(now.plus_millis(500_000))), 1), 500_000);
        let trouble = ForgeError::Unavailable(String::new());
        assert_eq!([1, 2, 3, 20, u32::MAX].map(|failures| after(&trouble, failures)), [60_000, 120_000, 240_000, 3_600_000, 3_600_000]);
        assert_eq!(after(&ForgeError::Denied(String::new()), 1), LONGEST_WAIT_MS);
    }
}
