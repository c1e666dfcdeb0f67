//! The one door for status: load, ask the table, write by compare-and-set, and in the same transaction the event, the counters and the
//! ready heads.

use std::collections::BTreeMap;

use aq_core::event::{Event, for_transition};
use aq_core::ids::ProjectId;
use aq_core::output::Question;
use aq_core::runner_link::StopReason;
use aq_core::task::{BlockedReason, TaskStatus, Trigger, UNTIL_ANSWERED, check_invariants, settle};
use aq_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::announcing::{Subject, Tx, announce};
use super::error::LifecycleError;
use super::figures::OpenRun;
use super::hot::Hot;
use crate::store::events::{self, NewEvent};
use crate::store::{Promoted, TaskRecord, chains, dependents, questions, tasks};

/// A move: why it happens and what is written with it.
#[derive(Clone, Debug)]
pub struct Move<'a> {
    /// The cause; the table decides where it leads.
    pub trigger: Trigger,
    /// The present instant.
    pub now: Timestamp,
    /// Who causes it: `system`, or a principal's name.
    pub actor: &'a str,
    /// Why the task is blocked, when it will be.
    pub reason: Option<BlockedReason>,
    /// When a paused task goes on, when it will be paused.
    pub resume_after: Option<Timestamp>,
    /// More for the event's payload.
    pub details: Map<String, Value>,
}

impl<'a> Move<'a> {
    /// A move of the system's own without details.
    #[must_use]
    pub fn system(trigger: Trigger, now: Timestamp) -> Self {
        Move::by("system", trigger, now)
    }

    /// A move caused by `actor`, without details.
    #[must_use]
    pub fn by(actor: &'a str, trigger: Trigger, now: Timestamp) -> Self {
        Self { trigger, now, actor, reason: None, resume_after: None, details: Map::new() }
    }

    /// The task waits for a person to answer `question` until `deadline`. Whoever shows the event needs nothing else to let people answer.
    #[must_use]
    pub fn asking(question: &Question, deadline: Timestamp, now: Timestamp) -> Self {
        let options: Vec<_> = question.options.iter().map(|option| option.label.as_str()).collect();
        Self::system(Trigger::AgentQuestion, now)
            .with("question", question.text.clone())
            .with("question_id", question.request_id.clone())
            .with("options", options)
            .with("deadline", deadline.as_millis())
            .with("default", question.kind.default_action())
            .with("tool", question.tool.clone())
    }

    /// Says why the task is blocked.
    #[must_use]
    pub fn because(mut self, reason: BlockedReason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Says when a paused task goes on.
    #[must_use]
    pub fn until(mut self, at: Timestamp) -> Self {
        self.resume_after = Some(at);
        self
    }

    /// Adds to the event's payload.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }
}

/// Moves a task. `record` is as it was read; other columns of a move (agent, run number, branch, session, retries, failure) may have been
/// changed by the caller and are written with it. On success `record` holds what is stored.
///
/// # Errors
/// [`LifecycleError::Invalid`] for a pair that the table does not list, [`LifecycleError::Stale`] when the row was moved since it was read.
pub fn apply(tx: &mut Tx<'_>, record: &mut TaskRecord, from_run: u32, change: Move<'_>) -> Result<TaskStatus, LifecycleError> {
    let from = record.task.status;
    let to = settle(from, change.trigger, record.unmet == 0)
        .map_err(|source| LifecycleError::Invalid { task: record.task.id.clone(), source })?;
    let was_ready = (record.task.needs(), record.task.priority);
    if change.trigger.ends_review() {
        record.task.review = None;
    }
    let waited_for_answers = from == TaskStatus::Paused && record.task.resume_after == Some(UNTIL_ANSWERED);
    let was_due = record.task.resume_after;
    record.task.status = to;
    record.task.blocked_reason = (to == TaskStatus::Blocked).then_some(change.reason.unwrap_or(BlockedReason::OperatorStop));
    record.task.resume_after = if to == TaskStatus::Paused { change.resume_after } else { None };
    if !to.is_live() {
        record.task.assigned_agent = None;
    }
    record.task.updated_at = change.now;
    check_invariants(&record.task).map_err(|rule| LifecycleError::Rule { task: record.task.id.clone(), rule: rule.to_string() })?;
    if !tasks::compare_and_set(tx.db, record, from, from_run)? {
        return Err(LifecycleError::Stale { task: record.task.id.clone(), expected: from, run: from_run });
    }
    let project = record.task.project.clone();
    tx.state.put_held_up(record.key, None);
    tx.state.put_tree_wait(record.key, None);
    tx.state.put_clash(record.key, None);
    tx.state.count(&project, Some(from), Some(to));
    if from == TaskStatus::Ready {
        tx.state.remove_ready(&project, was_ready.0, was_ready.1, record.key);
    }
    if to == TaskStatus::Ready {
        make_startable(tx, record);
    }
    if let Some(at) = was_due {
        tx.state.remove_timer(at, record.key);
    }
    if let Some(at) = record.task.resume_after {
        tx.state.add_timer(at, record.key);
    }
    let waits = to == TaskStatus::WaitingInput;
    if let Some(open) = tx.state.runs.get(&record.key).filter(|open| !to.is_live() || open.waits != waits) {
        // Whoever ends the run in this same command removes the entry again; otherwise the orchestrator finds it and stops the run.
        let stopping = if to.is_live() { open.stopping } else { Some(StopReason::Operator) };
        let open = OpenRun { stopping, waits, ..open.clone() };
        tx.state.put_run(record.key, Some(open));
    }
    if waited_for_answers && to != TaskStatus::Paused {
        // Whatever moved it on, nobody waits for these answers any more.
        questions::abandon(tx.db, record.key, "the task went on without the answer", change.now)?;
    }
    announce_move(tx, record, from, to, change)?;
    if to == TaskStatus::Completed && from != TaskStatus::Completed {
        release_dependents(tx, record)?;
    } else if from == TaskStatus::Completed && to != TaskStatus::Completed {
        hold_dependents(tx, record)?;
    }
    if to == TaskStatus::Blocked {
        super::chains::tell_stuck(tx, record, record.task.updated_at)?;
    }
    Ok(to)
}

/// Puts a READY task among the heads, unless an earlier run of it has not ended yet or another run works on its branch: then the end of that run
/// does.
pub fn make_startable(tx: &mut Tx<'_>, record: &TaskRecord) {
    if may_start(tx.state, record) {
        tx.state.add_ready(&record.task.project, record.task.needs(), record.task.priority, record.key);
    }
}

/// True when a READY task has no open run, and no other run works on its branch.
#[must_use]
pub fn may_start(state: &Hot, record: &TaskRecord) -> bool {
    nobody_works(state, record.key, &record.task.project, record.task.branch.as_deref())
}

fn nobody_works(state: &Hot, key: i64, project: &ProjectId, branch: Option<&str>) -> bool {
    !state.runs.contains_key(&key) && branch.is_none_or(|branch| state.working_on(project, branch).is_none())
}

/// A run works on this branch from now on: no other READY task on it is a head.
pub(super) fn hold_branch(tx: &mut Tx<'_>, project: &ProjectId, branch: &str) -> Result<(), LifecycleError> {
    for held in chains::ready_on_branch(tx.db, project, branch)? {
        tx.state.remove_ready(project, held.needs, held.priority, held.key);
    }
    Ok(())
}

/// A run on this branch ended: the READY tasks on it may start, unless another run works on it.
pub(super) fn free_branch(tx: &mut Tx<'_>, project: &ProjectId, branch: &str) -> Result<(), LifecycleError> {
    if branch.is_empty() || tx.state.working_on(project, branch).is_some() {
        return Ok(());
    }
    for held in chains::ready_on_branch(tx.db, project, branch)? {
        if !tx.state.runs.contains_key(&held.key) {
            tx.state.add_ready(project, held.needs, held.priority, held.key);
        }
    }
    Ok(())
}

fn announce_move(tx: &mut Tx<'_>, record: &TaskRecord, from: TaskStatus, to: TaskStatus, change: Move<'_>) -> Result<(), LifecycleError> {
    let kind = for_transition(change.trigger, to);
    let mut payload = change.details;
    payload.insert("title".into(), record.task.title.clone().into());
    payload.insert("from".into(), from.as_str().into());
    payload.insert("status".into(), to.as_str().into());
    payload.insert("trigger".into(), change.trigger.as_str().into());
    payload.insert("actor".into(), change.actor.into());
    if let Some(reason) = record.task.blocked_reason {
        payload.insert("reason".into(), reason.as_str().into());
    }
    // A task that waits for a person has no instant to tell.
    if let Some(at) = record.task.resume_after.filter(|at| *at != UNTIL_ANSWERED) {
        payload.insert("resume_after".into(), at.as_millis().into());
    }
    // Every kind lists the keys that readers may rely on; what the caller did not say is said to be empty.
    for key in kind.required() {
        payload.entry(*key).or_insert_with(|| json!(""));
    }
    let subject = Subject {
        run: (record.task.run_number > 0).then_some(record.task.run_number),
        agent: record.task.assigned_agent.clone(),
        ..Subject::task(record)
    };
    announce(tx, kind, change.now, subject, Value::Object(payload))
}

/// The task is COMPLETED: whoever waited only for it may start.
fn release_dependents(tx: &mut Tx<'_>, record: &TaskRecord) -> Result<(), LifecycleError> {
    let state = &mut *tx.state;
    let facts = dependents::release(tx.db, record.key, record.task.updated_at, |promoted| promote(state, record, promoted))?;
    events::insert(tx.db, &facts)?;
    for fact in facts {
        tx.announce(fact.into_event());
    }
    Ok(())
}

/// Tasks are READY because `record` is COMPLETED: the figures and ready heads follow, and the events are made.
fn promote(state: &mut Hot, record: &TaskRecord, promoted: Vec<Promoted>) -> Vec<NewEvent> {
    let mut startable: BTreeMap<ProjectId, (u64, Vec<_>)> = BTreeMap::new();
    let numbers = state.next_events(promoted.len());
    let mut facts = Vec::with_capacity(promoted.len());
    for (task, seq) in promoted.into_iter().zip(numbers) {
        let may_start = nobody_works(state, task.key, &task.project, task.branch.as_deref());
        let (count, lane) = match startable.get_mut(&task.project) {
            Some(of_project) => of_project,
            None => startable.entry(task.project.clone()).or_default(),
        };
        *count += 1;
        lane.extend(may_start.then_some((task.needs, task.priority, task.key)));
        let event = Event {
            seq,
            at: record.task.updated_at,
            kind: for_transition(Trigger::DepsMet, TaskStatus::Ready),
            project: Some(task.project),
            task: Some(task.id),
            run: None,
            agent: None,
            payload: json!({
                "title": task.title, "from": TaskStatus::Defined.as_str(), "status": TaskStatus::Ready.as_str(),
                "trigger": Trigger::DepsMet.as_str(), "actor": "system", "completed": record.task.id.as_str(),
            }),
        };
        facts.push(NewEvent::new(event, Some(task.key)));
    }
    for (project, (count, lane)) in startable {
        state.promote(&project, count, lane);
    }
    facts
}

/// The task is COMPLETED no more: whoever is READY because of it waits again. Work that already runs goes on.
fn hold_dependents(tx: &mut Tx<'_>, record: &TaskRecord) -> Result<(), LifecycleError> {
    for mut dependent in dependents::hold(tx.db, record.key)? {
        let run = dependent.task.run_number;
        apply(tx, &mut dependent, run, Move::system(Trigger::DepsUnmet, record.task.updated_at))?;
    }
    Ok(())
}
