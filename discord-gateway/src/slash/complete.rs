//! Choices for an option that is being written.

use std::collections::BTreeMap;

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use tonic::Status;

use super::catalogue::{Offer, Takes, command};
use crate::actions::Responder;
use crate::message::Choice;
use crate::outbound::CallError;
use crate::text::{cut, one_line};

/// Offers at most 25 choices; nothing to somebody without the right.
pub(crate) async fn complete(
    responder: &Responder,
    words: &[String],
    options: &BTreeMap<String, String>,
    option: &str,
    text: &str,
) -> Result<(), CallError> {
    let offer = command(words).and_then(|command| {
        let found = command.options.iter().find(|known| known.name == option)?;
        let role = responder.role().filter(|role| *role >= command.role)?;
        match found.takes {
            Takes::Offered(offer) => Some((offer, role)),
            _ => None,
        }
    });
    let Some((offer, role)) = offer else { return responder.offer(&[]).await };
    let Ok(server) = responder.bridge.server.person(&responder.interaction.person, role) else { return responder.offer(&[]).await };
    let place = responder.interaction.place;
    let project = match options.get("project").filter(|project| !project.is_empty() && option != "project") {
        Some(project) => Some(project.clone()),
        None => responder.bridge.project_of(place.channel, place.parent).await,
    };
    let choices = choices(&server, offer, project.unwrap_or_default(), text).await.unwrap_or_default();
    responder.offer(&choices).await
}

fn choice(value: &str, label: &str) -> Choice {
    let label = if label.is_empty() || label == value { value.to_owned() } else { format!("{value} — {}", one_line(label)) };
    Choice { label: cut(&label, 100), value: value.to_owned(), description: String::new() }
}

async fn choices(server: &Connection, offer: Offer, project: String, text: &str) -> Result<Vec<Choice>, Status> {
    let wanted = text.to_lowercase();
    let fits = |choice: &Choice| choice.label.to_lowercase().contains(&wanted);
    let found: Vec<Choice> = match offer {
        Offer::Projects => {
            let answer =
                server.projects().list_projects(pb::ListProjectsRequest { page_size: 200, ..Default::default() }).await?.into_inner();
            answer.projects.iter().map(|project| choice(&project.id, &project.name)).collect()
        }
        Offer::Tasks => {
            let request = pb::ListTasksRequest {
                project_ids: Some(project).filter(|project| !project.is_empty()).into_iter().collect(),
                include_finished: true,
                query: text.to_owned(),
                order: pb::TaskOrder::RecentlyChanged.into(),
                page_size: 25,
                ..Default::default()
            };
            let answer = server.tasks().list_tasks(request).await?.into_inner();
            let line = |task: &pb::Task| choice(&task.id, &format!("{} {}", crate::render::status_of(task.status()).1, task.title));
            return Ok(answer.tasks.iter().map(line).collect());
        }
        Offer::Archived => {
            let request = pb::ListArchivedTasksRequest { project_id: project, query: text.to_owned(), page_size: 25, ..Default::default() };
            let answer = server.tasks().list_archived_tasks(request).await?.into_inner();
            return Ok(answer.tasks.iter().filter_map(|entry| entry.task.as_ref()).map(|task| choice(&task.id, &task.title)).collect());
        }
        Offer::Hooks => {
            let request = pb::ListHooksRequest { project_id: project, page_size: 200, ..Default::default() };
            let answer = server.hooks().list_hooks(request).await?.into_inner();
            answer.hooks.iter().map(|hook| choice(&hook.id, &hook.name)).collect()
        }
        Offer::Agents => {
            let answer = server.agents().list_agents(pb::ListAgentsRequest { page_size: 200, ..Default::default() }).await?.into_inner();
            answer.agents.iter().map(|agent| choice(&agent.id, &agent.name)).collect()
        }
        Offer::Workspaces => {
            let request = pb::ListWorkspacesRequest { project_id: project, page_size: 200, ..Default::default() };
            let answer = server.workspaces().list_workspaces(request).await?.into_inner();
            answer.workspaces.iter().map(|workspace| choice(&workspace.id, &workspace.source)).collect()
        }
        Offer::Plans => {
            let request = pb::ListPlansRequest { project_id: project, page_size: 50, ..Default::default() };
            let answer = server.plans().list_plans(request).await?.into_inner();
            answer.plans.iter().map(|plan| choice(&plan.id, &plan.title)).collect()
        }
        Offer::Notes if project.is_empty() => Vec::new(),
        Offer::Notes => {
            let answer = server
                .notes()
                .list_notes(pb::ListNotesRequest { project_id: project, page_size: 200, ..Default::default() })
                .await?
                .into_inner();
            answer.notes.iter().map(|note| choice(&note.name, &note.title)).collect()
        }
        Offer::Branches if project.is_empty() => Vec::new(),
        Offer::Branches => {
            let request = pb::ListBranchesRequest { project_id: project, page_size: 200, ..Default::default() };
            let answer = server.git().list_branches(request).await?.into_inner();
            answer.branches.iter().map(|branch| choice(&branch.name, "")).collect()
        }
    };
    Ok(found.into_iter().filter(fits).take(25).collect())
}
