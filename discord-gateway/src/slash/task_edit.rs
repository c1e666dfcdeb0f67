//! Commands that make and change tasks.

use aq_proto::v1 as pb;
use prost_types::FieldMask;
use tonic::Status;

use super::options::Asked;
use super::task::{dependencies, done};
use crate::message::Message;
use crate::render::{Style, boxed};
use crate::text::{cut, inline, one_line};

/// Answers.
pub(super) async fn run(word: &str, asked: &Asked<'_>) -> Result<Message, Status> {
    match word {
        "add" => add(asked).await,
        "edit" => edit(asked).await,
        "set-status" => set_status(asked).await,
        "depend" => {
            let request = pb::AddDependencyRequest {
                task_id: asked.text("task"),
                depends_on_task_id: asked.text("on"),
                request_id: asked.request_id(""),
            };
            asked.server.tasks().add_dependency(request).await?;
            dependencies(asked, asked.text("task")).await
        }
        _ => {
            let request = pb::RemoveDependencyRequest {
                task_id: asked.text("task"),
                depends_on_task_id: asked.text("on"),
                request_id: asked.request_id(""),
            };
            asked.server.tasks().remove_dependency(request).await?;
            dependencies(asked, asked.text("task")).await
        }
    }
}

/// The type of a word.
fn kind(word: Option<&str>) -> pb::TaskType {
    word.and_then(|word| pb::TaskType::from_str_name(&format!("TASK_TYPE_{}", word.to_uppercase()))).unwrap_or_default()
}

async fn add(asked: &Asked<'_>) -> Result<Message, Status> {
    let description = asked.text("description");
    let title = asked.given("title").map_or_else(|| cut(&one_line(&description), 100), str::to_owned);
    let request = pb::CreateTaskRequest {
        project_id: asked.project()?,
        title,
        description,
        priority: asked.number("priority"),
        r#type: kind(asked.given("task_type")).into(),
        after: asked.given("after").map(str::to_owned).into_iter().collect(),
        requires_approval: asked.flag("approval"),
        request_id: asked.request_id(""),
        ..Default::default()
    };
    let task = asked.server.tasks().create_task(request).await?.into_inner();
    let wait = if task.waiting_for.is_empty() {
        "It starts as soon as an agent is free.".to_owned()
    } else {
        crate::text::clean(&task.waiting_for)
    };
    let embed = boxed(Style::Success, format!("Task added: {}", one_line(&task.title)), wait)
        .beside("Task ID", inline(&task.id))
        .beside("Project", inline(&task.project_id))
        .beside("Status", crate::render::status_of(task.status()).0);
    Ok(Message::embed(embed))
}

async fn edit(asked: &Asked<'_>) -> Result<Message, Status> {
    let mut task = pb::Task { id: asked.text("task"), ..Default::default() };
    let mut paths = Vec::new();
    let mut set = |name: &str, given: bool| {
        if given {
            paths.push(name.to_owned());
        }
    };
    set("title", asked.given("title").is_some());
    set("description", asked.given("description").is_some());
    set("priority", asked.given("priority").is_some());
    set("type", asked.given("task_type").is_some());
    set("max_retries", asked.given("max_retries").is_some());
    set("requires_approval", asked.given("approval").is_some());
    if paths.is_empty() {
        return Err(Status::invalid_argument("nothing to change: give at least one new value"));
    }
    task.title = asked.text("title");
    task.description = asked.text("description");
    task.priority = asked.number("priority").unwrap_or_default();
    task.r#type = kind(asked.given("task_type")).into();
    task.max_retries = asked.number("max_retries").unwrap_or_default();
    task.requires_approval = asked.flag("approval");
    let changed = paths.join(", ");
    let request = pb::UpdateTaskRequest { task: Some(task), update_mask: Some(FieldMask { paths }), request_id: asked.request_id("") };
    let task = asked.server.tasks().update_task(request).await?.into_inner();
    Ok(done(format!("✏️ {} changed: {changed}.", inline(&task.id))))
}

async fn set_status(asked: &Asked<'_>) -> Result<Message, Status> {
    let word = asked.text("status").to_uppercase();
    let status = pb::TaskStatus::from_str_name(&format!("TASK_STATUS_{word}")).unwrap_or_default();
    let request = pb::SetTaskStatusRequest {
        task_id: asked.text("task"),
        status: status.into(),
        reason: asked.text("reason"),
        request_id: asked.request_id(""),
    };
    let task = asked.server.tasks().set_task_status(request).await?.into_inner();
    Ok(done(format!("✏️ {} is {} now.", inline(&task.id), crate::render::status_of(task.status()).0)))
}
