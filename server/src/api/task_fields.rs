//! From requests to the fields of tasks.

use aq_core::ids::TaskId;
use aq_core::task::{Attachment, AttachmentKind, DEFAULT_MAX_RETRIES, DEFAULT_PRIORITY, OwnLimits, TaskOrigin};
use aq_proto::v1 as pb;

use super::incoming::{
    few, limit_ms, mask, optional_agent, optional_task, plan_approval, project_id, runtime, runtimes, short, task_type, verification,
};
use super::status::ApiError;
use crate::commands::create::NewTask;
use crate::commands::edit::TaskEdit;

/// Most tries in all that may be asked for.
const MAX_RETRIES: u32 = 20;
/// Most dependencies named in one request.
const MAX_AFTER: usize = 1_000;
/// Largest attachment, in bytes.
const MAX_ATTACHMENT: usize = 256 * 1024;

/// The fields of a task that may be updated.
const FIELDS: &[&str] = &[
    "title",
    "description",
    "priority",
    "type",
    "runtime",
    "model",
    "required_agent_id",
    "context",
    "criteria",
    "tools",
    "test_commands",
    "requires_approval",
    "max_retries",
    "token_budget",
    "time_limit",
    "silence_limit",
    "verification",
    "fallback",
    "filler",
    "plan_approval",
];

fn checked(field: String, kind: AttachmentKind, label: &str, content: &str) -> Result<Attachment, ApiError> {
    if content.trim().is_empty() {
        return Err(ApiError::invalid(field, "is empty"));
    }
    if content.len() > MAX_ATTACHMENT || content.contains('\0') {
        return Err(ApiError::invalid(field, format!("is longer than {MAX_ATTACHMENT} bytes or holds a NUL character")));
    }
    let label = short(&field, label)?;
    Ok(Attachment { kind, label, content: content.to_owned() })
}

fn contexts(at: &str, entries: &[pb::TaskContext]) -> Result<Vec<Attachment>, ApiError> {
    few(&format!("{at}context"), entries.len())?;
    let each = entries.iter().enumerate().map(|(index, entry)| {
        let label = if entry.label.is_empty() && entry.r#type != "text" { &entry.r#type } else { &entry.label };
        checked(format!("{at}context[{index}].content"), AttachmentKind::Context, label, &entry.content)
    });
    each.collect()
}

fn criteria(at: &str, entries: &[pb::TaskCriterion]) -> Result<Vec<Attachment>, ApiError> {
    few(&format!("{at}criteria"), entries.len())?;
    let each = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| checked(format!("{at}criteria[{index}].content"), AttachmentKind::Criterion, &entry.r#type, &entry.content));
    each.collect()
}

fn tools(at: &str, entries: &[pb::TaskTool]) -> Result<Vec<Attachment>, ApiError> {
    few(&format!("{at}tools"), entries.len())?;
    let each = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| checked(format!("{at}tools[{index}].config"), AttachmentKind::Tool, &entry.r#type, &entry.config));
    each.collect()
}

fn retries(field: String, value: u32) -> Result<u32, ApiError> {
    if value > MAX_RETRIES { Err(ApiError::invalid(field, format!("must be from 0 to {MAX_RETRIES}"))) } else { Ok(value) }
}

/// The name of a model goes to a program as an argument, so it must not look like a flag or like two words.
fn model(field: String, text: &str) -> Result<Option<String>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@[]".contains(c);
    if text.len() > 128 || text.starts_with('-') || !text.chars().all(plain) {
        return Err(ApiError::invalid(field, "must be the name of a model: up to 128 letters, digits and -_.:/@[]"));
    }
    Ok(Some(text.to_owned()))
}

/// A task to create; `at` is the place in a batch, for error messages.
pub(super) fn new_task(body: &pb::CreateTaskRequest, at: &str) -> Result<NewTask, ApiError> {
    let field = |name: &str| format!("{at}{name}");
    if body.after.len() > MAX_AFTER {
        return Err(ApiError::invalid(field("after"), format!("has {} entries; at most {MAX_AFTER} are allowed", body.after.len())));
    }
    few(&field("test_commands"), body.test_commands.len())?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if body.key.len() > 64 || !body.key.chars().all(plain) {
        return Err(ApiError::invalid(field("key"), "may hold up to 64 lower-case letters, digits and `-`"));
    }
    let mut attachments = criteria(at, &body.criteria)?;
    attachments.extend(contexts(at, &body.context)?);
    attachments.extend(tools(at, &body.tools)?);
    Ok(NewTask {
        key: if body.key.is_empty() { String::new() } else { format!("#{}", body.key) },
        project: project_id(&field("project_id"), &body.project_id)?,
        title: body.title.clone(),
        description: body.description.clone(),
        priority: body.priority.unwrap_or(DEFAULT_PRIORITY),
        task_type: task_type(&field("type"), body.r#type)?,
        after: body.after.clone(),
        runtime: runtime(&field("runtime"), body.runtime)?,
        fallback: runtimes(&field("fallback"), &body.fallback)?,
        filler: body.filler,
        verification: verification(&field("verification"), body.verification)?,
        plan_approval: plan_approval(&field("plan_approval"), body.plan_approval)?,
        model: model(field("model"), &body.model)?,
        preferred_agent: optional_agent(&field("required_agent_id"), &body.required_agent_id)?,
        attachments,
        test_commands: body.test_commands.clone(),
        requires_approval: body.requires_approval,
        max_retries: retries(field("max_retries"), body.max_retries.unwrap_or(DEFAULT_MAX_RETRIES))?,
        budget_tokens: body.token_budget,
        limits: OwnLimits {
            time_ms: limit_ms(&field("time_limit"), body.time_limit.as_ref())?,
            silence_ms: limit_ms(&field("silence_limit"), body.silence_limit.as_ref())?,
        },
        is_plan_subtask: false,
        parent: optional_task(&field("parent_task_id"), &body.parent_task_id)?,
        origin: TaskOrigin::Operator,
    })
}

/// What an update changes: columns, and the whole list of attachments of the kinds that are named.
pub(super) struct Change {
    pub(super) edit: TaskEdit,
    pub(super) attachments: Vec<(AttachmentKind, Vec<Attachment>)>,
}

/// What an update changes.
pub(super) fn change(task: &pb::Task, update_mask: Option<&prost_types::FieldMask>) -> Result<Change, ApiError> {
    let named = mask(update_mask, FIELDS)?;
    let has = |field: &str| named.contains(field);
    few("task.test_commands", task.test_commands.len())?;
    for (index, command) in task.test_commands.iter().enumerate() {
        if has("test_commands") && (command.trim().is_empty() || command.contains('\0')) {
            return Err(ApiError::invalid(
                format!("task.test_commands[{index}]"),
                "is empty or holds a NUL character; give one shell line",
            ));
        }
    }
    let edit = TaskEdit {
        title: has("title").then(|| task.title.trim().to_owned()),
        description: has("description").then(|| if task.description.is_empty() { task.title.clone() } else { task.description.clone() }),
        priority: has("priority").then_some(task.priority),
        task_type: if has("type") { Some(task_type("task.type", task.r#type)?) } else { None },
        runtime: if has("runtime") { Some(runtime("task.runtime", task.runtime)?) } else { None },
        model: if has("model") { Some(model("task.model".to_owned(), &task.model)?) } else { None },
        preferred_agent: if has("required_agent_id") {
            Some(optional_agent("task.required_agent_id", &task.required_agent_id)?)
        } else {
            None
        },
        fallback: if has("fallback") { Some(runtimes("task.fallback", &task.fallback)?) } else { None },
        filler: has("filler").then_some(task.filler),
        plan_approval: if has("plan_approval") { Some(plan_approval("task.plan_approval", task.plan_approval)?) } else { None },
        verification: if has("verification") { Some(verification("task.verification", task.verification)?) } else { None },
        test_commands: has("test_commands").then(|| task.test_commands.clone()),
        requires_approval: has("requires_approval").then_some(task.requires_approval),
        max_retries: if has("max_retries") { Some(retries("task.max_retries".to_owned(), task.max_retries)?) } else { None },
        budget_tokens: has("token_budget").then_some(task.token_budget),
        time_limit_ms: if has("time_limit") { Some(limit_ms("task.time_limit", task.time_limit.as_ref())?) } else { None },
        silence_limit_ms: if has("silence_limit") { Some(limit_ms("task.silence_limit", task.silence_limit.as_ref())?) } else { None },
    };
    let mut attachments = Vec::new();
    if has("criteria") {
        attachments.push((AttachmentKind::Criterion, criteria("task.", &task.criteria)?));
    }
    if has("context") {
        attachments.push((AttachmentKind::Context, contexts("task.", &task.context)?));
    }
    if has("tools") {
        attachments.push((AttachmentKind::Tool, tools("task.", &task.tools)?));
    }
    Ok(Change { edit, attachments })
}

/// The id that a run's key may ask for: its own task and no other.
pub(super) fn own(context: &crate::commands::Context, id: &TaskId) -> Result<(), ApiError> {
    match &context.principal.run {
        Some(run) if run.task != *id => Err(ApiError::not_found("task", id.as_str())),
        _ => Ok(()),
    }
}
