//! Questions of agents: posted when they are asked, settled when they no longer wait.

use aq_proto::v1 as pb;
use serde::{Deserialize, Serialize};
use tonic::Status;

use super::post::post;
use crate::bridge::Bridge;
use crate::custom_id::fingerprint;
use crate::message::Message;
use crate::outbound::Known;
use crate::render::{Style, boxed, happened, question, settled};

/// A question that was posted.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    channel: u64,
    message: u64,
    title: String,
    text: String,
    mark: String,
}

fn key(task: &str, name: &str) -> String {
    format!("ask:{task}:{name}")
}

/// Posts the questions of a task that wait and were not posted yet.
pub(super) async fn ask(bridge: &Bridge, event: &pb::Event, again: bool) -> Result<(), Status> {
    for pending in bridge.server.questions(&event.project_id).await?.into_iter().filter(|pending| pending.task_id == event.task_id) {
        let name = fingerprint(pending.question.as_ref().map_or("", |question| question.question_id.as_str()));
        if bridge.server.record(&key(&event.task_id, &name)).await?.is_some() {
            continue;
        }
        let Some((channel, foreign)) = bridge.channels(|channels| channels.notices(&event.project_id)) else { return Ok(()) };
        bridge.opened(&event.project_id, &event.task_id).await;
        let mark = format!("question {name}");
        let mut message = question(&pending);
        message.silent = bridge.is_quiet();
        if let Some(record) = bridge.server.run_record(&event.task_id, pending.run_number).await?
            && record.channel == channel
        {
            message.reply_to = Some(record.card);
        }
        let (mut title, mut text) = (String::new(), String::new());
        if let Some(embed) = message.embeds.first_mut() {
            embed.footer = format!("AgentQueue · {mark}");
            let project = if foreign { format!("[{}] ", event.project_id) } else { String::new() };
            (title, text) = (format!("{project}{}", embed.title), embed.description.clone());
        }
        match post(bridge, &event.project_id, message, Known::Mark(&mark, happened(event)), again).await {
            Ok(None) => return Ok(()),
            Ok(Some((channel, message))) => {
                let asked = Asked { channel, message, title, text: crate::text::cut(&text, 1500), mark };
                let text = serde_json::to_string(&asked).map_err(|error| Status::internal(error.to_string()))?;
                bridge.server.keep_one(key(&event.task_id, &name), text).await?;
            }
            Err(error) => tracing::warn!(task = event.task_id, %error, "a question could not be posted"),
        }
    }
    Ok(())
}

/// Closes the questions of a task that wait no longer: nothing to click, and what became of them.
pub(super) async fn settle(bridge: &Bridge, event: &pb::Event) -> Result<(), Status> {
    let prefix = key(&event.task_id, "");
    let posted = bridge.server.records(&prefix).await?;
    if posted.is_empty() {
        return Ok(());
    }
    let waiting = bridge.server.questions(&event.project_id).await?;
    let waits = |key: &str| {
        waiting.iter().filter(|pending| pending.task_id == event.task_id).any(|pending| {
            let id = pending.question.as_ref().map_or("", |question| question.question_id.as_str());
            key.strip_prefix(&prefix) == Some(&fingerprint(id))
        })
    };
    for (key, text) in posted {
        if waits(&key) {
            continue;
        }
        if let Ok(asked) = serde_json::from_str::<Asked>(&text) {
            let mut embed = boxed(Style::Success, "", asked.text);
            // It warns of nothing any more.
            embed.title = asked.title.replace(Style::Warning.icon(), "💬");
            embed.footer = format!("AgentQueue · {}", asked.mark);
            let message = settled(&Message::embed(embed), &outcome(event, bridge.take_answer(&event.task_id)));
            if let Err(error) = bridge.out.edit(asked.channel, asked.message, &message, true).await {
                tracing::debug!(task = event.task_id, %error, "a question could not be closed");
            }
        }
        bridge.server.keep(Vec::new(), vec![key]).await?;
    }
    Ok(())
}

/// What became of a question, in a few words; with the answer where it went through here.
fn outcome(event: &pb::Event, answer: Option<String>) -> String {
    if event.r#type != "task.replied" {
        return "It waits no longer.".to_owned();
    }
    let person = event.actor.split(" via ").next().unwrap_or_default();
    match person.strip_prefix("discord:").and_then(|id| id.parse::<u64>().ok()) {
        // A name that nobody is rung for: mentions are off.
        Some(id) => {
            let said = answer.map(|answer| format!("{}\n", crate::text::cut(&crate::text::clean(&answer), 300))).unwrap_or_default();
            format!("{said}-# ✔ answered by <@{id}>")
        }
        None if event.actor == "server" || event.actor.contains("deadline") => "⌛ nobody answered in time".to_owned(),
        None => format!("✔ answered by {}", crate::text::inline(person)),
    }
}
