//! One event: what it changes of what we know, which card shows it, who is told.

use std::collections::HashMap;

use aq_proto::v1 as pb;
use tonic::Status;

use super::post::post;
use super::questions;
use crate::bridge::Bridge;
use crate::message::Message;
use crate::outbound::Known;
use crate::render::{self, happened, mark_of};
use crate::runs;

/// Handles an event but for the cards that it opens and changes ([`runs::open`], [`cards`]). `again`: it may have been handled before, so that messages are looked for before
/// they are posted.
pub(super) async fn handle(bridge: &Bridge, event: &pb::Event, again: bool) -> Result<(), Status> {
    let kind = event.r#type.as_str();
    match kind {
        "project.created" | "project.updated" | "project.deleted" => return project(bridge, event).await,
        "note.created" | "note.updated" | "note.deleted" => {
            crate::notes::changed(bridge, event);
            return Ok(());
        }
        "task.message_delivered" => return delivered(bridge, event).await,
        _ => {}
    }
    if matches!(kind, "task.replied" | "task.started" | "task.blocked" | "task.completed" | "task.failed" | "task.restarted" | "run.ended")
    {
        questions::settle(bridge, event).await?;
    }
    if matches!(kind, "task.waiting_input" | "agent.question") {
        return questions::ask(bridge, event, again).await;
    }
    let Some(message) = notice(bridge, event).await? else { return Ok(()) };
    tell(bridge, event, message, again).await
}

/// Who has which channel now, whoever changed it (F-192, F-193).
async fn project(bridge: &Bridge, event: &pb::Event) -> Result<(), Status> {
    if event.r#type == "project.deleted" {
        let mut gone = bridge.channels(|channels| channels.clear(&event.project_id));
        gone.extend(crate::notes::forget(bridge, &event.project_id).await?);
        tracing::info!(project = event.project_id, channels = ?gone, "a project is gone");
        bridge.buffers(|buffers| gone.iter().for_each(|channel| buffers.forget(*channel)));
        return bridge.server.keep(Vec::new(), vec![format!("control:{}", event.project_id)]).await;
    }
    let read = |connection: aq_proto::client::Connection| async move {
        let request = pb::GetProjectRequest { project_id: event.project_id.clone() };
        connection.projects().get_project(request).await.map(tonic::Response::into_inner)
    };
    match bridge.server.patiently(read).await {
        // A new project without a channel has nothing to unlink; one may be linked while this is read.
        Ok(project) if project.discord_channel_id.is_empty() && event.r#type == "project.created" => {}
        Ok(project) => bridge.channels(|channels| channels.link(&project.id, project.discord_channel_id.parse().ok())),
        Err(status) if status.code() == tonic::Code::NotFound => {}
        Err(status) => return Err(status),
    }
    Ok(())
}

/// Brings the cards up to date that the event is about: of the task's run, and of the task that it is a part of. Done when they show it.
pub(super) async fn cards(bridge: &Bridge, event: &pb::Event) -> Result<(), Status> {
    if event.task_id.is_empty() || !(event.r#type.starts_with("task.") || event.r#type == "run.ended") {
        return Ok(());
    }
    let Some(task) = bridge.server.task(&event.task_id).await?.and_then(|answer| answer.task) else { return Ok(()) };
    let run = if event.run_number > 0 { event.run_number } else { task.last_run_number };
    if run > 0 {
        runs::refresh(bridge, &task.id, run, true).await?;
    }
    if event.r#type == "task.completed"
        && !task.parent_task_id.is_empty()
        && let Some(parent) = bridge.server.task(&task.parent_task_id).await?.and_then(|answer| answer.task)
        && parent.last_run_number > 0
    {
        runs::refresh(bridge, &parent.id, parent.last_run_number, false).await?;
    }
    Ok(())
}

/// True for the failure of a run that its agent could not do: no login, no credit, no program.
fn is_agents_fault(facts: &HashMap<String, String>) -> bool {
    facts.get("failure_class").is_some_and(|class| matches!(class.as_str(), "auth" | "billing" | "spawn"))
}

/// The notice of an event; `None`: nobody is told.
async fn notice(bridge: &Bridge, event: &pb::Event) -> Result<Option<Message>, Status> {
    let facts = &event.attributes;
    let task = async || Ok::<_, Status>(bridge.server.task(&event.task_id).await?);
    Ok(match event.r#type.as_str() {
        "task.completed" => task().await?.and_then(|found| Some(render::completed(found.task.as_ref()?, found.runs.first(), facts))),
        // The agent's notice says it, once; its tries with one task after another are no news.
        "task.failed" if is_agents_fault(facts) => None,
        "task.failed" => match task().await?.and_then(|found| found.task) {
            // Its last try: that it is blocked now says more.
            Some(task) if task.status() == pb::TaskStatus::Blocked => None,
            Some(task) => Some(render::failed(&task, event.run_number, facts, bridge.server.error(&task.id).await.as_ref())),
            None => None,
        },
        "task.blocked" => match task().await?.and_then(|found| found.task) {
            Some(task) if task.block_reason() == pb::BlockReason::Dependency => None,
            Some(task) => Some(render::blocked(&task, bridge.server.error(&task.id).await.as_ref())),
            None => None,
        },
        "task.awaiting_approval" | "task.approval_reminder" | "task.approval_stuck" => {
            let reminder = event.r#type != "task.awaiting_approval";
            task().await?.and_then(|found| Some(render::approval(found.task.as_ref()?, found.runs.first(), reminder)))
        }
        "git.pr.created" => task().await?.and_then(|found| Some(render::pull_request(found.task.as_ref()?, facts))),
        "chain.stuck" => Some(render::chain_stuck(facts)),
        "task.stuck" => task().await?.and_then(|found| Some(render::stuck(found.task.as_ref()?, facts))),
        "budget.warning" => Some(render::budget(&event.project_id, facts, false)),
        "budget.exhausted" => Some(render::budget(&event.project_id, facts, true)),
        "account.limited" => Some(render::limited(facts, false)),
        "account.reopened" => Some(render::limited(facts, true)),
        "agent.error" => Some(render::agent_error(facts)),
        // Whoever resumes an agent knows it; that it works again by itself is told.
        "agent.resumed" if event.actor == "server" => Some(render::agent_works(facts)),
        "system.degraded" => Some(render::degraded(facts)),
        "plan.found" | "plan.approved" => plan(bridge, event).await?,
        // Whoever refuses a plan knows it; what the project's setting refuses is told.
        "plan.rejected" if event.actor == "server" => Some(render::plan_put_away(event)),
        _ => None,
    })
}

async fn plan(bridge: &Bridge, event: &pb::Event) -> Result<Option<Message>, Status> {
    let Some(id) = event.attributes.get("plan_id") else { return Ok(None) };
    let read = |connection: aq_proto::client::Connection| async move {
        let request = pb::GetPlanRequest { plan_id: id.clone() };
        connection.plans().get_plan(request).await.map(tonic::Response::into_inner)
    };
    let answer = match bridge.server.patiently(read).await {
        Ok(answer) => answer,
        Err(status) if status.code() == tonic::Code::NotFound => return Ok(None),
        Err(status) => return Err(status),
    };
    let steps = answer.reading.map(|reading| reading.steps).unwrap_or_default();
    let Some(plan) = answer.plan else { return Ok(None) };
    // A plan that nobody has to approve is told when its tasks are there.
    let wanted = if event.r#type == "plan.found" { pb::PlanState::Proposed } else { pb::PlanState::Accepted };
    Ok((plan.state() == wanted).then(|| render::plan(&plan, &steps)))
}

/// Posts a notice in the project's channel, as an answer to the card of the run where there is one.
pub(super) async fn tell(bridge: &Bridge, event: &pb::Event, mut message: Message, again: bool) -> Result<(), Status> {
    let Some((channel, _)) = bridge.channels(|channels| channels.notices(&event.project_id)) else { return Ok(()) };
    bridge.opened(&event.project_id, &event.task_id).await;
    let run = match event.run_number {
        0 if !event.task_id.is_empty() => {
            bridge.server.task(&event.task_id).await?.and_then(|found| found.task).map_or(0, |task| task.last_run_number)
        }
        run => run,
    };
    if run > 0
        && let Some(record) = bridge.server.run_record(&event.task_id, run).await?
        && record.channel == channel
    {
        message.reply_to = Some(record.card);
    }
    announce(bridge, event, message, again).await;
    Ok(())
}

/// Posts what an event says, with its mark, without asking the server anything.
async fn announce(bridge: &Bridge, event: &pb::Event, mut message: Message, again: bool) {
    let mark = mark_of(event.seq);
    message.silent = bridge.is_quiet();
    if let Some(embed) = message.embeds.first_mut() {
        embed.footer = format!("AgentQueue · {mark}");
        embed.timestamp =
            event.time.as_ref().and_then(|time| jiff::Timestamp::new(time.seconds, 0).ok()).map(|at| at.to_string()).unwrap_or_default();
    }
    if let Err(error) = post(bridge, &event.project_id, message, Known::Mark(&mark, happened(event)), again).await {
        tracing::warn!(seq = event.seq, kind = event.r#type, %error, "a notice could not be posted");
    }
}

/// An event came to nothing because the server refuses what has to be known about it: people are told so, with its reason, unless something of it was
/// told before.
pub(super) async fn untold(bridge: &Bridge, event: &pb::Event, refused: &Status) {
    tracing::warn!(seq = event.seq, kind = event.r#type, error = refused.message(), "an event could not be told as usual");
    announce(bridge, event, render::untold(event, &crate::backend::sentence(refused)), true).await;
}

/// The mark below what somebody wrote to an agent changes when the agent has read it.
async fn delivered(bridge: &Bridge, event: &pb::Event) -> Result<(), Status> {
    let Some(id) = event.attributes.get("message_id") else { return Ok(()) };
    let key = format!("say:{}:{id}", event.task_id);
    let Some(text) = bridge.server.record(&key).await? else { return Ok(()) };
    if let Some((channel, message)) = text.split_once(' ')
        && let (Ok(channel), Ok(message)) = (channel.parse(), message.parse())
    {
        bridge.out.react(channel, message, "✅", Some("📨")).await;
    }
    bridge.server.keep(Vec::new(), vec![key]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events R2: an event of which the server refuses to say more is told with the reason, under its mark.
    #[tokio::test]
    async fn a_refusal_of_the_server_is_read_by_people() {
        let (bridge, said) = Bridge::recorded(0);
        bridge.channels(|channels| channels.global = Some(7));
        let event = pb::Event {
            seq: 12,
            project_id: "app".to_owned(),
            task_id: "swift-falcon".to_owned(),
            summary: "Task swift-falcon is blocked".to_owned(),
            r#type: "task.blocked".to_owned(),
            ..Default::default()
        };
        untold(&bridge, &event, &Status::permission_denied("the key of the gateway may not read this project")).await;
        let said = said.lock().unwrap();
        // It is looked for first: a part of it may be there.
        let [look, call] = &said[..] else { panic!("{said:?}") };
        assert_eq!(look.method, crate::outbound::Method::Get);
        let told = call.body.as_ref().unwrap().to_string();
        for part in ["[app] ", "Not told as usual", "Task swift-falcon is blocked", "The key of the gateway may not read", "event 12"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}
