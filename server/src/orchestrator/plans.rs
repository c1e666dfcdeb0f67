//! Plans that agents wrote: kept when they are found, settled when the work of their run is.

use std::fs;
use std::io;
use std::path::Path;

use aq_core::event::EventKind;
use aq_core::ids::{RunRef, TaskId};
use aq_core::output::{Question, QuestionKind};
use aq_core::plan::{Parsed, PlanSource, PlanState, ProposedStep, content_hash, is_finished_work, reading};
use aq_core::project::PlanApproval;
use aq_core::task::TaskType;
use aq_core::time::Timestamp;
use serde_json::json;

use super::policy::Policy;
use crate::lifecycle::{LifecycleError, PlanRules, Subject, Tx, accept_plan, announce, approval_rule, fenced, may_plan};
use crate::store::{PlanRecord, TaskRecord, plans};

/// How much the work of a task changed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// Files.
    pub(super) files: usize,
    /// Lines, added and removed.
    pub(super) lines: u64,
}

/// The id of the plan with this content of this task: said again, it is the same.
fn plan_id(task: &TaskId, hash: &str) -> String {
    let named = content_hash(&format!("{task} {hash}"));
    format!("plan-{}", named.get(..12).unwrap_or_default())
}

/// Writes a plan beside the database and returns its path; empty when nothing is configured. Blocking; writing it twice is the same.
///
/// # Errors
/// When the disk refuses.
pub(super) fn archive(rules: &PlanRules, task: &TaskId, text: &str) -> io::Result<String> {
    let Some(folder) = &rules.folder else { return Ok(String::new()) };
    write_private(folder, &format!("{task}-{}.md", content_hash(text).get(..8).unwrap_or_default()), text)
}

fn write_private(folder: &Path, name: &str, text: &str) -> io::Result<String> {
    use std::io::Write as _;
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let (file, beside) = (folder.join(name), folder.join(format!(".{name}.new")));
    let mut opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()?;
    fs::rename(&beside, &file)?;
    Ok(file.to_string_lossy().into_owned())
}

/// A run's plan was found. It is kept until the run's work is settled; what was found before is not kept twice (F-117, D-52).
///
/// # Errors
/// When the rows cannot be read or written.
pub(super) fn found(
    tx: &mut Tx<'_>,
    policy: &Policy,
    run: &RunRef,
    (path, text, archive): (&str, &str, &str),
    proposed: &[ProposedStep],
    now: Timestamp,
) -> Result<(), LifecycleError> {
    let Some((task, _)) = fenced(tx, run)?.filter(|(task, _)| task.deleted_at.is_none()) else { return Ok(()) };
    keep(tx, policy, &task, run, PlanSource::File, None, (path, text, archive, proposed), now)?;
    Ok(())
}

/// Whether a plan with this text would be kept: only then is a model asked to read it.
///
/// # Errors
/// When the rows cannot be read.
pub(super) fn is_wanted(tx: &mut Tx<'_>, policy: &Policy, run: &RunRef, text: &str) -> Result<bool, LifecycleError> {
    let Some((task, _)) = fenced(tx, run)? else { return Ok(false) };
    if !may_plan(tx, &policy.plans, &task)? {
        return Ok(false);
    }
    let hash = content_hash(text);
    let known = plans::of_task(tx.db, task.key)?.iter().any(|plan| plan.hash == hash);
    Ok(!known && plans::by_hash(tx.db, &task.task.project, &hash)?.is_none())
}

/// An agent asks for its plan to be accepted: it is a plan like any other, and a person may make tasks of it instead.
///
/// # Errors
/// When the rows cannot be read or written.
pub(super) fn asked(
    tx: &mut Tx<'_>,
    policy: &Policy,
    task: &TaskRecord,
    run: &RunRef,
    question: &Question,
    now: Timestamp,
) -> Result<(), LifecycleError> {
    if question.kind != QuestionKind::PlanApproval || question.detail.trim().is_empty() {
        return Ok(());
    }
    let request_id = Some(question.request_id.clone());
    if let Some(mut plan) = keep(tx, policy, task, run, PlanSource::PlanExit, request_id, ("", &question.detail, "", &[]), now)? {
        propose(tx, policy, task, &mut plan, now)?;
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "one row, told by two callers")]
fn keep(
    tx: &mut Tx<'_>,
    policy: &Policy,
    task: &TaskRecord,
    run: &RunRef,
    source: PlanSource,
    request_id: Option<String>,
    (path, text, archive, proposed): (&str, &str, &str, &[ProposedStep]),
    now: Timestamp,
) -> Result<Option<PlanRecord>, LifecycleError> {
    if !may_plan(tx, &policy.plans, task)? {
        return Ok(None);
    }
    let hash = content_hash(text);
    if plans::by_hash(tx.db, &task.task.project, &hash)?.is_some() {
        return Ok(None);
    }
    let id = plan_id(&task.task.id, &hash);
    for mut older in plans::of_task(tx.db, task.key)? {
        if older.id == id {
            // The same words were refused before: they are no new plan.
            return Ok(None);
        }
        if older.state == PlanState::Pending {
            older.state = PlanState::Superseded;
            plans::update(tx.db, &older)?;
        }
    }
    let plan = PlanRecord {
        id,
        project: task.task.project.clone(),
        task_key: Some(task.key),
        run_number: Some(run.number),
        request_id,
        source,
        path: path.to_owned(),
        archive: archive.to_owned(),
        hash,
        state: PlanState::Pending,
        text: text.to_owned(),
        proposed: proposed.to_vec(),
        feedback: String::new(),
        decided_by: None,
        created_at: now,
        decided_at: None,
    };
    plans::insert(tx.db, &plan)?;
    Ok(Some(plan))
}

/// The work of a run is where it belongs: its plan becomes tasks, or waits for a person, as the rules say.
///
/// # Errors
/// When the rows cannot be read or written.
pub(super) fn settle(tx: &mut Tx<'_>, policy: &Policy, task: &TaskRecord, extent: Extent, now: Timestamp) -> Result<(), LifecycleError> {
    for mut plan in plans::of_task(tx.db, task.key)? {
        if plan.state != PlanState::Pending {
            continue;
        }
        let parsed = reading(&plan.text, &plan.proposed, policy.plans.max_steps);
        if parsed.steps.is_empty() {
            plan.state = PlanState::Empty;
            plan.decided_at = Some(now);
            plans::update(tx.db, &plan)?;
        } else if approval_rule(tx, &policy.plans, task)? == PlanApproval::Approve {
            propose(tx, policy, task, &mut plan, now)?;
        } else if tells_of_work(tx, task, extent) {
            put_away(tx, task, &mut plan, &parsed, extent, now)?;
        } else {
            accept_plan(tx, &policy.plans, &mut plan, "system", now)?;
        }
    }
    Ok(())
}

/// True when the project wants no tasks of a plan whose task did the work itself (D-60). A task that was to plan is never taken to have worked.
fn tells_of_work(tx: &Tx<'_>, task: &TaskRecord, extent: Extent) -> bool {
    let wanted = tx.state.projects.get(&task.task.project).is_some_and(|hot| hot.project.skip_plans_of_finished_work);
    wanted && task.task.task_type != Some(TaskType::Plan) && is_finished_work(extent.files, extent.lines)
}

/// Refuses a plan in the project's name, and says why and what brings its tasks all the same.
fn put_away(
    tx: &mut Tx<'_>,
    task: &TaskRecord,
    plan: &mut PlanRecord,
    parsed: &Parsed,
    extent: Extent,
    now: Timestamp,
) -> Result<(), LifecycleError> {
    let Extent { files, lines } = extent;
    plan.state = PlanState::Rejected;
    plan.feedback = format!("the task did the work itself: it changed {files} files and {lines} lines (skip_plans_of_finished_work)");
    plan.decided_by = Some("system".to_owned());
    plan.decided_at = Some(now);
    plans::update(tx.db, plan)?;
    let titles: Vec<_> = parsed.steps.iter().map(|step| step.title.as_str()).collect();
    let payload = json!({
        "plan_id": plan.id, "title": task.task.title, "feedback": plan.feedback, "reason": plan.feedback, "actor": "system",
        "steps": titles.len(), "titles": titles, "action": again(task, plan),
    });
    announce(tx, EventKind::PlanRejected, now, Subject { run: plan.run_number, ..Subject::task(task) }, payload)
}

/// What makes tasks of a plan that was put away.
fn again(task: &TaskRecord, plan: &PlanRecord) -> String {
    let file = if plan.archive.is_empty() { "FILE" } else { plan.archive.as_str() };
    format!("aqctl plan create --project {} --parent {} {file}", plan.project, task.task.id)
}

fn propose(tx: &mut Tx<'_>, policy: &Policy, task: &TaskRecord, plan: &mut PlanRecord, now: Timestamp) -> Result<(), LifecycleError> {
    let parsed = reading(&plan.text, &plan.proposed, policy.plans.max_steps);
    plan.state = PlanState::Proposed;
    plans::update(tx.db, plan)?;
    let titles: Vec<_> = parsed.steps.iter().map(|step| step.title.as_str()).collect();
    let payload = json!({
        "plan_id": plan.id, "title": task.task.title, "steps": titles.len(), "titles": titles, "dropped": parsed.dropped,
        "path": plan.path, "action": format!("aqctl plan approve {0}, or aqctl plan reject {0}", plan.id),
    });
    announce(tx, EventKind::PlanFound, now, Subject { run: plan.run_number, ..Subject::task(task) }, payload)
}
