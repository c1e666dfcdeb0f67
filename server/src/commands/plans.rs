//! What a person does with plans: accept, refuse with feedback, bring one of their own.

use aq_core::event::EventKind;
use aq_core::ids::{ProjectId, RunRef, TaskId};
use aq_core::plan::{MAX_PLAN_BYTES, PlanSource, PlanState, content_hash, parse};
use aq_core::runner_link::{Answer, RunnerOrder};
use aq_core::task::TaskStatus;
use serde_json::json;

use super::context::{Context, project, task};
use super::control::restart;
use super::error::CommandError;
use crate::lifecycle::{PlanRules, Subject, Tx, accept_plan, announce};
use crate::store::{PlanRecord, TaskRecord, plans, questions, tasks};

/// Longest feedback, in bytes.
pub const MAX_FEEDBACK_BYTES: usize = 64 * 1024;
/// What an agent is told whose plan became tasks.
const BECAME_TASKS: &str =
    "The plan was accepted, and each of its steps became a task of its own. Do not carry them out: end your work now.";

/// A plan that a person brings.
#[derive(Clone, Debug)]
pub struct NewPlan {
    /// The project.
    pub project: ProjectId,
    /// The task that it belongs to; the first step waits for it.
    pub parent: Option<TaskId>,
    /// The text.
    pub text: String,
}

/// The plan of this id, if the caller may know of it.
///
/// # Errors
/// [`CommandError::NotFound`].
pub fn plan(db: &mut crate::store::Connection, context: &Context, id: &str) -> Result<PlanRecord, CommandError> {
    let found = plans::by_id(db, id)?.ok_or_else(|| CommandError::NotFound { kind: "plan", id: id.to_owned() })?;
    context.sees(&found.project, "plan", id)?;
    Ok(found)
}

fn undecided(plan: &PlanRecord) -> Result<(), CommandError> {
    match plan.state {
        PlanState::Proposed => Ok(()),
        PlanState::Pending => Err(CommandError::precondition(
            "PLAN_PENDING",
            format!("the run that wrote plan `{}` is not through yet; decide when its work has landed", plan.id),
        )),
        state => Err(CommandError::precondition("PLAN_DECIDED", format!("plan `{}` is {state} already", plan.id))),
    }
}

/// Makes the tasks of a plan. An agent that waits for its plan to be accepted is told that the steps became tasks.
///
/// # Errors
/// [`CommandError::Precondition`] when it was decided before.
pub fn approve(
    tx: &mut Tx<'_>,
    context: &Context,
    rules: &PlanRules,
    id: &str,
) -> Result<(PlanRecord, Vec<TaskRecord>, Option<RunnerOrder>), CommandError> {
    let mut plan = plan(tx.db, context, id)?;
    undecided(&plan)?;
    let made = accept_plan(tx, rules, &mut plan, &context.actor(), context.now)?;
    let order = tell_agent(tx, context, &plan, BECAME_TASKS)?;
    Ok((plan, made, order))
}

/// Refuses a plan. With feedback the task that wrote it is done again, and told; an agent that waits for its plan to be accepted is told at once.
///
/// # Errors
/// [`CommandError::Precondition`] when it was decided before.
pub fn reject(tx: &mut Tx<'_>, context: &Context, id: &str, feedback: &str) -> Result<(PlanRecord, Option<RunnerOrder>), CommandError> {
    if feedback.len() > MAX_FEEDBACK_BYTES || feedback.contains('\0') {
        return Err(CommandError::invalid("feedback", format!("must be text of at most {MAX_FEEDBACK_BYTES} bytes")));
    }
    let mut plan = plan(tx.db, context, id)?;
    undecided(&plan)?;
    plan.state = PlanState::Rejected;
    feedback.trim().clone_into(&mut plan.feedback);
    plan.decided_by = Some(context.actor());
    plan.decided_at = Some(context.now);
    plans::update(tx.db, &plan)?;
    let owner = plan.task_key.map(|key| tasks::by_key(tx.db, key)).transpose()?;
    let subject = Subject { run: plan.run_number, ..owner.as_ref().map_or_else(|| Subject::project(&plan.project), Subject::task) };
    let payload = json!({
        "plan_id": plan.id, "title": owner.as_ref().map(|owner| owner.task.title.as_str()), "feedback": plan.feedback, "actor": context.actor(),
    });
    announce(tx, EventKind::PlanRejected, context.now, subject, payload)?;
    let order = tell_agent(tx, context, &plan, &plan.feedback)?;
    if let Some(owner) = owner.filter(|owner| order.is_none() && owner.task.status == TaskStatus::Completed && !plan.feedback.is_empty()) {
        restart(tx, context, &owner.task.id, &plan.feedback)?;
    }
    Ok((plan, order))
}

/// The question that the plan is the subject of gets its answer: no, with what became of the plan.
fn tell_agent(tx: &mut Tx<'_>, context: &Context, plan: &PlanRecord, message: &str) -> Result<Option<RunnerOrder>, CommandError> {
    let (Some(key), Some(run), Some(request_id)) = (plan.task_key, plan.run_number, plan.request_id.clone()) else { return Ok(None) };
    let waits = questions::waiting_of_task(tx.db, key)?;
    if !waits.iter().any(|question| question.run_number == run && question.question.request_id == request_id) {
        return Ok(None);
    }
    let owner = tasks::by_key(tx.db, key)?;
    let answer = Answer::Deny { message: message.to_owned() };
    let (_, order) = super::questions::answer(tx, context, &owner.task.id, &request_id, answer.clone(), None)?;
    let run = RunRef { task: owner.task.id, number: run };
    Ok(order.map(|_| RunnerOrder::Answer { run, request_id, answer }))
}

/// Brings a plan of a person's own: its tasks are created at once, since the person has accepted it.
///
/// # Errors
/// [`CommandError::Invalid`] for a text without steps or one that is too long, [`CommandError::Precondition`] when the project has tasks of the same
/// plan.
pub fn create(tx: &mut Tx<'_>, context: &Context, rules: &PlanRules, new: &NewPlan) -> Result<(PlanRecord, Vec<TaskRecord>), CommandError> {
    project(tx.state, context, &new.project)?;
    let parent = new.parent.as_ref().map(|id| task(tx.db, context, id)).transpose()?;
    if parent.as_ref().is_some_and(|parent| parent.task.project != new.project) {
        return Err(CommandError::invalid("parent_task_id", "belongs to another project"));
    }
    check_text(&new.text, rules)?;
    let hash = content_hash(&new.text);
    if let Some(known) = plans::by_hash(tx.db, &new.project, &hash)? {
        return Err(CommandError::precondition(
            "PLAN_EXISTS",
            format!("plan `{}` of this project has the same text and is {}; reject it first, or change the text", known.id, known.state),
        ));
    }
    let named = content_hash(&format!("{} {hash} {}", new.project, context.now.as_millis()));
    let mut plan = PlanRecord {
        id: format!("plan-{}", named.get(..12).unwrap_or_default()),
        project: new.project.clone(),
        task_key: parent.as_ref().map(|parent| parent.key),
        run_number: None,
        request_id: None,
        source: PlanSource::Text,
        path: String::new(),
        archive: String::new(),
        hash,
        state: PlanState::Proposed,
        text: new.text.clone(),
        proposed: Vec::new(),
        feedback: String::new(),
        decided_by: None,
        created_at: context.now,
        decided_at: None,
    };
    plans::insert(tx.db, &plan)?;
    let made = accept_plan(tx, rules, &mut plan, &context.actor(), context.now)?;
    Ok((plan, made))
}

/// Refuses a text that is no plan.
///
/// # Errors
/// [`CommandError::Invalid`] names what is wrong.
pub fn check_text(text: &str, rules: &PlanRules) -> Result<(), CommandError> {
    if text.len() > MAX_PLAN_BYTES {
        return Err(CommandError::invalid("text", format!("is longer than {MAX_PLAN_BYTES} bytes; split the plan")));
    }
    if text.contains('\0') {
        return Err(CommandError::invalid("text", "holds a NUL character"));
    }
    if parse(text, rules.max_steps).steps.is_empty() {
        return Err(CommandError::invalid(
            "text",
            "holds nothing to do; write headings like `## Phase 1: Add the form` with text below them",
        ));
    }
    Ok(())
}
