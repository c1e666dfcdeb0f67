//! What a click or a command shows: a task, a list, changes, a plan.

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use tonic::Status;

use crate::custom_id::Verb;
use crate::message::Message;
use crate::render::{self, Style, TaskList, boxed};
use crate::text::{clean, cut, fenced, grouped, inline};

/// Most tasks that a view reads.
const MOST: usize = 600;

/// Shows what a verb asks for.
pub(super) async fn show(server: &Connection, verb: Verb, id: &str) -> Result<Message, Status> {
    let task_id = id.to_owned();
    match verb {
        Verb::Details => details(server, id).await,
        Verb::Explain => {
            let answer = server.tasks().explain_task(pb::ExplainTaskRequest { task_id }).await?.into_inner();
            Ok(render::explanation(&answer))
        }
        Verb::Error => {
            let answer = server.tasks().get_task_error(pb::GetTaskErrorRequest { task_id }).await?.into_inner();
            Ok(render::error_report(id, &answer))
        }
        Verb::Diff => diff(server, id).await,
        Verb::PlanShow => {
            let answer = server.plans().get_plan(pb::GetPlanRequest { plan_id: task_id }).await?.into_inner();
            let title = answer.plan.map(|plan| plan.title).unwrap_or_default();
            let embed = boxed(Style::Info, format!("Plan: {title}"), cut(&clean(&answer.text), 3800));
            Ok(Message::embed(embed).with_file("plan.md", answer.text.into_bytes()))
        }
        _ => Err(Status::internal("this is nothing to show")),
    }
}

/// A task with its subtasks.
pub(crate) async fn details(server: &Connection, id: &str) -> Result<Message, Status> {
    let answer = server.tasks().get_task(pb::GetTaskRequest { task_id: id.to_owned() }).await?.into_inner();
    let tree = if answer.subtasks.is_empty() {
        None
    } else {
        let request = pb::GetTaskTreeRequest { task_id: id.to_owned(), ..Default::default() };
        Some(server.tasks().get_task_tree(request).await?.into_inner().formatted)
    };
    Ok(render::details(&answer, tree.as_deref()))
}

/// What a task changed; a long diff is a file.
pub(crate) async fn diff(server: &Connection, id: &str) -> Result<Message, Status> {
    let answer = server.git().get_diff(pb::GetDiffRequest { task_id: id.to_owned(), ..Default::default() }).await?.into_inner();
    let files: Vec<String> = answer.files.iter().take(20).map(|file| inline(&file.path)).collect();
    let embed = boxed(Style::Info, format!("Changes of {id}"), "").beside("Files", grouped(u64::try_from(answer.files.len()).unwrap_or(0)));
    let embed = embed.below("Which", cut(&files.join("\n"), 1000));
    if answer.text.trim().is_empty() {
        return Ok(Message::embed(boxed(Style::Info, format!("Changes of {id}"), "_Nothing was changed._")));
    }
    let mut message = Message::embed(embed);
    if answer.text.len() > 1800 {
        message = message.with_file(format!("diff-{id}.patch"), answer.text.into_bytes());
    } else {
        message.content = fenced(&answer.text, "diff");
    }
    Ok(message)
}

/// The list of tasks. `open` names the open sections; `None`: nobody chose. With `finished` completed ones are read too.
pub(crate) async fn tasks(server: &Connection, project: &str, view: char, open: Option<u16>, page: u16) -> Result<Message, Status> {
    let status = server.admin().get_status(pb::GetStatusRequest { project_id: project.to_owned() }).await?.into_inner();
    let mut found = Vec::new();
    let mut token = String::new();
    while found.len() < MOST {
        let request = pb::ListTasksRequest {
            project_ids: if project.is_empty() { Vec::new() } else { vec![project.to_owned()] },
            include_finished: true,
            order: if view == 'l' { pb::TaskOrder::RecentlyChanged.into() } else { pb::TaskOrder::OldestFirst.into() },
            page_size: 200,
            page_token: token,
            ..Default::default()
        };
        let answer = server.tasks().list_tasks(request).await?.into_inner();
        found.extend(answer.tasks);
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    Ok(render::task_list(TaskList { project, tasks: &found, counts: &status.task_counts, view, open, page }))
}
