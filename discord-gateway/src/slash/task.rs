//! Commands about one task, and about the archive.

use aq_proto::v1 as pb;
use pb::answer_question_request::Answer;
use tonic::Status;

use super::options::Asked;
use crate::actions;
use crate::custom_id::Verb;
use crate::message::Message;
use crate::render::{self, Style, boxed, moment, relative, status_of};
use crate::text::{clean, cut, inline, one_line, plural};

/// Answers.
pub(super) async fn run(words: &str, asked: &Asked<'_>) -> Result<Message, Status> {
    let task = asked.text("task");
    let verb = match words {
        "task show" => return actions::details(&asked.server, &task).await,
        "task diff" => return actions::diff(&asked.server, &task).await,
        "task result" => {
            let answer = asked.server.tasks().get_task_result(pb::GetTaskResultRequest { task_id: task.clone() }).await?.into_inner();
            return Ok(render::result(&task, &answer));
        }
        "task error" => {
            let answer = asked.server.tasks().get_task_error(pb::GetTaskErrorRequest { task_id: task.clone() }).await?.into_inner();
            return Ok(render::error_report(&task, &answer));
        }
        "task deps" => return dependencies(asked, task).await,
        "task messages" => return messages(asked, task).await,
        "task say" => return say(asked, task).await,
        "task answer" => return answer(asked, task).await,
        "archive add" | "archive all" => return archive(asked, task).await,
        "archive list" => return archived(asked).await,
        "archive settings" => return settings(asked).await,
        "archive restore" => {
            asked.server.tasks().restore_task(pb::RestoreTaskRequest { task_id: task.clone(), request_id: asked.request_id("") }).await?;
            return Ok(done(format!("📦 {} is back.", inline(&task))));
        }
        "task stop" => Verb::StopSure,
        "task restart" => Verb::Restart,
        "task reopen" => Verb::ReopenForm,
        "task skip" => Verb::Skip,
        "task approve" => Verb::Approve,
        "task reject" => Verb::RejectForm,
        "task repair" => Verb::Repair,
        _ => Verb::DeleteSure,
    };
    let text = asked.given("feedback").or_else(|| asked.given("reason")).unwrap_or_default();
    Ok(done(actions::perform(&asked.server, verb, &task, text, asked.request_id("")).await?))
}

/// One line that says what was done.
pub(super) fn done(text: String) -> Message {
    Message::text(text)
}

fn listed(tasks: &[pb::TaskRef]) -> String {
    let line = |task: &pb::TaskRef| format!("{} {} {}", status_of(task.status()).1, inline(&task.id), cut(&one_line(&task.title), 60));
    if tasks.is_empty() { "_nothing_".to_owned() } else { cut(&tasks.iter().map(line).collect::<Vec<_>>().join("\n"), 1020) }
}

/// What a task waits for, and what waits for it.
pub(super) async fn dependencies(asked: &Asked<'_>, task: String) -> Result<Message, Status> {
    let answer = asked.server.tasks().list_dependencies(pb::ListDependenciesRequest { task_id: task.clone() }).await?.into_inner();
    Ok(Message::embed(
        boxed(Style::Info, format!("Dependencies of {task}"), "")
            .below("Waits for", listed(&answer.dependencies))
            .below("Others wait for it", listed(&answer.dependents)),
    ))
}

async fn messages(asked: &Asked<'_>, task: String) -> Result<Message, Status> {
    let answer = asked.server.tasks().list_messages(pb::ListMessagesRequest { task_id: task.clone() }).await?.into_inner();
    let line = |message: &pb::AgentMessage| {
        let mark = match message.state() {
            pb::MessageState::Delivered => "✅",
            pb::MessageState::Told => "↪️",
            _ => "📨",
        };
        let at = moment(message.sent_at.as_ref()).map(relative).unwrap_or_default();
        format!("{mark} {at} {}", cut(&one_line(&message.text), 150))
    };
    let lines: Vec<String> = answer.messages.iter().rev().take(20).rev().map(line).collect();
    let text = if lines.is_empty() { "_Nobody told its agents anything._".to_owned() } else { lines.join("\n") };
    Ok(Message::embed(boxed(Style::Info, format!("Messages to {task}"), cut(&text, 3900))))
}

async fn say(asked: &Asked<'_>, task_id: String) -> Result<Message, Status> {
    let request = pb::SendMessageRequest { task_id: task_id.clone(), text: asked.text("text"), request_id: asked.request_id("") };
    asked.server.tasks().send_message(request).await?;
    Ok(done(format!("📨 The agent of {} reads it between two steps.", inline(&task_id))))
}

async fn answer(asked: &Asked<'_>, task_id: String) -> Result<Message, Status> {
    let answer = Some(Answer::Text(asked.text("text")));
    let request = pb::AnswerQuestionRequest { task_id: task_id.clone(), answer, request_id: asked.request_id(""), ..Default::default() };
    asked.server.tasks().answer_question(request).await?;
    Ok(done(format!("💬 Reply sent for task {}; it goes on.", inline(&task_id))))
}

async fn archive(asked: &Asked<'_>, task: String) -> Result<Message, Status> {
    let mut request = pb::ArchiveTasksRequest { request_id: asked.request_id(""), ..Default::default() };
    if task.is_empty() {
        request.project_id = asked.project()?;
        request.include_failed = asked.flag("include_failed");
    } else {
        request.task_ids = vec![task];
    }
    let answer = asked.server.tasks().archive_tasks(request).await?.into_inner();
    let names: Vec<String> = answer.archived.iter().filter_map(|entry| entry.task.as_ref()).take(20).map(|task| inline(&task.id)).collect();
    let left: Vec<String> = answer.left.iter().take(5).map(|entry| format!("• {}", clean(&entry.reason))).collect();
    let embed = boxed(Style::Success, format!("Archived {}", plural(answer.archived.len() as u64, "task")), names.join(", "));
    Ok(Message::embed(embed.below("Left where they are", left.join("\n"))))
}

async fn archived(asked: &Asked<'_>) -> Result<Message, Status> {
    let request = pb::ListArchivedTasksRequest {
        project_id: asked.project_or_all().unwrap_or_default(),
        page_size: asked.number("limit").unwrap_or(25),
        ..Default::default()
    };
    let answer = asked.server.tasks().list_archived_tasks(request).await?.into_inner();
    let line = |entry: &pb::ArchivedTaskEntry| {
        let task = entry.task.clone().unwrap_or_default();
        let at = moment(entry.archived_at.as_ref()).map(relative).unwrap_or_default();
        format!("{} {} {} {at}", status_of(task.status()).1, inline(&task.id), cut(&one_line(&task.title), 60))
    };
    let lines: Vec<String> = answer.tasks.iter().map(line).collect();
    let text = if lines.is_empty() { "_Nothing is archived._".to_owned() } else { cut(&lines.join("\n"), 3900) };
    Ok(Message::embed(boxed(Style::Info, format!("Archive ({})", answer.total_size), text)))
}

async fn settings(asked: &Asked<'_>) -> Result<Message, Status> {
    let request = pb::GetArchiveSettingsRequest { project_id: asked.project_or_all().unwrap_or_default() };
    let answer = asked.server.tasks().get_archive_settings(request).await?.into_inner();
    let after = answer.after.map_or(0, |after| after.seconds);
    let statuses: Vec<&str> = answer.statuses().map(|status| status_of(status).0).collect();
    let text = if answer.enabled { "Finished tasks are archived by themselves, once an hour." } else { "Nothing is archived by itself." };
    Ok(Message::embed(
        boxed(Style::Info, "Archive settings", text).beside("After", render::elapsed(after)).beside("Which", statuses.join(", ")),
    ))
}
