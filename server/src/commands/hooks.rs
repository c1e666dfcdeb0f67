//! Hooks: made, changed, switched, deleted, fired. What starts them by themselves lives in `hook_runs`.

use aq_core::event::EventKind;
use aq_core::hook::{Action, Hook, Owner, Rules, RunCause, Step, check, first_due};
use aq_core::ids::ProjectId;
use aq_core::principal::{Principal, ProjectScope, Role};
use aq_core::time::Timestamp;
use serde_json::{Value, json};

use super::context::{Context, project};
use super::error::{CommandError, Violation};
use super::hook_runs::{NewRun, queue};
use crate::lifecycle::{Subject, Tx, announce};
use crate::store::{Connection, HookRunRecord, StoreError, api_keys, hook_runs, hooks};

/// Most hooks of a project.
pub const MAX_HOOKS: i64 = 200;
/// Largest payload of a webhook, in bytes.
pub const MAX_PAYLOAD: usize = 256 * 1024;

/// The hook of this id, if the caller may know of it.
///
/// # Errors
/// [`CommandError::NotFound`].
pub fn hook(db: &mut Connection, context: &Context, id: &str) -> Result<Hook, CommandError> {
    let found = hooks::by_id(db, id)?.ok_or_else(|| CommandError::NotFound { kind: "hook", id: id.to_owned() })?;
    context.sees(&found.project, "hook", id)?;
    Ok(found)
}

/// The owner that a change makes of its caller.
#[must_use]
pub fn owner(context: &Context) -> Owner {
    Owner { key_id: context.principal.key_id.clone(), person: context.principal.on_behalf_of.clone() }
}

/// Whose authority a hook acts with now: its owner's key as it is, in the hook's project only, told as the hook.
///
/// # Errors
/// A sentence when the key does not work any more or does not reach the project.
pub fn authority(db: &mut Connection, hook: &Hook, now: Timestamp) -> Result<Result<Principal, String>, StoreError> {
    let base = if hook.owner.key_id == Principal::server().key_id {
        Principal::server()
    } else {
        match api_keys::get(db, &hook.owner.key_id)?.filter(|key| key.is_valid(now)) {
            Some(key) => key.principal(),
            None => {
                let gone =
                    format!("the key `{}` that owns the hook does not work any more; change the hook with another one", hook.owner.key_id);
                return Ok(Err(gone));
            }
        }
    };
    if !base.projects.covers(&hook.project) || base.role == Role::Run {
        return Ok(Err(format!("the key `{}` that owns the hook does not reach its project", hook.owner.key_id)));
    }
    let projects = ProjectScope::Only(std::iter::once(hook.project.clone()).collect());
    Ok(Ok(Principal { projects, on_behalf_of: Some(format!("hook:{}", hook.id)), run: None, ..base }))
}

/// Hooks and their models leave hooks alone: else two of them could keep each other busy for ever.
fn not_by_a_hook(context: &Context) -> Result<(), CommandError> {
    if context.principal.is_hook() {
        return Err(CommandError::Denied("a hook may not make, change, switch or fire hooks; ask a person".to_owned()));
    }
    Ok(())
}

/// Refuses what is malformed and what this server does not offer.
fn checked(hook: &Hook, rules: &Rules) -> Result<(), CommandError> {
    let problems = check(hook);
    if !problems.is_empty() {
        return Err(CommandError::Invalid(problems.into_iter().map(|(field, problem)| Violation::new(field, problem)).collect()));
    }
    if !rules.shell && hook.steps.iter().any(|step| matches!(step.step, Step::Shell { .. })) {
        let message = "steps may not run programs on this server; set `hook_engine.shell: true` in its configuration, or use another step";
        return Err(CommandError::precondition("SHELL_OFF", message));
    }
    if !rules.model && hook.actions.iter().any(|action| matches!(action, Action::AskModel { .. })) {
        let message = "no model provider: this server has none for hooks; configure `chat_provider`, or use an action without a model";
        return Err(CommandError::precondition("NO_MODEL_PROVIDER", message));
    }
    if !rules.commands && hook.actions.iter().any(|action| matches!(action, Action::Command { .. })) {
        return Err(CommandError::precondition("COMMANDS_OFF", "calls of the API cannot be made by hooks on this server"));
    }
    Ok(())
}

fn say(tx: &mut Tx<'_>, context: &Context, kind: EventKind, hook: &Hook, mut payload: Value) -> Result<(), CommandError> {
    if let Some(fields) = payload.as_object_mut() {
        fields.insert("hook_id".into(), hook.id.as_str().into());
        fields.insert("name".into(), hook.name.as_str().into());
        fields.insert("actor".into(), context.actor().into());
    }
    announce(tx, kind, context.now, Subject::project(&hook.project), payload)?;
    Ok(())
}

fn taken(error: StoreError, hook: &Hook) -> CommandError {
    match error {
        StoreError::Conflict(_) => CommandError::Exists { kind: "hook", id: hook.name.clone() },
        other => other.into(),
    }
}

/// Makes a hook. Its due time begins now.
///
/// # Errors
/// [`CommandError::Invalid`] names every wrong field; [`CommandError::Precondition`] what this server does not offer.
pub fn create(tx: &mut Tx<'_>, context: &Context, rules: &Rules, new: &Hook) -> Result<Hook, CommandError> {
    not_by_a_hook(context)?;
    project(tx.state, context, &new.project)?;
    let mut hook = new.clone();
    hook.name = hook.name.trim().to_owned();
    checked(&hook, rules)?;
    if hooks::count(tx.db, &hook.project)? >= MAX_HOOKS {
        return Err(CommandError::precondition("TOO_MANY_HOOKS", format!("the project has {MAX_HOOKS} hooks; delete some")));
    }
    hook.owner = owner(context);
    hook.next_due = due_from(&hook, context.now);
    hooks::insert(tx.db, &hook).map_err(|error| taken(error, &hook))?;
    say(tx, context, EventKind::HookCreated, &hook, json!({ "trigger": hook.trigger.kind() }))?;
    Ok(hook)
}

fn due_from(hook: &Hook, now: Timestamp) -> Option<Timestamp> {
    if hook.enabled { first_due(&hook.trigger, hook.cooldown_ms, now) } else { None }
}

/// Changes a hook; it acts with the authority of who changed it last.
///
/// # Errors
/// As [`create`], and [`CommandError::NotFound`].
pub fn update(
    tx: &mut Tx<'_>,
    context: &Context,
    rules: &Rules,
    id: &str,
    fields: &[&str],
    change: impl FnOnce(&mut Hook),
) -> Result<Hook, CommandError> {
    not_by_a_hook(context)?;
    let before = hook(tx.db, context, id)?;
    let mut after = before.clone();
    change(&mut after);
    after.name = after.name.trim().to_owned();
    checked(&after, rules)?;
    if after == before {
        return Ok(before);
    }
    let rescheduled = after.trigger != before.trigger || after.cooldown_ms != before.cooldown_ms || after.enabled != before.enabled;
    if rescheduled {
        after.next_due = due_from(&after, context.now);
    }
    after.owner = owner(context);
    after.updated_at = context.now;
    hooks::update(tx.db, &after).map_err(|error| taken(error, &after))?;
    say(tx, context, EventKind::HookUpdated, &after, json!({ "fields": fields }))?;
    Ok(after)
}

/// Lets a hook start by itself, or not. Saying it twice changes nothing.
///
/// # Errors
/// [`CommandError::NotFound`].
pub fn set_enabled(tx: &mut Tx<'_>, context: &Context, id: &str, enabled: bool) -> Result<Hook, CommandError> {
    not_by_a_hook(context)?;
    let mut found = hook(tx.db, context, id)?;
    if found.enabled == enabled {
        return Ok(found);
    }
    found.enabled = enabled;
    found.next_due = due_from(&found, context.now);
    found.updated_at = context.now;
    hooks::update(tx.db, &found)?;
    say(tx, context, EventKind::HookUpdated, &found, json!({ "fields": ["enabled"], "enabled": enabled }))?;
    Ok(found)
}

/// Removes a hook with its runs.
///
/// # Errors
/// [`CommandError::NotFound`].
pub fn delete(tx: &mut Tx<'_>, context: &Context, id: &str) -> Result<Hook, CommandError> {
    let found = hook(tx.db, context, id)?;
    hooks::remove(tx.db, id)?;
    say(tx, context, EventKind::HookDeleted, &found, json!({}))?;
    Ok(found)
}

/// Fires a hook for a person or a program, whatever its cooldown and whether it is enabled (F-139).
///
/// # Errors
/// [`CommandError::Precondition`] while a run of it is under way, or where hooks are switched off.
pub fn fire(
    tx: &mut Tx<'_>,
    context: &Context,
    rules: &Rules,
    id: &str,
    run_id: &str,
    payload: Option<Value>,
) -> Result<HookRunRecord, CommandError> {
    not_by_a_hook(context)?;
    let found = hook(tx.db, context, id)?;
    if !rules.enabled {
        return Err(CommandError::precondition(
            "HOOKS_OFF",
            "hooks are switched off; set `hook_engine.enabled: true` in the configuration",
        ));
    }
    if hook_runs::unfinished_of(tx.db, id)? > 0 {
        let message = format!("hook `{}` is already running or about to; look at its runs", found.name);
        return Err(CommandError::precondition("HOOK_RUNNING", message));
    }
    let cause = if payload.is_some() { RunCause::Webhook } else { RunCause::Manual };
    let new =
        NewRun { id: run_id.to_owned(), cause, reason: cause.as_str().to_owned(), scheduled_at: None, event_seq: None, event: payload };
    let queued = queue(tx, &found, new, &context.actor(), context.now)?;
    queued.ok_or_else(|| CommandError::Internal("a run of this id exists".to_owned()))
}

/// Every hook of a deleted project goes with it (F-031).
///
/// # Errors
/// When the rows cannot be written.
pub fn forget_project(tx: &mut Tx<'_>, id: &ProjectId) -> Result<usize, CommandError> {
    Ok(hooks::remove_of_project(tx.db, id)?)
}
