//! The review of finished work by a second agent: when one is ordered, and what its verdict means (F-084).
//!
//! The form of a verdict is pure and lives in `aq_core::task`; what a reviewer is told lives in `review_prompt`.

use aq_core::event::EventKind;
use aq_core::run::{Run, RunPurpose};
use aq_core::task::{ReviewDue, Verdict, VerificationType, read_verdict};
use aq_core::time::Timestamp;
use serde_json::json;

use crate::lifecycle::{Figures, LifecycleError, Subject, Tx, announce};
use crate::store::{Connection, RunRecord, StoreError, TaskRecord, runs};

/// True when the work of this run is reviewed before anything else becomes of it.
pub(super) fn comes_next(task: &TaskRecord, run: &Run) -> bool {
    task.task.verification == VerificationType::QaAgent && run.purpose == RunPurpose::Work
}

/// The review that is due now, by the agent or runtime that the project names.
pub(super) fn due(figures: &Figures, task: &TaskRecord) -> ReviewDue {
    let project = figures.projects.get(&task.task.project).map(|hot| &hot.project);
    let of_agent = || project?.reviewer.as_ref().and_then(|id| figures.agents.get(id)).map(|agent| agent.runtime);
    ReviewDue { runtime: project.and_then(|project| project.reviewer_runtime).or_else(of_agent) }
}

/// The commit that a review looked at, while its own conclusion is outstanding: whatever the reviewer changed goes aside, and the test commands
/// have passed on this one. `None` for work, and for a review whose conclusion was reported before: a person may have changed the branch since.
///
/// # Errors
/// When the rows cannot be read.
pub(super) fn looked_at(db: &mut Connection, task: &TaskRecord, run: &Run) -> Result<Option<String>, StoreError> {
    if run.purpose == RunPurpose::Work || !run.commit.is_empty() {
        return Ok(None);
    }
    Ok(Some(work_commit(db, task)?))
}

/// The commit of the newest work that was kept; empty when there is none.
///
/// # Errors
/// When the rows cannot be read.
pub(super) fn work_commit(db: &mut Connection, task: &TaskRecord) -> Result<String, StoreError> {
    let all = runs::of_task(db, task.key)?;
    let work = all.into_iter().rev().find(|run| run.run.purpose == RunPurpose::Work && !run.run.commit.is_empty());
    Ok(work.map(|run| run.run.commit).unwrap_or_default())
}

/// Takes the verdict out of a reviewer's last message and tells it. `None`: it passed. Else what the failed attempt is called; after a verdict the
/// next run works again, without one that can be read it reviews again.
///
/// # Errors
/// When the event cannot be written.
pub(super) fn judge(tx: &mut Tx<'_>, task: &mut TaskRecord, record: &RunRecord, now: Timestamp) -> Result<Option<String>, LifecycleError> {
    let verdict = read_verdict(&record.run.summary);
    let (word, reasons, fault) = match &verdict {
        Ok(passed @ Verdict::Pass) => (passed.word(), Vec::new(), None),
        Ok(failed @ Verdict::Fail { reasons }) => (failed.word(), reasons.clone(), Some(failed.feedback())),
        Err(none) => ("unreadable", vec![none.to_string()], Some(none.to_string())),
    };
    if matches!(verdict, Ok(Verdict::Fail { .. })) {
        task.task.review = None;
    }
    let subject = Subject { run: Some(record.run.id.number), agent: Some(record.run.agent.clone()), ..Subject::task(task) };
    let payload = json!({ "title": task.task.title, "verdict": word, "reasons": reasons });
    announce(tx, EventKind::TaskReviewed, now, subject, payload)?;
    Ok(fault)
}
