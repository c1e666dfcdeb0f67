//! Agents: create, edit, pause, resume, delete.

use aq_core::agent::Agent;
use aq_core::event::EventKind;
use aq_core::ids::{AccountId, AgentId};
use aq_core::names::{generate_agent_name, id_slug};
use aq_core::profile::{RuntimeProfile, misfits};
use aq_core::runtime::RuntimeKind;
use aq_core::task::{BlockedReason, TaskStatus, Trigger};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;

use super::context::{Context, agent};
use super::error::{CommandError, Violation};
use crate::lifecycle::{Move, Subject, Tx, announce, apply};
use crate::store::{StoreError, agents, tasks};

/// What to set on an agent; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct AgentFields {
    /// The name.
    pub name: Option<String>,
    /// The runtime.
    pub runtime: Option<RuntimeKind>,
    /// How its program is run.
    pub profile: Option<RuntimeProfile>,
    /// The account it draws from; `Some(None)` clears it.
    pub account: Option<Option<AccountId>>,
}

fn check(tx: &Tx<'_>, fields: &AgentFields) -> Result<(), CommandError> {
    if let Some(Some(account)) = &fields.account
        && !tx.state.accounts.contains_key(account)
    {
        return Err(CommandError::NotFound { kind: "account", id: account.to_string() });
    }
    if let Some(name) = &fields.name
        && (name.trim().is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control))
    {
        return Err(CommandError::invalid("name", "must be one line of 1 to 60 characters"));
    }
    let command = fields.profile.as_ref().map_or(&[][..], |profile| &profile.command);
    if command.iter().any(|argument| argument.contains('\0')) {
        return Err(CommandError::invalid("profile.command", "holds a NUL character"));
    }
    Ok(())
}

fn subject(id: &AgentId) -> Subject {
    Subject { agent: Some(id.clone()), ..Subject::default() }
}

/// Creates an agent; without a name it is given one.
///
/// # Errors
/// [`CommandError::Exists`] for a name whose slug is taken, by a deleted agent too.
pub fn create(tx: &mut Tx<'_>, context: &Context, fields: &AgentFields) -> Result<Agent, CommandError> {
    check(tx, fields)?;
    let runtime = fields
        .runtime
        .ok_or_else(|| CommandError::invalid("runtime", "is missing; choose scripted, command, claude, codex, gemini, opencode or acp"))?;
    let name = if let Some(name) = &fields.name {
        name.trim().to_owned()
    } else {
        let mut random = StdRng::from_rng(tx.state.chance());
        let taken = |id: &AgentId| tx.state.agents.contains_key(id);
        generate_agent_name(|below| random.random_range(0..below.max(1)), taken)
            .map_err(|error| CommandError::Internal(error.to_string()))?
            .name
    };
    let slug = id_slug(&name).ok_or_else(|| CommandError::invalid("name", "holds no letter or digit"))?;
    let id = AgentId::parse(&slug).map_err(|error| CommandError::id("name", &error))?;
    let mut new = Agent::new(id.clone(), name, runtime, context.now);
    new.profile = fields.profile.clone().unwrap_or_default();
    new.account = fields.account.clone().flatten();
    check_profile(&new)?;
    match agents::insert(tx.db, &new) {
        Err(StoreError::Conflict(_)) => return Err(CommandError::Exists { kind: "agent", id: id.to_string() }),
        other => other?,
    }
    tx.state.put_agent(id.clone(), Some(new.clone()));
    let payload = json!({ "name": new.name, "runtime": runtime.as_str(), "actor": context.actor() });
    announce(tx, EventKind::AgentCreated, context.now, subject(&id), payload)?;
    Ok(new)
}

/// What the runtime cannot honour is refused with its field, before anything is started with it.
fn check_profile(agent: &Agent) -> Result<(), CommandError> {
    let misfits = misfits(agent.runtime, &agent.profile);
    if misfits.is_empty() {
        return Ok(());
    }
    let violations = misfits.into_iter().map(|misfit| Violation::new(format!("profile.{}", misfit.field), misfit.problem));
    Err(CommandError::Invalid(violations.collect()))
}

fn save(
    tx: &mut Tx<'_>,
    context: &Context,
    mut changed: Agent,
    kind: EventKind,
    payload: serde_json::Value,
) -> Result<Agent, CommandError> {
    changed.updated_at = context.now;
    agents::update(tx.db, &changed)?;
    tx.state.put_agent(changed.id.clone(), Some(changed.clone()));
    announce(tx, kind, context.now, subject(&changed.id), payload)?;
    Ok(changed)
}

/// Changes fields of an agent. A running task keeps what it was started with.
///
/// # Errors
/// [`CommandError::Invalid`], [`CommandError::NotFound`].
pub fn edit(tx: &mut Tx<'_>, context: &Context, id: &AgentId, fields: &AgentFields) -> Result<Agent, CommandError> {
    check(tx, fields)?;
    let mut changed = agent(tx, id)?;
    let mut names = Vec::new();
    macro_rules! set {
        ($($field:ident),*) => {$(
            if let Some(value) = &fields.$field {
                names.push(stringify!($field));
                changed.$field.clone_from(value);
            }
        )*};
    }
    set!(name, runtime, profile, account);
    if names.is_empty() {
        return Err(CommandError::invalid("update_mask", "names no field that can be changed"));
    }
    check_profile(&changed)?;
    let payload = json!({ "name": changed.name, "fields": names, "actor": context.actor() });
    // Another name mends nothing.
    if names != ["name"] {
        changed.fault = None;
        lift(tx, context, &changed)?;
    }
    save(tx, context, changed, EventKind::AgentUpdated, payload)
}

/// Lets the tasks go on that were blocked for `config` and that the agent may take (R18): a person says that what they waited for is mended.
fn lift(tx: &mut Tx<'_>, context: &Context, agent: &Agent) -> Result<(), CommandError> {
    for mut record in tasks::in_status(tx.db, TaskStatus::Blocked)? {
        if record.task.blocked_reason == Some(BlockedReason::Config) && record.task.needs().allows(agent.runtime) {
            // What it failed of before counts no more.
            record.failure = None;
            let run = record.task.run_number;
            let (actor, told) = (context.actor(), format!("a person looked after agent {}", agent.id));
            apply(tx, &mut record, run, Move::by(&actor, Trigger::BlockLifted, context.now).with("context", told))?;
        }
    }
    Ok(())
}

/// Pauses (`true`) or resumes an agent. A busy agent finishes its task first. Saying it twice changes nothing, but that resuming ends a fault.
///
/// # Errors
/// [`CommandError::NotFound`].
pub fn set_paused(tx: &mut Tx<'_>, context: &Context, id: &AgentId, paused: bool) -> Result<Agent, CommandError> {
    let mut changed = agent(tx, id)?;
    if changed.paused == paused && (paused || changed.fault.is_none()) {
        return Ok(changed);
    }
    changed.paused = paused;
    if !paused {
        changed.fault = None;
        lift(tx, context, &changed)?;
    }
    let kind = if paused { EventKind::AgentPaused } else { EventKind::AgentResumed };
    let payload = json!({ "name": changed.name, "actor": context.actor() });
    save(tx, context, changed, kind, payload)
}

/// Deletes an agent that works on nothing. What it did keeps its name, and its usage stays counted.
///
/// # Errors
/// [`CommandError::Precondition`] while it works.
pub fn delete(tx: &mut Tx<'_>, context: &Context, id: &AgentId) -> Result<Agent, CommandError> {
    let gone = agent(tx, id)?;
    if let Some(run) = tx.state.busy.get(id).and_then(|key| tx.state.runs.get(key)) {
        return Err(CommandError::precondition("AGENT_BUSY", format!("agent `{id}` works on run {}; stop that task first", run.run)));
    }
    agents::delete(tx.db, id, context.now)?;
    tx.state.put_agent(id.clone(), None);
    announce(tx, EventKind::AgentDeleted, context.now, subject(id), json!({ "name": gone.name, "actor": context.actor() }))?;
    Ok(gone)
}
