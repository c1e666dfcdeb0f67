//! Commands about projects.

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use prost_types::FieldMask;
use tonic::Status;

use super::channel;
use super::options::Asked;
use super::task::done;
use crate::actions::Responder;
use crate::chart::share;
use crate::custom_id::{Action, write};
use crate::message::{Button, ButtonStyle, Message};
use crate::render::{Style, boxed, status_of};
use crate::text::{clean, grouped, inline, percent, plural};

/// Answers.
pub(super) async fn run(word: &str, asked: &Asked<'_>) -> Result<Message, Status> {
    match word {
        "create" => create(asked).await,
        "edit" => edit(asked).await,
        "delete" => {
            let project = asked.text("project");
            let found = asked.server.projects().get_project(pb::GetProjectRequest { project_id: project.clone() }).await?.into_inner();
            let tasks: u64 = found.task_counts.iter().map(|count| count.count).sum();
            let action = Action::DeleteProject { project: project.clone(), archive: asked.flag("archive_channels") };
            let sure = write(&action).map(|id| Button::new(id, "Yes, delete it", "🗑️", ButtonStyle::Danger));
            let text = format!("Delete {} with its {}? Your own repository is not touched.", inline(&project), plural(tasks, "task"));
            Ok(Message::text(text).with_buttons(sure.into_iter().collect()))
        }
        "pause" => {
            let project_id = asked.project()?;
            asked
                .server
                .projects()
                .pause_project(pb::PauseProjectRequest { project_id: project_id.clone(), request_id: asked.request_id("") })
                .await?;
            Ok(done(format!("⏸️ {} is paused; what runs goes on.", inline(&project_id))))
        }
        "resume" => {
            let project_id = asked.project()?;
            asked
                .server
                .projects()
                .resume_project(pb::ResumeProjectRequest { project_id: project_id.clone(), request_id: asked.request_id("") })
                .await?;
            Ok(done(format!("▶️ {} works again.", inline(&project_id))))
        }
        _ => {
            let project = asked.server.projects().get_project(pb::GetProjectRequest { project_id: asked.project()? }).await?.into_inner();
            Ok(shown(&project))
        }
    }
}

fn shown(project: &pb::Project) -> Message {
    let counts: Vec<String> = project
        .task_counts
        .iter()
        .filter(|count| count.count > 0)
        .map(|count| format!("{} {} {}", status_of(count.status()).1, count.count, status_of(count.status()).0.to_lowercase()))
        .collect();
    let paused = if project.status() == pb::ProjectStatus::Paused { "⏸️ paused" } else { "active" };
    let budget = project.budget_limit.map_or_else(|| "none of its own".to_owned(), |limit| format!("{} tokens", grouped(limit)));
    let embed = boxed(Style::Info, clean(&project.name), "")
        .beside("Project", inline(&project.id))
        .beside("Status", paused)
        .beside("Weight", project.credit_weight.to_string())
        .beside("Agents at once", project.max_concurrent_agents.to_string())
        .beside("Budget", budget)
        .beside("Used in the window", grouped(project.window_tokens))
        .beside("Share", share(project).map(|(used, due)| format!("{} of {}", percent(used), percent(due))).unwrap_or_default())
        .beside("Workspaces", project.workspace_count.to_string())
        .beside("Branch", if project.default_branch.is_empty() { String::new() } else { inline(&project.default_branch) })
        .beside("Channel", project.discord_channel_id.parse::<u64>().map(|id| format!("<#{id}>")).unwrap_or_default())
        .below("Repository", if project.repo_url.is_empty() { String::new() } else { inline(&project.repo_url) })
        .below("Tasks", counts.join("\n"));
    Message::embed(embed)
}

async fn create(asked: &Asked<'_>) -> Result<Message, Status> {
    let request = pb::CreateProjectRequest {
        name: asked.text("name"),
        credit_weight: asked.number("credit_weight"),
        max_concurrent_agents: asked.number("max_concurrent_agents"),
        repo_url: asked.text("repo_url"),
        default_branch: asked.text("default_branch"),
        request_id: asked.request_id(""),
        ..Default::default()
    };
    let project = asked.server.projects().create_project(request).await?.into_inner();
    let mut embed = boxed(Style::Success, format!("Project created: {}", project.name), "`/task add` gives it work.")
        .beside("Project", inline(&project.id))
        .beside("Weight", project.credit_weight.to_string())
        .beside("Agents at once", project.max_concurrent_agents.to_string());
    let settings = &asked.responder.bridge.config.channels;
    if asked.given("auto_create_channels").map_or(settings.auto_create, |given| given == "true") {
        // The project is there; a channel that could not be made is said, not a failure of it all.
        let line = match channel::make(asked, &project.id, None, None).await {
            Ok((id, made)) => format!("<#{id}> {}", if made { "created" } else { "linked" }),
            Err(status) => format!("⚠️ {}", clean(&crate::backend::sentence(&status))),
        };
        embed = embed.below("Channel", line);
    }
    Ok(Message::embed(embed))
}

async fn edit(asked: &Asked<'_>) -> Result<Message, Status> {
    let mut project = pb::Project { id: asked.text("project"), ..Default::default() };
    let mut paths = Vec::new();
    for (option, field) in [
        ("name", "name"),
        ("credit_weight", "credit_weight"),
        ("max_concurrent_agents", "max_concurrent_agents"),
        ("budget_limit", "budget_limit"),
        ("repo_url", "repo_url"),
        ("default_branch", "default_branch"),
        ("channel", "discord_channel_id"),
    ] {
        if asked.given(option).is_some() {
            paths.push(field.to_owned());
        }
    }
    if paths.is_empty() {
        return Err(Status::invalid_argument("nothing to change: give at least one new value"));
    }
    project.name = asked.text("name");
    project.credit_weight = asked.number("credit_weight").unwrap_or_default();
    project.max_concurrent_agents = asked.number("max_concurrent_agents").unwrap_or_default();
    project.budget_limit = asked.number::<i64>("budget_limit").and_then(|limit| u64::try_from(limit).ok()).filter(|limit| *limit > 0);
    project.repo_url = asked.text("repo_url");
    project.default_branch = asked.text("default_branch");
    project.discord_channel_id = asked.text("channel");
    let request =
        pb::UpdateProjectRequest { project: Some(project), update_mask: Some(FieldMask { paths }), request_id: asked.request_id("") };
    Ok(shown(&asked.server.projects().update_project(request).await?.into_inner()))
}

/// Deletes a project, and locks its channel where that was wanted.
pub(crate) async fn delete_project(responder: &Responder, server: &Connection, project: &str, archive: bool) -> Result<Message, Status> {
    let links = responder.bridge.channels(|channels| channels.links(project).cloned());
    let request = pb::DeleteProjectRequest { project_id: project.to_owned(), request_id: responder.request_id() };
    let gone = server.projects().delete_project(request).await?.into_inner();
    // The event of it says the same a moment later.
    responder.bridge.channels(|channels| channels.clear(project));
    let mut text = format!("🗑️ {} is deleted with its {}.", inline(project), plural(gone.deleted_tasks, "task"));
    if let Some(channel) = links.and_then(|links| links.main).filter(|_| archive) {
        let line = match channel::archive(&responder.bridge, channel).await {
            Ok(()) => format!(" <#{channel}> is locked."),
            Err(error) => format!(" Its channel could not be locked: {}", clean(&error.to_string())),
        };
        text.push_str(&line);
    }
    Ok(Message::text(text))
}
