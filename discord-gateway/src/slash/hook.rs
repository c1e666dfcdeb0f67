//! Commands about hooks: work that starts by itself.

use aq_proto::v1 as pb;
use pb::hook_action::Kind as Act;
use pb::hook_trigger::Kind as Start;
use prost_types::{Duration, FieldMask};
use tonic::Status;

use super::options::Asked;
use super::task::done;
use crate::message::Message;
use crate::render::{Style, boxed, elapsed, moment, relative};
use crate::text::{clean, cut, inline, one_line};

/// Answers.
pub(super) async fn run(word: &str, asked: &Asked<'_>) -> Result<Message, Status> {
    let mut hooks = asked.server.hooks();
    let hook_id = asked.text("hook");
    let request_id = asked.request_id("");
    match word {
        "create" => {
            let request = pb::CreateHookRequest {
                project_id: asked.project()?,
                name: asked.text("name"),
                trigger: Some(trigger(asked)?),
                actions: vec![action(asked.given("does") == Some("task"), asked.text("prompt"), asked.text("name"))],
                cooldown: seconds(asked, "cooldown_seconds"),
                request_id,
                ..Default::default()
            };
            let made = hooks.create_hook(request).await?.into_inner();
            Ok(done(format!("🪝 {} is there ({}): {}.", clean(&made.name), inline(&made.id), starts(&made))))
        }
        "edit" => edit(asked, hook_id).await,
        "fire" => {
            let begun = hooks.fire_hook(pb::FireHookRequest { hook_id: hook_id.clone(), request_id }).await?.into_inner();
            Ok(done(format!("▶️ {} starts now ({}).", inline(&hook_id), inline(&begun.id))))
        }
        "delete" => {
            let gone = hooks.delete_hook(pb::DeleteHookRequest { hook_id, request_id }).await?.into_inner();
            Ok(done(format!("🗑️ The hook {} is deleted.", clean(&gone.name))))
        }
        "runs" => {
            let page_size = asked.number("limit").unwrap_or(10);
            let request = pb::ListHookRunsRequest { hook_id: hook_id.clone(), page_size, ..Default::default() };
            let runs = hooks.list_hook_runs(request).await?.into_inner().runs;
            let lines: Vec<String> = runs.iter().map(line).collect();
            let text = if lines.is_empty() { "_It has not started yet._".to_owned() } else { lines.join("\n") };
            Ok(Message::embed(boxed(Style::Info, format!("Runs of {hook_id}"), text)))
        }
        _ => {
            let project_id = asked.project()?;
            let request = pb::ListHooksRequest { project_id: project_id.clone(), page_size: 20, ..Default::default() };
            let answer = hooks.list_hooks(request).await?.into_inner();
            let text = if answer.hooks.is_empty() { "_No hooks yet: `/hook create` makes one._" } else { "" };
            let mut embed = boxed(Style::Info, format!("Hooks of {project_id} ({})", answer.total_size), text);
            for hook in &answer.hooks {
                embed =
                    embed.below(&cut(&format!("{} {}", if hook.enabled { "🟢" } else { "⏸️" }, one_line(&hook.name)), 250), about(hook));
            }
            Ok(Message::embed(embed))
        }
    }
}

fn seconds(asked: &Asked<'_>, name: &str) -> Option<Duration> {
    asked.number(name).map(|seconds| Duration { seconds, nanos: 0 })
}

fn trigger(asked: &Asked<'_>) -> Result<pb::HookTrigger, Status> {
    let value = asked.text("trigger_value");
    let kind = match asked.given("trigger_type") {
        Some("cron") => Start::Cron(pb::CronTrigger { expression: value, zone: String::new() }),
        Some("event") => {
            let events = value.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
            Start::Event(pb::EventTrigger { events, ..Default::default() })
        }
        _ => {
            let every = value.parse().map_err(|_| Status::invalid_argument("`trigger_value` of a periodic hook is a number of seconds"))?;
            Start::Periodic(pb::PeriodicTrigger { every: Some(Duration { seconds: every, nanos: 0 }) })
        }
    };
    Ok(pb::HookTrigger { kind: Some(kind) })
}

fn action(task: bool, text: String, name: String) -> pb::HookAction {
    let kind = if task {
        Act::CreateTask(pb::CreateTaskAction { title: name, description: text, ..Default::default() })
    } else {
        Act::AskModel(pb::AskModelAction { prompt: text, ..Default::default() })
    };
    pb::HookAction { kind: Some(kind) }
}

async fn edit(asked: &Asked<'_>, hook_id: String) -> Result<Message, Status> {
    let mut hooks = asked.server.hooks();
    let mut changed = Vec::new();
    if let Some(enabled) = asked.given("enabled") {
        let (hook_id, request_id) = (hook_id.clone(), asked.request_id("enabled"));
        if enabled == "true" {
            hooks.enable_hook(pb::EnableHookRequest { hook_id, request_id }).await?;
        } else {
            hooks.disable_hook(pb::DisableHookRequest { hook_id, request_id }).await?;
        }
        changed.push("enabled".to_owned());
    }
    let mut hook = pb::Hook { id: hook_id.clone(), ..Default::default() };
    let mut paths = Vec::new();
    if let Some(name) = asked.given("name") {
        name.clone_into(&mut hook.name);
        paths.push("name".to_owned());
    }
    if let Some(prompt) = asked.given("prompt") {
        // What it does stays what it was, with other words.
        let known = hooks.get_hook(pb::GetHookRequest { hook_id: hook_id.clone() }).await?.into_inner();
        let made = known.actions.iter().find_map(|action| match &action.kind {
            Some(Act::CreateTask(task)) => Some(Act::CreateTask(pb::CreateTaskAction { description: prompt.to_owned(), ..task.clone() })),
            Some(Act::AskModel(ask)) => Some(Act::AskModel(pb::AskModelAction { prompt: prompt.to_owned(), ..ask.clone() })),
            _ => None,
        });
        let made = made.ok_or_else(|| Status::failed_precondition("this hook neither asks a model nor makes a task"))?;
        hook.actions = vec![pb::HookAction { kind: Some(made) }];
        paths.push("actions".to_owned());
    }
    if let Some(cooldown) = seconds(asked, "cooldown_seconds") {
        hook.cooldown = Some(cooldown);
        paths.push("cooldown".to_owned());
    }
    if let Some(most) = asked.number("max_tokens_per_run") {
        hook.max_tokens_per_run = most;
        paths.push("max_tokens_per_run".to_owned());
    }
    changed.extend(paths.iter().cloned());
    if changed.is_empty() {
        return Err(Status::invalid_argument("nothing to change: give at least one new value"));
    }
    if !paths.is_empty() {
        let request = pb::UpdateHookRequest { hook: Some(hook), update_mask: Some(FieldMask { paths }), request_id: asked.request_id("") };
        hooks.update_hook(request).await?;
    }
    Ok(done(format!("✏️ {} changed: {}.", inline(&hook_id), changed.join(", "))))
}

/// What starts a hook.
fn starts(hook: &pb::Hook) -> String {
    match hook.trigger.as_ref().and_then(|trigger| trigger.kind.as_ref()) {
        Some(Start::Periodic(periodic)) => format!("every {}", elapsed(periodic.every.as_ref().map_or(0, |every| every.seconds))),
        Some(Start::Cron(cron)) => format!("at {}", inline(&cron.expression)),
        Some(Start::Event(event)) => format!("on {}", event.events.iter().map(|name| inline(name)).collect::<Vec<_>>().join(", ")),
        Some(Start::Manual(_)) | None => "by hand".to_owned(),
    }
}

fn about(hook: &pb::Hook) -> String {
    let due = moment(hook.next_due_at.as_ref()).map(|at| format!(" · next {}", relative(at))).unwrap_or_default();
    let last = moment(hook.last_fired_at.as_ref()).map(|at| format!(" · last {}", relative(at))).unwrap_or_default();
    let acts = hook.actions.iter().filter_map(|action| {
        Some(match action.kind.as_ref()? {
            Act::CreateTask(task) => format!("makes a task: {}", one_line(&task.title)),
            Act::Notice(notice) => format!("tells: {}", one_line(&notice.text)),
            Act::Command(command) => format!("calls {}", inline(&command.name)),
            Act::AskModel(ask) => format!("asks: {}", one_line(&ask.prompt)),
        })
    });
    let acts: Vec<String> = acts.map(|act| format!("-# {}", cut(&act, 120))).collect();
    format!("{} · {}{due}{last}\n{}", inline(&hook.id), starts(hook), acts.join("\n"))
}

fn line(run: &pb::HookRun) -> String {
    let icon = match run.state() {
        pb::HookRunState::Completed => "✅",
        pb::HookRunState::Failed => "❌",
        pb::HookRunState::Skipped => "⏭️",
        _ => "🔄",
    };
    let at = moment(run.started_at.as_ref().or(run.created_at.as_ref())).map(relative).unwrap_or_default();
    let note = if run.note.is_empty() { String::new() } else { format!("\n-# {}", cut(&one_line(&run.note), 160)) };
    format!("{icon} {} · {} {at}{note}", inline(&run.id), clean(&run.reason))
}
