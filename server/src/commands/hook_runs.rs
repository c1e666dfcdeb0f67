//! Runs of hooks: queued once for each due time and each event, begun, concluded. Carrying them out is the engine's.

use aq_core::event::{Event, EventKind};
use aq_core::hook::{Due, Hook, RunCause, RunState, due, event_value, matches};
use aq_core::project::ProjectStatus;
use aq_core::task::TaskOrigin;
use aq_core::time::Timestamp;
use serde_json::{Value, json};

use super::error::CommandError;
use crate::lifecycle::{Subject, Tx, announce};
use crate::store::{HookRunRecord, hook_runs, hooks, settings, tasks};

/// Most runs of a hook that wait.
pub const MAX_WAITING: i64 = 100;
/// Runs of a hook that are kept.
pub const KEPT: i64 = 500;
/// The setting with the number of the last event that hooks have seen.
pub const CURSOR: &str = "hooks.cursor";

/// A run to write.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id.
    pub id: String,
    /// What starts it.
    pub cause: RunCause,
    /// The same in words.
    pub reason: String,
    /// The due time.
    pub scheduled_at: Option<Timestamp>,
    /// The event's number.
    pub event_seq: Option<u64>,
    /// The event's value.
    pub event: Option<Value>,
}

/// How a run went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Outcomes of the steps.
    pub context: Vec<Value>,
    /// What a model was asked.
    pub prompt: String,
    /// What it answered.
    pub response: String,
    /// What was done.
    pub actions: Vec<Value>,
    /// Model tokens.
    pub tokens: u64,
    /// Why there was nothing to do.
    pub skipped: Option<String>,
    /// What went wrong.
    pub failed: Option<String>,
}

/// Writes a run that waits; `None` when its due time or event started the hook before, or too many wait.
///
/// # Errors
/// When the row cannot be written.
pub fn queue(tx: &mut Tx<'_>, hook: &Hook, new: NewRun, actor: &str, now: Timestamp) -> Result<Option<HookRunRecord>, CommandError> {
    if hook_runs::unfinished_of(tx.db, &hook.id)? >= MAX_WAITING {
        tracing::warn!(hook = %hook.id, reason = new.reason, "too many runs of the hook wait; this start is left out");
        return Ok(None);
    }
    let run = HookRunRecord {
        id: new.id,
        hook: hook.id.clone(),
        project: hook.project.clone(),
        cause: new.cause,
        reason: new.reason,
        scheduled_at: new.scheduled_at,
        event_seq: new.event_seq,
        event: new.event,
        state: RunState::Queued,
        context: Vec::new(),
        prompt: String::new(),
        response: String::new(),
        actions: Vec::new(),
        note: String::new(),
        tokens: 0,
        actor: actor.to_owned(),
        created_at: now,
        started_at: None,
        ended_at: None,
    };
    if !hook_runs::insert(tx.db, &run)? {
        return Ok(None);
    }
    let mut fired = hook.clone();
    fired.last_fired = Some(now);
    hooks::update(tx.db, &fired)?;
    let payload =
        json!({ "hook_id": hook.id, "name": hook.name, "reason": run.reason, "run_id": run.id, "actor": format!("hook:{}", hook.id) });
    announce(tx, EventKind::HookFired, now, Subject::project(&hook.project), payload)?;
    Ok(Some(run))
}

fn starts_by_itself(tx: &Tx<'_>, hook: &Hook) -> bool {
    hook.enabled && tx.state.projects.get(&hook.project).is_some_and(|hot| hot.project.status == ProjectStatus::Active)
}

/// The id of the run of a hook at a due time or for an event: the same whenever it is asked for, so that it depends on nothing but its cause.
fn run_id(hook: &str, cause: &str) -> String {
    let hash = aq_core::plan::content_hash(&format!("{hook} {cause}"));
    format!("hr-{}", hash.get(..16).unwrap_or_default())
}

/// Queues what is due of one hook and writes when it is due next, in one transaction (hooks R1). Gives the number of runs.
///
/// # Errors
/// When the rows cannot be read or written.
pub fn fire_due(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<usize, CommandError> {
    let Some(hook) = hooks::by_id(tx.db, id)? else { return Ok(0) };
    let Some(due_at) = hook.next_due.filter(|at| *at <= now && starts_by_itself(tx, &hook)) else { return Ok(0) };
    let Due { fire, next } = due(&hook.trigger, hook.cooldown_ms, hook.missed, due_at, now);
    let mut hook = hook;
    hook.next_due = next;
    hooks::update(tx.db, &hook)?;
    let mut queued = 0;
    for at in fire {
        let new = NewRun {
            id: run_id(&hook.id, &format!("at {}", at.as_millis())),
            cause: RunCause::Schedule,
            reason: hook.trigger.kind().to_owned(),
            scheduled_at: Some(at),
            event_seq: None,
            event: None,
        };
        queued += usize::from(queue(tx, &hook, new, "system", now)?.is_some());
    }
    Ok(queued)
}

/// Queues what events start and writes how far they were read, in one transaction (hooks R1, R3). Gives the number of runs.
///
/// # Errors
/// When the rows cannot be read or written.
pub fn fire_events(tx: &mut Tx<'_>, candidates: &[(String, Event)], seen: u64, now: Timestamp) -> Result<usize, CommandError> {
    let mut queued = 0;
    for (id, event) in candidates {
        let Some(hook) = hooks::by_id(tx.db, id)? else { continue };
        let of_hook = match &event.task {
            Some(task) => tasks::by_id(tx.db, task)?.is_some_and(|record| record.task.origin == TaskOrigin::Hook),
            None => false,
        };
        let cooldown = i64::try_from(hook.cooldown_ms).unwrap_or(i64::MAX);
        let cold = hook.last_fired.is_none_or(|last| now.millis_since(last) >= cooldown);
        if !cold || !starts_by_itself(tx, &hook) || !matches(&hook, event, of_hook) {
            continue;
        }
        let new = NewRun {
            id: run_id(&hook.id, &format!("event {}", event.seq)),
            cause: RunCause::Event,
            reason: format!("event:{}", event.kind),
            scheduled_at: None,
            event_seq: Some(event.seq),
            event: Some(event_value(event)),
        };
        queued += usize::from(queue(tx, &hook, new, "system", now)?.is_some());
    }
    settings::set(tx.db, CURSOR, &seen.to_string())?;
    Ok(queued)
}

/// Begins a run that waits; `None` when it waits no more.
///
/// # Errors
/// When the row cannot be written.
pub fn begin(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<Option<HookRunRecord>, CommandError> {
    let Some(mut run) = hook_runs::by_id(tx.db, id)?.filter(|run| run.state == RunState::Queued) else { return Ok(None) };
    run.state = RunState::Running;
    run.started_at = Some(now);
    hook_runs::update(tx.db, &run)?;
    Ok(Some(run))
}

/// Writes how a run went. A run whose hook was deleted meanwhile is gone.
///
/// # Errors
/// When the row cannot be written.
pub fn conclude(tx: &mut Tx<'_>, id: &str, outcome: &Outcome, now: Timestamp) -> Result<(), CommandError> {
    let Some(mut run) = hook_runs::by_id(tx.db, id)?.filter(|run| run.state == RunState::Running) else { return Ok(()) };
    run.state = match outcome {
        Outcome { failed: Some(_), .. } => RunState::Failed,
        Outcome { skipped: Some(_), .. } => RunState::Skipped,
        _ => RunState::Completed,
    };
    run.context.clone_from(&outcome.context);
    run.prompt.clone_from(&outcome.prompt);
    run.response.clone_from(&outcome.response);
    run.actions.clone_from(&outcome.actions);
    run.tokens = outcome.tokens;
    run.note = outcome.failed.clone().or_else(|| outcome.skipped.clone()).unwrap_or_default();
    run.ended_at = Some(now);
    hook_runs::update(tx.db, &run)?;
    hook_runs::trim(tx.db, &run.hook, KEPT)?;
    let payload = json!({
        "hook_id": run.hook, "run_id": run.id, "status": run.state.as_str(), "note": run.note, "tokens": run.tokens,
        "actor": format!("hook:{}", run.hook),
    });
    announce(tx, EventKind::HookFinished, now, Subject::project(&run.project), payload)?;
    Ok(())
}

/// Closes the runs that an earlier server left running (F-146, D-70). Gives their number.
///
/// # Errors
/// When the rows cannot be written.
pub fn close_interrupted(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, CommandError> {
    let open = hook_runs::unfinished(tx.db)?;
    let running: Vec<_> = open.into_iter().filter(|run| run.state == RunState::Running).collect();
    for run in &running {
        let outcome = Outcome {
            context: run.context.clone(),
            failed: Some("interrupted: the server ended while it ran; what it did until then stays".to_owned()),
            ..Outcome::default()
        };
        conclude(tx, &run.id, &outcome, now)?;
    }
    Ok(running.len())
}
