//! Agents that cannot work: a fault begins with a run that failed for it, and ends with one that shows the opposite, or by a person (R47).
//!
//! How long a fault closes its agent is decided in `aq_core::agent`; what becomes of the task lives in `failures`.

use std::collections::BTreeMap;

use aq_core::agent::Agent;
use aq_core::event::EventKind;
use aq_core::ids::{AgentId, TaskId};
use aq_core::output::FailureClass;
use aq_core::runner_link::RunOutcome;
use aq_core::time::Timestamp;
use serde_json::json;

use super::snapshot::head;
use crate::lifecycle::{Figures, LifecycleError, Subject, Tx, announce};
use crate::store::{TaskRecord, agents};

/// Most characters of a fault's message that are kept with the agent; the run has the whole.
const MESSAGE: usize = 500;

/// A run of `task` failed for a fault of its agent. True when that was known, from a run of another task: then the failure says nothing of this one.
///
/// # Errors
/// When the rows cannot be written.
pub(super) fn met(
    tx: &mut Tx<'_>,
    agent: &AgentId,
    class: FailureClass,
    message: &str,
    task: &TaskRecord,
    now: Timestamp,
) -> Result<bool, LifecycleError> {
    let Some(mut agent) = tx.state.agents.get(agent).cloned() else { return Ok(false) };
    let known = agent.fault.as_ref().is_some_and(|fault| fault.task != task.key);
    let message: String = message.chars().take(MESSAGE).collect();
    let news = agent.fails(class, &message, task.key, now);
    let until = agent.fault.as_ref().map(|fault| fault.until.as_millis());
    let payload = json!({ "name": agent.name, "message": message, "class": class.as_str(), "hint": class.hint(), "until": until });
    let subject = Subject { agent: Some(agent.id.clone()), ..Subject::default() };
    save(tx, agent, now)?;
    if news {
        announce(tx, EventKind::AgentError, now, subject, payload)?;
    }
    Ok(known)
}

/// The tasks that agents failed with last, as the scheduler knows them.
pub(super) fn met_last(figures: &Figures) -> BTreeMap<AgentId, TaskId> {
    let faulty = figures.agents.values().filter_map(|agent| Some((agent, agent.fault.as_ref()?)));
    faulty.map(|(agent, fault)| (agent.id.clone(), head(0, fault.task).task)).collect()
}

/// An agent has shown that it works.
///
/// # Errors
/// When the rows cannot be written.
pub(super) fn over(tx: &mut Tx<'_>, agent: &AgentId, now: Timestamp) -> Result<(), LifecycleError> {
    let Some(mut agent) = tx.state.agents.get(agent).filter(|agent| agent.fault.is_some()).cloned() else { return Ok(()) };
    agent.fault = None;
    let payload = json!({ "name": agent.name, "actor": "server" });
    let subject = Subject { agent: Some(agent.id.clone()), ..Subject::default() };
    save(tx, agent, now)?;
    announce(tx, EventKind::AgentResumed, now, subject, payload)
}

/// True for an end that shows that the agent's program runs and its provider answers.
pub(super) const fn shows_work(outcome: &RunOutcome) -> bool {
    match outcome {
        RunOutcome::Succeeded { .. } | RunOutcome::Limited { .. } => true,
        RunOutcome::Failed { class, .. } => matches!(class, FailureClass::Agent | FailureClass::InvalidRequest),
        RunOutcome::Stopped { .. } => false,
    }
}

fn save(tx: &mut Tx<'_>, mut agent: Agent, now: Timestamp) -> Result<(), LifecycleError> {
    agent.updated_at = now;
    agents::update(tx.db, &agent)?;
    tx.state.put_agent(agent.id.clone(), Some(agent));
    Ok(())
}
