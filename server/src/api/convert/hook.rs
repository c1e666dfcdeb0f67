//! Hooks and their runs.

use aq_core::hook::{Action, Condition, ContextStep, Hook, Missed, Operator, RunCause, RunState, Severity, Step, Trigger};
use aq_proto::v1 as pb;
use pb::hook_action::Kind as ActionKind;
use pb::hook_step::Kind as StepKind;
use pb::hook_trigger::Kind as TriggerKind;

use super::words::timestamp;
use crate::store::HookRunRecord;

fn length(millis: u64) -> Option<prost_types::Duration> {
    let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
    let nanos = i32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    Some(prost_types::Duration { seconds, nanos })
}

fn condition(condition: &Condition) -> pb::EventCondition {
    let operator = match condition.operator {
        Operator::Is => pb::HookOperator::Is,
        Operator::IsNot => pb::HookOperator::IsNot,
        Operator::Contains => pb::HookOperator::Contains,
    };
    pb::EventCondition { field: condition.field.clone(), operator: operator.into(), value: condition.value.clone() }
}

fn trigger(trigger: &Trigger) -> pb::HookTrigger {
    let kind = match trigger {
        Trigger::Periodic { every_ms } => TriggerKind::Periodic(pb::PeriodicTrigger { every: length(*every_ms) }),
        Trigger::Cron { expression, zone } => TriggerKind::Cron(pb::CronTrigger { expression: expression.clone(), zone: zone.clone() }),
        Trigger::Event { events, conditions, with_hook_tasks } => TriggerKind::Event(pb::EventTrigger {
            events: events.clone(),
            conditions: conditions.iter().map(condition).collect(),
            with_hook_tasks: *with_hook_tasks,
        }),
        Trigger::Manual => TriggerKind::Manual(pb::ManualTrigger {}),
    };
    pb::HookTrigger { kind: Some(kind) }
}

fn step(context: &ContextStep) -> pb::HookStep {
    let kind = match &context.step {
        Step::Shell { argv, timeout_ms } => StepKind::Shell(pb::ShellStep { argv: argv.clone(), timeout: length(*timeout_ms) }),
        Step::ReadFile { path, max_lines } => StepKind::ReadFile(pb::ReadFileStep { path: path.clone(), max_lines: *max_lines }),
        Step::Http { url, timeout_ms } => StepKind::Http(pb::HttpStep { url: url.clone(), timeout: length(*timeout_ms) }),
        Step::Query { name, params } => StepKind::Query(pb::QueryStep {
            name: name.clone(),
            parameters: params.iter().map(|(name, value)| pb::QueryParameter { name: name.clone(), value: value.clone() }).collect(),
        }),
        Step::GitDiff { branch, base } => StepKind::GitDiff(pb::GitDiffStep { branch: branch.clone(), base: base.clone() }),
    };
    pb::HookStep {
        kind: Some(kind),
        skip_if_exit_zero: context.skip_if_exit_zero,
        skip_if_empty: context.skip_if_empty,
        skip_if_status_ok: context.skip_if_status_ok,
    }
}

fn action(action: &Action) -> pb::HookAction {
    let kind = match action {
        Action::CreateTask { title, description, priority, requires_approval } => ActionKind::CreateTask(pb::CreateTaskAction {
            title: title.clone(),
            description: description.clone(),
            priority: Some(*priority),
            requires_approval: *requires_approval,
        }),
        Action::Notice { text, severity } => {
            let severity = match severity {
                Severity::Info => pb::NoticeSeverity::Info,
                Severity::Warning => pb::NoticeSeverity::Warning,
                Severity::Error => pb::NoticeSeverity::Error,
            };
            ActionKind::Notice(pb::NoticeAction { text: text.clone(), severity: severity.into() })
        }
        Action::Command { name, arguments } => {
            ActionKind::Command(pb::CommandAction { name: name.clone(), arguments_json: arguments.to_string() })
        }
        Action::AskModel { prompt, provider, model, timeout_ms } => ActionKind::AskModel(pb::AskModelAction {
            prompt: prompt.clone(),
            provider: provider.clone(),
            model: model.clone(),
            timeout: length(*timeout_ms),
        }),
    };
    pb::HookAction { kind: Some(kind) }
}

/// A hook.
pub(in crate::api) fn hook(hook: &Hook) -> pb::Hook {
    let missed = match hook.missed {
        Missed::Skip => pb::MissedFires::Skip,
        Missed::Once => pb::MissedFires::Once,
        Missed::All => pb::MissedFires::All,
    };
    pb::Hook {
        id: hook.id.clone(),
        project_id: hook.project.to_string(),
        name: hook.name.clone(),
        enabled: hook.enabled,
        trigger: Some(trigger(&hook.trigger)),
        steps: hook.steps.iter().map(step).collect(),
        actions: hook.actions.iter().map(action).collect(),
        cooldown: length(hook.cooldown_ms),
        missed: missed.into(),
        max_tokens_per_run: hook.max_tokens_per_run.unwrap_or(0),
        max_tokens_per_day: hook.max_tokens_per_day.unwrap_or(0),
        owner: match &hook.owner.person {
            Some(person) => format!("{person} via {}", hook.owner.key_id),
            None => format!("key:{}", hook.owner.key_id),
        },
        created_at: Some(timestamp(hook.created_at)),
        updated_at: Some(timestamp(hook.updated_at)),
        next_due_at: hook.next_due.map(timestamp),
        last_fired_at: hook.last_fired.map(timestamp),
    }
}

/// A run of a hook; `whole` with what it saw.
pub(in crate::api) fn hook_run(run: &HookRunRecord, whole: bool) -> pb::HookRun {
    let cause = match run.cause {
        RunCause::Schedule => pb::HookRunCause::Schedule,
        RunCause::Event => pb::HookRunCause::Event,
        RunCause::Manual => pb::HookRunCause::Manual,
        RunCause::Webhook => pb::HookRunCause::Webhook,
    };
    let state = match run.state {
        RunState::Queued => pb::HookRunState::Queued,
        RunState::Running => pb::HookRunState::Running,
        RunState::Completed => pb::HookRunState::Completed,
        RunState::Skipped => pb::HookRunState::Skipped,
        RunState::Failed => pb::HookRunState::Failed,
    };
    let text = |text: &str| if whole { text.to_owned() } else { String::new() };
    let list = |values: &[serde_json::Value]| values.iter().map(serde_json::Value::to_string).collect::<Vec<_>>();
    pb::HookRun {
        id: run.id.clone(),
        hook_id: run.hook.clone(),
        project_id: run.project.to_string(),
        cause: cause.into(),
        reason: run.reason.clone(),
        scheduled_at: run.scheduled_at.map(timestamp),
        event_seq: run.event_seq.unwrap_or(0),
        event_json: run.event.as_ref().filter(|_| whole).map(ToString::to_string).unwrap_or_default(),
        state: state.into(),
        context_json: if whole { list(&run.context) } else { Vec::new() },
        prompt: text(&run.prompt),
        response: text(&run.response),
        actions_json: list(&run.actions),
        note: run.note.clone(),
        tokens: run.tokens,
        actor: run.actor.clone(),
        created_at: Some(timestamp(run.created_at)),
        started_at: run.started_at.map(timestamp),
        ended_at: run.ended_at.map(timestamp),
    }
}
