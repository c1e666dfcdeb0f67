//! Fields of hooks, from the wire. What is malformed is named here, what is wrong in the core's check.

use aq_core::hook::{Action, Condition, ContextStep, Missed, Operator, Severity, Step, Trigger};
use aq_proto::v1 as pb;
use pb::hook_action::Kind as ActionKind;
use pb::hook_step::Kind as StepKind;
use pb::hook_trigger::Kind as TriggerKind;
use serde_json::Value;

use super::incoming::{few, given, member};
use super::permissions::TABLE;
use super::status::ApiError;

/// Longest text of a hook that is looked at, in bytes.
const MAX_TEXT: usize = 512 * 1024;

fn text(field: &str, text: &str) -> Result<String, ApiError> {
    if text.len() > MAX_TEXT {
        return Err(ApiError::invalid(field, format!("is longer than {MAX_TEXT} bytes")));
    }
    if text.contains('\0') {
        return Err(ApiError::invalid(field, "holds a NUL character"));
    }
    Ok(text.to_owned())
}

/// A length of time in milliseconds; `None` when it is not given.
pub(super) fn length_ms(field: &str, length: Option<&prost_types::Duration>) -> Result<Option<u64>, ApiError> {
    let Some(length) = length else { return Ok(None) };
    let whole = u64::try_from(length.seconds).ok().and_then(|seconds| seconds.checked_mul(1000));
    let rest = u64::try_from(length.nanos).ok().filter(|nanos| *nanos < 1_000_000_000).map(|nanos| nanos / 1_000_000);
    whole
        .zip(rest)
        .and_then(|(whole, rest)| whole.checked_add(rest))
        .map(Some)
        .ok_or_else(|| ApiError::invalid(field, "is no length of time that can be used"))
}

fn condition(at: &str, given: &pb::EventCondition) -> Result<Condition, ApiError> {
    let operator = match member::<pb::HookOperator>(&format!("{at}.operator"), given.operator)? {
        None | Some(pb::HookOperator::Is | pb::HookOperator::Unspecified) => Operator::Is,
        Some(pb::HookOperator::IsNot) => Operator::IsNot,
        Some(pb::HookOperator::Contains) => Operator::Contains,
    };
    Ok(Condition { field: text(&format!("{at}.field"), &given.field)?, operator, value: text(&format!("{at}.value"), &given.value)? })
}

/// What starts a hook.
pub(super) fn trigger(at: &str, wire: Option<&pb::HookTrigger>) -> Result<Trigger, ApiError> {
    let wire = given(at, wire)?;
    let kind = wire.kind.as_ref().ok_or_else(|| ApiError::invalid(at, "names no kind; give one of periodic, cron, event, manual"))?;
    Ok(match kind {
        TriggerKind::Periodic(periodic) => {
            let every = format!("{at}.periodic.every");
            Trigger::Periodic { every_ms: given(&every, length_ms(&every, periodic.every.as_ref())?)? }
        }
        TriggerKind::Cron(cron) => Trigger::Cron {
            expression: text(&format!("{at}.cron.expression"), &cron.expression)?,
            zone: text(&format!("{at}.cron.zone"), &cron.zone)?,
        },
        TriggerKind::Event(event) => {
            few(&format!("{at}.event.events"), event.events.len())?;
            few(&format!("{at}.event.conditions"), event.conditions.len())?;
            let name = |(index, name): (usize, &String)| text(&format!("{at}.event.events[{index}]"), name);
            let events = event.events.iter().enumerate().map(name).collect::<Result<_, _>>()?;
            let each = |(index, given): (usize, &pb::EventCondition)| condition(&format!("{at}.event.conditions[{index}]"), given);
            let conditions = event.conditions.iter().enumerate().map(each).collect::<Result<_, _>>()?;
            Trigger::Event { events, conditions, with_hook_tasks: event.with_hook_tasks }
        }
        TriggerKind::Manual(_) => Trigger::Manual,
    })
}

fn step(at: &str, wire: &pb::HookStep) -> Result<ContextStep, ApiError> {
    let names = "names no kind; give one of shell, read_file, http, query, git_diff";
    let kind = wire.kind.as_ref().ok_or_else(|| ApiError::invalid(at, names))?;
    let step = match kind {
        StepKind::Shell(shell) => {
            let argv = format!("{at}.shell.argv");
            few(&argv, shell.argv.len())?;
            Step::Shell {
                argv: shell.argv.iter().enumerate().map(|(index, one)| text(&format!("{argv}[{index}]"), one)).collect::<Result<_, _>>()?,
                timeout_ms: length_ms(&format!("{at}.shell.timeout"), shell.timeout.as_ref())?.unwrap_or(60_000),
            }
        }
        StepKind::ReadFile(read) => Step::ReadFile {
            path: text(&format!("{at}.read_file.path"), &read.path)?,
            max_lines: if read.max_lines == 0 { 500 } else { read.max_lines },
        },
        StepKind::Http(http) => Step::Http {
            url: text(&format!("{at}.http.url"), &http.url)?,
            timeout_ms: length_ms(&format!("{at}.http.timeout"), http.timeout.as_ref())?.unwrap_or(30_000),
        },
        StepKind::Query(query) => {
            let field = format!("{at}.query.parameters");
            few(&field, query.parameters.len())?;
            let pair = |one: &pb::QueryParameter| Ok::<_, ApiError>((text(&field, &one.name)?, text(&field, &one.value)?));
            Step::Query {
                name: text(&format!("{at}.query.name"), &query.name)?,
                params: query.parameters.iter().map(pair).collect::<Result<_, _>>()?,
            }
        }
        StepKind::GitDiff(diff) => Step::GitDiff {
            branch: text(&format!("{at}.git_diff.branch"), &diff.branch)?,
            base: text(&format!("{at}.git_diff.base"), &diff.base)?,
        },
    };
    let pb::HookStep { skip_if_exit_zero, skip_if_empty, skip_if_status_ok, .. } = *wire;
    Ok(ContextStep { step, skip_if_exit_zero, skip_if_empty, skip_if_status_ok })
}

/// What a hook looks at.
pub(super) fn steps(at: &str, wire: &[pb::HookStep]) -> Result<Vec<ContextStep>, ApiError> {
    few(at, wire.len())?;
    wire.iter().enumerate().map(|(index, one)| step(&format!("{at}[{index}]"), one)).collect()
}

fn action(at: &str, wire: &pb::HookAction) -> Result<Action, ApiError> {
    let names = "names no kind; give one of create_task, notice, command, ask_model";
    let kind = wire.kind.as_ref().ok_or_else(|| ApiError::invalid(at, names))?;
    Ok(match kind {
        ActionKind::CreateTask(task) => Action::CreateTask {
            title: text(&format!("{at}.create_task.title"), &task.title)?,
            description: text(&format!("{at}.create_task.description"), &task.description)?,
            priority: task.priority.unwrap_or(100),
            requires_approval: task.requires_approval,
        },
        ActionKind::Notice(notice) => Action::Notice {
            text: text(&format!("{at}.notice.text"), &notice.text)?,
            severity: match member::<pb::NoticeSeverity>(&format!("{at}.notice.severity"), notice.severity)? {
                None | Some(pb::NoticeSeverity::Info | pb::NoticeSeverity::Unspecified) => Severity::Info,
                Some(pb::NoticeSeverity::Warning) => Severity::Warning,
                Some(pb::NoticeSeverity::Error) => Severity::Error,
            },
        },
        ActionKind::Command(command) => {
            let field = format!("{at}.command.arguments_json");
            let json = text(&field, &command.arguments_json)?;
            let json = if json.trim().is_empty() { "{}" } else { &json };
            let arguments: Value = serde_json::from_str(json).map_err(|error| ApiError::invalid(&field, format!("is no JSON: {error}")))?;
            let name = text(&format!("{at}.command.name"), &command.name)?;
            if !TABLE.iter().any(|(path, _)| path.rsplit('/').next() == Some(name.as_str())) {
                return Err(ApiError::invalid(format!("{at}.command.name"), "is no call of the API, for example `StopTask`"));
            }
            Action::Command { name, arguments }
        }
        ActionKind::AskModel(ask) => Action::AskModel {
            prompt: text(&format!("{at}.ask_model.prompt"), &ask.prompt)?,
            provider: text(&format!("{at}.ask_model.provider"), &ask.provider)?,
            model: text(&format!("{at}.ask_model.model"), &ask.model)?,
            timeout_ms: length_ms(&format!("{at}.ask_model.timeout"), ask.timeout.as_ref())?.unwrap_or(300_000),
        },
    })
}

/// What a hook does.
pub(super) fn actions(at: &str, wire: &[pb::HookAction]) -> Result<Vec<Action>, ApiError> {
    few(at, wire.len())?;
    wire.iter().enumerate().map(|(index, one)| action(&format!("{at}[{index}]"), one)).collect()
}

/// What becomes of missed due times.
pub(super) fn missed(field: &str, value: i32) -> Result<Missed, ApiError> {
    Ok(match member::<pb::MissedFires>(field, value)? {
        None | Some(pb::MissedFires::Skip | pb::MissedFires::Unspecified) => Missed::Skip,
        Some(pb::MissedFires::Once) => Missed::Once,
        Some(pb::MissedFires::All) => Missed::All,
    })
}
