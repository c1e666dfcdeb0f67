//! Commands that look at everything: status, lists, budgets, forecasts, help.

use aq_proto::v1 as pb;
use tonic::Status;

use super::catalogue::COMMANDS;
use super::options::Asked;
use crate::actions::tasks;
use crate::message::Message;
use crate::render::{self, Moment, Style, boxed, elapsed, moment, relative, status_of};
use crate::text::{clean, cut, inline, one_line, plural};

/// Answers.
pub(super) async fn run(word: &str, asked: &Asked<'_>) -> Result<Message, Status> {
    match word {
        "status" => status(asked).await,
        "tasks" => {
            let view = match asked.given("view") {
                Some("tree") => 't',
                Some("compact") => 'c',
                _ => 'l',
            };
            // Everything open, the completed ones too.
            let open = asked.flag("show_completed").then_some(0x7ff);
            tasks(&asked.server, &asked.project()?, view, open, 0).await
        }
        "active-tasks" => active(asked).await,
        "projects" => projects(asked).await,
        "agents" => agents(asked).await,
        "workspaces" => workspaces(asked).await,
        "questions" => questions(asked).await,
        "budget" => {
            let request = pb::ListBudgetsRequest { project_id: asked.project_or_all().unwrap_or_default() };
            Ok(render::budgets(&asked.server.accounts().list_budgets(request).await?.into_inner()))
        }
        "forecast" => {
            let request = pb::ForecastTasksRequest { project_id: asked.project_or_all().unwrap_or_default(), max_tasks: 20 };
            Ok(render::forecast(&asked.server.tasks().forecast_tasks(request).await?.into_inner()))
        }
        "events" => events(asked).await,
        "explain" => {
            let request = pb::ExplainTaskRequest { task_id: asked.text("task") };
            Ok(render::explanation(&asked.server.tasks().explain_task(request).await?.into_inner()))
        }
        "chain-health" => chains(asked).await,
        "orchestrator" => orchestrator(asked).await,
        _ => Ok(help()),
    }
}

fn counted(counts: &[pb::TaskStatusCount]) -> String {
    let line = |count: &pb::TaskStatusCount| {
        format!("{} {} {}", status_of(count.status()).1, count.count, status_of(count.status()).0.to_lowercase().replace('_', " "))
    };
    counts.iter().filter(|count| count.count > 0).map(line).collect::<Vec<_>>().join("\n")
}

fn doing(agent: &pb::Agent) -> String {
    let state = match agent.state() {
        pb::AgentState::Busy => "🟡",
        pb::AgentState::Paused => "⏸️",
        pb::AgentState::Error => "🔴",
        _ => "🟢",
    };
    let work = if agent.current_task_id.is_empty() {
        if agent.error.is_empty() { String::new() } else { format!(" {}", cut(&one_line(&agent.error), 100)) }
    } else {
        let since = moment(agent.busy_since.as_ref()).map(|at| format!(" {}", relative(at))).unwrap_or_default();
        format!(" {} {}{since}", inline(&agent.current_task_id), cut(&one_line(&agent.current_task_title), 50))
    };
    let kind = agent.runtime().as_str_name().trim_start_matches("RUNTIME_").to_lowercase();
    format!("{state} **{}** ({kind}){work}", clean(&agent.name))
}

async fn status(asked: &Asked<'_>) -> Result<Message, Status> {
    let project = asked.project_or_all().unwrap_or_default();
    let found = asked.server.admin().get_status(pb::GetStatusRequest { project_id: project.clone() }).await?.into_inner();
    let done = found.task_counts.iter().find(|count| count.status() == pb::TaskStatus::Completed).map_or(0, |count| count.count);
    let filled = (done * 12).checked_div(found.task_total).unwrap_or(0);
    let bar: String = (0..12).map(|cell| if cell < filled { '█' } else { '░' }).collect();
    let mut text = format!("`{bar}` {done} of {} done", plural(found.task_total, "task"));
    if found.scheduling_paused {
        text = format!("⏸️ **Everything is paused.** `/orchestrator resume` goes on.\n{text}");
    }
    for hold in &found.holds {
        text.extend([format!("\n⚠️ {}", clean(hold))]);
    }
    let style = if found.scheduling_paused || !found.holds.is_empty() { Style::Warning } else { Style::Info };
    let title = if project.is_empty() { "Status".to_owned() } else { format!("Status of {project}") };
    let ready: Vec<String> =
        found.ready.iter().take(5).map(|task| format!("{} {}", inline(&task.id), cut(&one_line(&task.title), 60))).collect();
    let waits: Vec<String> = [(found.question_count, "question", "for an answer"), (found.approval_count, "task", "for approval")]
        .into_iter()
        .filter(|(count, _, _)| *count > 0)
        .map(|(count, what, why)| format!("💬 {} {} {why}", plural(count.into(), what), if count == 1 { "waits" } else { "wait" }))
        .collect();
    let mut embed = boxed(style, title, text)
        .beside("Tasks", counted(&found.task_counts))
        .beside("Projects", found.project_count.to_string())
        .below("Agents", found.agents.iter().take(12).map(doing).collect::<Vec<_>>().join("\n"))
        .below("Next", ready.join("\n"))
        .below("Waits for you", waits.join("\n"));
    if let Some(server) = found.server {
        let up = server.uptime.map_or(0, |uptime| uptime.seconds);
        embed.footer = format!("AgentQueue {} · up {}", server.version, elapsed(up));
    }
    Ok(Message::embed(embed))
}

async fn active(asked: &Asked<'_>) -> Result<Message, Status> {
    let request = pb::ListTasksRequest { include_finished: asked.flag("show_completed"), page_size: 200, ..Default::default() };
    let answer = asked.server.tasks().list_tasks(request).await?.into_inner();
    let mut embed = boxed(
        Style::Info,
        format!("Active tasks ({})", answer.total_size),
        if answer.tasks.is_empty() { "_Nothing is under way._" } else { "" },
    );
    let mut projects: Vec<&str> = answer.tasks.iter().map(|task| task.project_id.as_str()).collect();
    projects.sort_unstable();
    projects.dedup();
    for project in projects {
        let of: Vec<&pb::Task> = answer.tasks.iter().filter(|task| task.project_id == project).collect();
        let mut lines: Vec<String> = of
            .iter()
            .take(12)
            .map(|task| format!("{} {} {}", status_of(task.status()).1, inline(&task.id), cut(&one_line(&task.title), 60)))
            .collect();
        if of.len() > 12 {
            lines.push(format!("_…and {} more_", of.len() - 12));
        }
        embed = embed.below(project, lines.join("\n"));
    }
    Ok(Message::embed(embed))
}

async fn projects(asked: &Asked<'_>) -> Result<Message, Status> {
    let answer =
        asked.server.projects().list_projects(pb::ListProjectsRequest { page_size: 200, ..Default::default() }).await?.into_inner();
    let mut embed = boxed(
        Style::Info,
        format!("Projects ({})", answer.total_size),
        if answer.projects.is_empty() { "_None yet._ `/project create` makes one." } else { "" },
    );
    for project in answer.projects.iter().take(25) {
        let paused = if project.status() == pb::ProjectStatus::Paused { "⏸️ paused · " } else { "" };
        let open: u64 =
            project.task_counts.iter().filter(|count| count.status() != pb::TaskStatus::Completed).map(|count| count.count).sum();
        let channel = project.discord_channel_id.parse::<u64>().map(|id| format!(" · <#{id}>")).unwrap_or_default();
        let text = format!(
            "{paused}{open} open · weight {} · at most {} · {} in the window{channel}",
            project.credit_weight,
            plural(project.max_concurrent_agents.into(), "agent"),
            plural(project.window_tokens, "token")
        );
        embed = embed.below(&cut(&format!("{} ({})", one_line(&project.name), project.id), 250), text);
    }
    Ok(Message::embed(embed))
}

async fn agents(asked: &Asked<'_>) -> Result<Message, Status> {
    let answer = asked.server.agents().list_agents(pb::ListAgentsRequest { page_size: 200, ..Default::default() }).await?.into_inner();
    let lines: Vec<String> = answer.agents.iter().take(40).map(doing).collect();
    let text = if lines.is_empty() { "_None yet._ `/agent create` makes one.".to_owned() } else { lines.join("\n") };
    Ok(Message::embed(boxed(Style::Info, format!("Agents ({})", answer.total_size), text)))
}

async fn workspaces(asked: &Asked<'_>) -> Result<Message, Status> {
    let project = asked.project()?;
    let request = pb::ListWorkspacesRequest { project_id: project.clone(), page_size: 50, ..Default::default() };
    let answer = asked.server.workspaces().list_workspaces(request).await?.into_inner();
    let line = |workspace: &pb::Workspace| {
        let kind = workspace.kind().as_str_name().trim_start_matches("WORKSPACE_KIND_").to_lowercase();
        let lease = if workspace.leased_task_id.is_empty() {
            "🟢 free".to_owned()
        } else {
            format!("🟡 {}", inline(&workspace.leased_task_id))
        };
        format!("{lease} {} {kind} {}", inline(&workspace.id), inline(&workspace.source))
    };
    let lines: Vec<String> = answer.workspaces.iter().map(line).collect();
    let text = if lines.is_empty() { "_None yet._ `/workspace add` gives it one.".to_owned() } else { cut(&lines.join("\n"), 3900) };
    Ok(Message::embed(boxed(Style::Info, format!("Workspaces of {project}"), text)))
}

async fn questions(asked: &Asked<'_>) -> Result<Message, Status> {
    let request = pb::ListQuestionsRequest { project_id: asked.project_or_all().unwrap_or_default(), page_size: 20, ..Default::default() };
    let answer = asked.server.tasks().list_questions(request).await?.into_inner();
    let Some(first) = answer.questions.first() else { return Ok(Message::embed(boxed(Style::Success, "No question waits", ""))) };
    if answer.questions.len() == 1 {
        return Ok(render::question(first));
    }
    let mut embed = boxed(Style::Warning, format!("Questions ({})", answer.total_size), "`/task answer` answers one.");
    for pending in &answer.questions {
        let text = pending.question.as_ref().map_or("", |question| question.text.as_str());
        embed = embed.below(&cut(&format!("{} {}", pending.task_id, one_line(&pending.title)), 250), cut(&clean(text), 300));
    }
    Ok(Message::embed(embed))
}

async fn events(asked: &Asked<'_>) -> Result<Message, Status> {
    let filter = asked.project_or_all().map(|project| pb::EventFilter { project_ids: vec![project], ..Default::default() });
    let request = pb::ListEventsRequest { filter, page_size: asked.number("limit").unwrap_or(10), ..Default::default() };
    let answer = asked.server.events().list_events(request).await?.into_inner();
    let line = |event: &pb::Event| {
        let at = event.time.as_ref().map(|time| relative(Moment(time.seconds))).unwrap_or_default();
        format!("`{}` {at} {}", event.seq, cut(&one_line(&event.summary), 150))
    };
    let text = cut(&answer.events.iter().map(line).collect::<Vec<_>>().join("\n"), 1990);
    Ok(Message::text(if text.is_empty() { "_Nothing happened yet._".to_owned() } else { text }))
}

async fn chains(asked: &Asked<'_>) -> Result<Message, Status> {
    let task = asked.text("task");
    let project = if task.is_empty() { asked.project()? } else { String::new() };
    let answer =
        asked.server.tasks().get_chain_health(pb::GetChainHealthRequest { task_id: task, project_id: project }).await?.into_inner();
    let style = if answer.chains.is_empty() { Style::Success } else { Style::Critical };
    let mut embed = boxed(style, "Chain health", clean(&answer.summary));
    for chain in answer.chains.iter().take(10) {
        let head = chain.task.as_ref().map_or("", |task| task.id.as_str());
        let behind: Vec<String> = chain.stuck.iter().take(8).map(|task| inline(&task.id)).collect();
        embed = embed.below(&format!("⛔ {head} → {} stuck", chain.stuck_count), format!("{}\n{}", clean(&chain.cause), behind.join(", ")));
    }
    Ok(Message::embed(embed))
}

async fn orchestrator(asked: &Asked<'_>) -> Result<Message, Status> {
    let request_id = asked.request_id("");
    match asked.given("action") {
        Some("pause") => {
            asked
                .server
                .admin()
                .pause_scheduling(pb::PauseSchedulingRequest { reason: "paused in Discord".to_owned(), request_id })
                .await?;
            Ok(Message::embed(boxed(Style::Warning, "Everything is paused", "What runs goes on; nothing new is started.")))
        }
        Some("resume") => {
            asked.server.admin().resume_scheduling(pb::ResumeSchedulingRequest { request_id }).await?;
            Ok(Message::embed(boxed(Style::Success, "Work goes on", "")))
        }
        _ => status(asked).await,
    }
}

/// What of the original is done elsewhere.
pub(super) const ELSEWHERE: &str = "`/restart` is not here: whoever runs the server restarts it, and nothing under way is lost.";

fn help() -> Message {
    let how = "In the channel of a project its name can be left out. Write in the thread of a run to speak with its agent.";
    let mut embed = boxed(Style::Info, "Commands", format!("{how}\n{ELSEWHERE}"));
    let mut groups: Vec<&str> = Vec::new();
    for command in COMMANDS {
        let group = command.words.split_once(' ').map_or("look", |(group, _)| group);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    for group in groups {
        let of = COMMANDS.iter().filter(|command| command.words.split_once(' ').map_or("look", |(group, _)| group) == group);
        let line = |command: &super::catalogue::Command| {
            let was = if command.was.is_empty() { String::new() } else { format!(" ({})", command.was.replace(", ", " ")) };
            format!("`/{}`{was}", command.words)
        };
        embed = embed.below(group, cut(&of.map(line).collect::<Vec<_>>().join(" · "), 1020));
    }
    Message::embed(embed)
}
