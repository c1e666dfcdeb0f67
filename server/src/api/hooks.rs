//! HookService. Reading its fields lives in `hook_fields`, what a hook does in `commands` and in the engine.

use aq_core::hook::{Hook, Owner, next_due};
use aq_core::principal::Principal;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use pb::hook_service_server::HookService;
use serde_json::Value;
use tonic::Request;

use super::convert;
use super::hook_fields::{actions, length_ms, missed, steps, trigger};
use super::incoming::{filled, given, mask, optional_project, project_id, short};
use super::page::Page;
use super::service::Api;
use super::status::{ApiError, Reply};
use crate::commands::{Context, hooks};
use crate::lifecycle::Tx;
use crate::store::{hook_runs, hooks as rows};

const FIELDS: &[&str] = &["name", "trigger", "steps", "actions", "cooldown", "missed", "max_tokens_per_run", "max_tokens_per_day"];
/// Due times that are told when the caller names no number.
const TIMES: u32 = 5;
/// Most due times that are told.
const MAX_TIMES: u32 = 50;

/// The service.
pub(super) struct Hooks(pub(super) Api);

/// An id that was never given out.
fn fresh(prefix: &str) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{prefix}-{}", random.get(..12).unwrap_or_default())
}

/// An id of a hook or a run. What does not look like one is not found.
fn id(field: &str, text: &str) -> Result<String, ApiError> {
    Ok(filled(field, text)?.chars().take(64).collect())
}

fn cap(tokens: u64) -> Option<u64> {
    (tokens > 0).then_some(tokens)
}

fn of_request(body: &pb::CreateHookRequest, now: Timestamp) -> Result<Hook, ApiError> {
    let trigger = trigger("trigger", body.trigger.as_ref())?;
    Ok(Hook {
        id: fresh("hk"),
        project: project_id("project_id", &body.project_id)?,
        name: short("name", &body.name)?,
        enabled: !body.disabled,
        steps: steps("steps", &body.steps)?,
        actions: actions("actions", &body.actions)?,
        cooldown_ms: length_ms("cooldown", body.cooldown.as_ref())?.unwrap_or_else(|| trigger.default_cooldown_ms()),
        trigger,
        missed: missed("missed", body.missed)?,
        max_tokens_per_run: cap(body.max_tokens_per_run),
        max_tokens_per_day: cap(body.max_tokens_per_day),
        owner: Owner { key_id: Principal::server().key_id, person: None },
        created_at: now,
        updated_at: now,
        next_due: None,
        last_fired: None,
    })
}

impl Hooks {
    fn rules(&self) -> aq_core::hook::Rules {
        self.0.parts.policy.hooks
    }

    async fn switch<Q: super::idempotency::Mutation>(
        &self,
        call: super::service::Admitted<Q>,
        id: String,
        enabled: bool,
    ) -> Reply<pb::Hook> {
        let switch = move |tx: &mut Tx<'_>, context: &Context| {
            let hook = hooks::set_enabled(tx, context, &id, enabled)?;
            Ok(convert::hook(&hook).into())
        };
        self.0.mutate(&call.context, &call.body, switch).await
    }

    async fn start<Q: super::idempotency::Mutation>(
        &self,
        call: super::service::Admitted<Q>,
        id: String,
        payload: Option<Value>,
    ) -> Reply<pb::HookRun> {
        let (rules, run) = (self.rules(), fresh("hr"));
        let fire = move |tx: &mut Tx<'_>, context: &Context| {
            let queued = hooks::fire(tx, context, &rules, &id, &run, payload.clone())?;
            Ok(convert::hook_run(&queued, true).into())
        };
        self.0.mutate(&call.context, &call.body, fire).await
    }
}

#[tonic::async_trait]
impl HookService for Hooks {
    async fn create_hook(&self, request: Request<pb::CreateHookRequest>) -> Reply<pb::Hook> {
        let call = self.0.admit(request)?;
        let (new, rules) = (of_request(&call.body, call.context.now)?, self.rules());
        let create = move |tx: &mut Tx<'_>, context: &Context| {
            let hook = hooks::create(tx, context, &rules, &new)?;
            Ok(convert::hook(&hook).into())
        };
        self.0.mutate(&call.context, &call.body, create).await
    }

    async fn get_hook(&self, request: Request<pb::GetHookRequest>) -> Reply<pb::Hook> {
        let call = self.0.admit(request)?;
        let (id, context) = (id("hook_id", &call.body.hook_id)?, call.context);
        let hook = self.0.turn(&context).read(move |db| Ok(hooks::hook(db, &context, &id)?)).await?;
        Ok(tonic::Response::new(convert::hook(&hook)))
    }

    async fn list_hooks(&self, request: Request<pb::ListHooksRequest>) -> Reply<pb::ListHooksResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<(i64, String)>::of(&call.body)?;
        let project = optional_project("project_id", &call.body.project_id)?;
        if let Some(project) = &project {
            call.context.sees(project, "project", project.as_str()).map_err(ApiError::from)?;
        }
        let scope = call.context.principal.projects.clone();
        let mut all = self.0.turn(&call.context).read(move |db| Ok(rows::all(db, project.as_ref())?)).await?;
        all.retain(|hook| scope.covers(&hook.project));
        let slice = page.slice(all, |hook| (hook.created_at.as_millis(), hook.id.clone()));
        Ok(tonic::Response::new(pb::ListHooksResponse {
            hooks: slice.items.iter().map(convert::hook).collect(),
            next_page_token: slice.next,
            total_size: slice.total,
        }))
    }

    async fn update_hook(&self, request: Request<pb::UpdateHookRequest>) -> Reply<pb::Hook> {
        let call = self.0.admit(request)?;
        let wire = given("hook", call.body.hook.clone())?;
        let id = id("hook.id", &wire.id)?;
        let named = mask(call.body.update_mask.as_ref(), FIELDS)?;
        let has = |field: &str| named.contains(field);
        let name = short("hook.name", &wire.name)?;
        let trigger = if has("trigger") { Some(trigger("hook.trigger", wire.trigger.as_ref())?) } else { None };
        let steps = if has("steps") { Some(steps("hook.steps", &wire.steps)?) } else { None };
        let actions = if has("actions") { Some(actions("hook.actions", &wire.actions)?) } else { None };
        let cooldown = length_ms("hook.cooldown", wire.cooldown.as_ref())?;
        let missed = missed("hook.missed", wire.missed)?;
        let (rules, fields) = (self.rules(), named.iter().copied().collect::<Vec<_>>());
        let update = move |tx: &mut Tx<'_>, context: &Context| {
            let has = |field: &str| fields.contains(&field);
            let change = |hook: &mut Hook| {
                if has("name") {
                    hook.name.clone_from(&name);
                }
                if let Some(trigger) = &trigger {
                    hook.trigger = trigger.clone();
                }
                if let Some(steps) = &steps {
                    hook.steps.clone_from(steps);
                }
                if let Some(actions) = &actions {
                    hook.actions.clone_from(actions);
                }
                if has("cooldown") {
                    hook.cooldown_ms = cooldown.unwrap_or_else(|| hook.trigger.default_cooldown_ms());
                }
                if has("missed") {
                    hook.missed = missed;
                }
                if has("max_tokens_per_run") {
                    hook.max_tokens_per_run = cap(wire.max_tokens_per_run);
                }
                if has("max_tokens_per_day") {
                    hook.max_tokens_per_day = cap(wire.max_tokens_per_day);
                }
            };
            let hook = hooks::update(tx, context, &rules, &id, &fields, change)?;
            Ok(convert::hook(&hook).into())
        };
        self.0.mutate(&call.context, &call.body, update).await
    }

    async fn delete_hook(&self, request: Request<pb::DeleteHookRequest>) -> Reply<pb::DeleteHookResponse> {
        let call = self.0.admit(request)?;
        let id = id("hook_id", &call.body.hook_id)?;
        let delete = move |tx: &mut Tx<'_>, context: &Context| {
            let gone = hooks::delete(tx, context, &id)?;
            Ok(pb::DeleteHookResponse { hook_id: gone.id, name: gone.name }.into())
        };
        self.0.mutate(&call.context, &call.body, delete).await
    }

    async fn enable_hook(&self, request: Request<pb::EnableHookRequest>) -> Reply<pb::Hook> {
        let call = self.0.admit(request)?;
        let id = id("hook_id", &call.body.hook_id)?;
        self.switch(call, id, true).await
    }

    async fn disable_hook(&self, request: Request<pb::DisableHookRequest>) -> Reply<pb::Hook> {
        let call = self.0.admit(request)?;
        let id = id("hook_id", &call.body.hook_id)?;
        self.switch(call, id, false).await
    }

    async fn fire_hook(&self, request: Request<pb::FireHookRequest>) -> Reply<pb::HookRun> {
        let call = self.0.admit(request)?;
        let id = id("hook_id", &call.body.hook_id)?;
        self.start(call, id, None).await
    }

    async fn fire_hook_webhook(&self, request: Request<pb::FireHookWebhookRequest>) -> Reply<pb::HookRun> {
        let call = self.0.admit(request)?;
        let id = id("hook_id", &call.body.hook_id)?;
        let json = &call.body.payload_json;
        if json.len() > hooks::MAX_PAYLOAD {
            return Err(ApiError::invalid("payload_json", format!("is longer than {} bytes", hooks::MAX_PAYLOAD)).into());
        }
        let payload: Value =
            serde_json::from_str(json).map_err(|error| ApiError::invalid("payload_json", format!("is no JSON value: {error}")))?;
        self.start(call, id, Some(payload)).await
    }

    async fn list_hook_runs(&self, request: Request<pb::ListHookRunsRequest>) -> Reply<pb::ListHookRunsResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<(i64, String)>::of(&call.body)?;
        let (id, context) = (id("hook_id", &call.body.hook_id)?, call.context);
        let (after, size) = (page.after.clone(), page.size);
        let mut runs = self
            .0
            .turn(&context)
            .read(move |db| {
                let hook = hooks::hook(db, &context, &id)?;
                Ok(hook_runs::of_hook(db, &hook.id, after.as_ref(), i64::from(size) + 1)?)
            })
            .await?;
        let more = runs.len() > usize::try_from(size).unwrap_or(usize::MAX);
        runs.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        let last = runs.last().filter(|_| more).map(|run| (run.created_at.as_millis(), run.id.clone()));
        Ok(tonic::Response::new(pb::ListHookRunsResponse {
            runs: runs.iter().map(|run| convert::hook_run(run, false)).collect(),
            next_page_token: page.token(last.as_ref()),
        }))
    }

    async fn get_hook_run(&self, request: Request<pb::GetHookRunRequest>) -> Reply<pb::HookRun> {
        let call = self.0.admit(request)?;
        let (id, context) = (id("run_id", &call.body.run_id)?, call.context);
        let run = self
            .0
            .turn(&context)
            .read(move |db| {
                let run = hook_runs::by_id(db, &id)?.ok_or_else(|| ApiError::not_found("hook run", id.clone()))?;
                context.sees(&run.project, "hook run", &id).map_err(ApiError::from)?;
                Ok(run)
            })
            .await?;
        Ok(tonic::Response::new(convert::hook_run(&run, true)))
    }

    async fn list_hook_times(&self, request: Request<pb::ListHookTimesRequest>) -> Reply<pb::ListHookTimesResponse> {
        let call = self.0.admit(request)?;
        if call.body.count > MAX_TIMES {
            return Err(ApiError::invalid("count", format!("is {}; at most {MAX_TIMES} are told", call.body.count)).into());
        }
        let count = if call.body.count == 0 { TIMES } else { call.body.count };
        let (id, context) = (id("hook_id", &call.body.hook_id)?, call.context);
        let hook = self.0.turn(&context).read(move |db| Ok(hooks::hook(db, &context, &id)?)).await?;
        let mut times = Vec::new();
        let mut next = hook.next_due;
        while let Some(at) = next.filter(|_| times.len() < usize::try_from(count).unwrap_or(0)) {
            times.push(crate::events::wire::timestamp(at));
            next = next_due(&hook.trigger, hook.cooldown_ms, at);
        }
        Ok(tonic::Response::new(pb::ListHookTimesResponse { times }))
    }
}
