//! Tasks that agents propose, within what their project allows.
//!
//! A proposal that waits for a person is BLOCKED as `proposed` in the same transaction that creates it, so it never starts by itself.

use aq_core::ids::ProjectId;
use aq_core::project::ProposalPolicy;
use aq_core::task::{BlockedReason, TaskOrigin, TaskStatus, Trigger};

use super::context::{Context, project, task};
use super::create::{NewTask, create};
use super::error::CommandError;
use crate::lifecycle::{Move, Tx, apply};
use crate::store::{TaskRecord, details, tasks};

/// Most tasks that may come out of one task.
pub const MAX_PROPOSALS: u32 = 50;

/// Proposes a task. An agent's proposal belongs to the project and comes out of the task of its run; whatever else is named is refused.
///
/// # Errors
/// [`CommandError::Precondition`] where the project takes no proposals, or the agent's task brought too many.
pub fn propose(tx: &mut Tx<'_>, context: &Context, wanted: Option<&ProjectId>, new: &NewTask) -> Result<TaskRecord, CommandError> {
    let mut new = NewTask { origin: TaskOrigin::Agent, ..new.clone() };
    match &context.principal.run {
        Some(run) => {
            let own = task(tx.db, context, &run.task)?;
            if wanted.is_some_and(|wanted| *wanted != own.task.project) {
                return Err(CommandError::invalid("project_id", "must be empty: an agent proposes tasks for the project it works on"));
            }
            let made = details::subtask_counts(tx.db, &[own.key])?.get(&own.key).map_or(0, |(_, all)| *all);
            if made >= MAX_PROPOSALS {
                let message = format!("{made} tasks came out of `{}` already; at most {MAX_PROPOSALS} may", run.task);
                return Err(CommandError::precondition("TOO_MANY_PROPOSALS", message));
            }
            new.project = own.task.project;
            new.parent = Some(own.task.id);
        }
        None => {
            let wanted = wanted.ok_or_else(|| CommandError::invalid("project_id", "is missing; name the project"))?;
            new.project.clone_from(wanted);
        }
    }
    let policy = project(tx.state, context, &new.project)?.proposals;
    if policy == ProposalPolicy::Off {
        let message = format!("project `{}` takes no proposals; create the task instead, or change the project", new.project);
        return Err(CommandError::precondition("PROPOSALS_OFF", message));
    }
    let made = create(tx, context, std::slice::from_ref(&new))?;
    let mut record = made.into_iter().next().ok_or_else(|| CommandError::Internal("nothing was created".to_owned()))?;
    if policy == ProposalPolicy::Approval {
        let (actor, run) = (context.actor(), record.task.run_number);
        let change = Move::by(&actor, Trigger::Held, context.now).because(BlockedReason::Proposed).with("context", "proposed by an agent");
        apply(tx, &mut record, run, change)?;
    }
    Ok(record)
}

/// Accepts a proposal: it may start, or waits for what it depends on.
///
/// # Errors
/// When the task cannot be moved.
pub fn accept(tx: &mut Tx<'_>, context: &Context, mut record: TaskRecord) -> Result<TaskRecord, CommandError> {
    let (actor, run) = (context.actor(), record.task.run_number);
    apply(tx, &mut record, run, Move::by(&actor, Trigger::BlockLifted, context.now))?;
    tasks::by_key(tx.db, record.key).map_err(CommandError::from)
}

/// True for a proposal that waits for a person.
#[must_use]
pub fn is_proposal(record: &TaskRecord) -> bool {
    record.task.status == TaskStatus::Blocked && record.task.blocked_reason == Some(BlockedReason::Proposed)
}
