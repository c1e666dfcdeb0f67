//! Commands about channels: made, linked, taken away, locked (F-221, F-222).

use aq_proto::v1 as pb;
use prost_types::FieldMask;
use serde_json::{Value, json};
use tonic::Status;

use super::options::Asked;
use super::task::done;
use crate::bridge::Bridge;
use crate::message::Message;
use crate::outbound::{Call, CallError, Method};
use crate::render::{Style, boxed};
use crate::text::inline;

/// Rights: see, send, send in threads, make public threads.
const SEE: u64 = 1 << 10;
const SEND: u64 = 1 << 11;
const SEND_IN_THREADS: u64 = 1 << 38;
const THREADS: u64 = 1 << 35;

/// Answers.
pub(super) async fn run(word: &str, asked: &Asked<'_>) -> Result<Message, Status> {
    match word {
        "create" => {
            let project = asked.project()?;
            let (id, made) = make(asked, &project, asked.given("name"), asked.given("category")).await?;
            let what = if made { "Channel created" } else { "Channel linked" };
            Ok(Message::embed(boxed(Style::Success, what, format!("<#{id}> belongs to {} now.", inline(&project)))))
        }
        "set" => set(asked).await,
        "set-project" => set_project(asked).await,
        "clear" => {
            let project = asked.text("project");
            link(asked, &project, "").await?;
            asked.responder.bridge.channels(|channels| channels.link_control(&project, None));
            asked.responder.bridge.server.keep(Vec::new(), vec![format!("control:{project}")]).await?;
            Ok(done(format!("{} has no channel of its own any more; its notices go to the main one.", inline(&project))))
        }
        _ => Ok(map(&asked.responder.bridge)),
    }
}

fn refused(error: &CallError) -> Status {
    match error {
        CallError::Refused { status: 403, .. } => {
            Status::failed_precondition("the bot may not do this here; give it the right to manage channels, then try again")
        }
        other => Status::unavailable(other.to_string()),
    }
}

/// Makes or finds the channel of a project and links it; true when it was made.
pub(super) async fn make(asked: &Asked<'_>, project: &str, name: Option<&str>, category: Option<&str>) -> Result<(u64, bool), Status> {
    let bridge = &asked.responder.bridge;
    let settings = &bridge.config.channels;
    let name = name.map_or_else(|| settings.naming.replace("{project_id}", project), str::to_owned);
    let name = name.trim_start_matches('#').to_lowercase().replace(' ', "-");
    let guild = bridge.config.guild_id;
    let path = format!("/guilds/{guild}/channels");
    let found = bridge.out.call(Call::new(Method::Get, path.clone(), None)).await.map_err(|error| refused(&error))?;
    let named = |kind: u64, wanted: &str| {
        let fits = |channel: &&Value| {
            channel["type"].as_u64() == Some(kind) && channel["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(wanted))
        };
        found.as_array().into_iter().flatten().find(fits).and_then(|channel| channel["id"].as_str()?.parse::<u64>().ok())
    };
    if let Some(id) = named(0, &name) {
        link(asked, project, &id.to_string()).await?;
        return Ok((id, false));
    }
    let category = category.unwrap_or(&settings.category);
    let parent = if category.is_empty() {
        None
    } else {
        match named(4, category) {
            Some(id) => Some(id),
            None => Some(create(bridge, &path, &json!({ "name": category, "type": 4 })).await?),
        }
    };
    let mut body = json!({ "name": name, "type": 0, "topic": format!("AgentQueue channel for project: {project}") });
    if let Some(parent) = parent {
        body["parent_id"] = json!(parent.to_string());
    }
    if settings.private {
        let (bot, _) = bridge.ids();
        let ours = (SEE | SEND | SEND_IN_THREADS | THREADS).to_string();
        let asker = asked.responder.interaction.person.id;
        let person = |id: u64, allow: String| json!({ "id": id.to_string(), "type": 1, "allow": allow, "deny": "0" });
        body["permission_overwrites"] = json!([
            { "id": guild.to_string(), "type": 0, "allow": "0", "deny": SEE.to_string() },
            person(bot, ours),
            // Who asks for it would otherwise be locked out at once.
            person(asker, (SEE | SEND | SEND_IN_THREADS).to_string()),
        ]);
    }
    let id = create(bridge, &path, &body).await?;
    link(asked, project, &id.to_string()).await?;
    Ok((id, true))
}

async fn create(bridge: &Bridge, path: &str, body: &Value) -> Result<u64, Status> {
    let made = bridge.out.call(Call::new(Method::Post, path, Some(body.clone()))).await.map_err(|error| refused(&error))?;
    made["id"].as_str().and_then(|id| id.parse().ok()).ok_or_else(|| Status::internal("Discord made a channel without an id"))
}

/// Writes the link to the server; what this process knows follows at once, other clients by the event.
async fn link(asked: &Asked<'_>, project: &str, channel: &str) -> Result<(), Status> {
    let request = pb::UpdateProjectRequest {
        project: Some(pb::Project { id: project.to_owned(), discord_channel_id: channel.to_owned(), ..Default::default() }),
        update_mask: Some(FieldMask { paths: vec!["discord_channel_id".to_owned()] }),
        request_id: asked.request_id("link"),
    };
    asked.server.projects().update_project(request).await?;
    asked.responder.bridge.channels(|channels| channels.link(project, channel.parse().ok()));
    Ok(())
}

async fn set(asked: &Asked<'_>) -> Result<Message, Status> {
    let project = asked.project()?;
    let bridge = &asked.responder.bridge;
    let channel: u64 = asked.number("channel").unwrap_or(asked.responder.interaction.place.channel);
    if bridge.channels(|channels| channels.global) == Some(channel) {
        return Err(Status::invalid_argument("this is the main channel; it belongs to every project"));
    }
    if asked.given("as") == Some("control") {
        asked.server.projects().get_project(pb::GetProjectRequest { project_id: project.clone() }).await?;
        bridge.channels(|channels| channels.link_control(&project, Some(channel)));
        bridge.server.keep_one(format!("control:{project}"), channel.to_string()).await?;
        return Ok(done(format!("{} is controlled from <#{channel}> too.", inline(&project))));
    }
    link(asked, &project, &channel.to_string()).await?;
    Ok(done(format!("<#{channel}> belongs to {} now.", inline(&project))))
}

/// The original's own word for it: this channel belongs to that project from now on, or to none.
async fn set_project(asked: &Asked<'_>) -> Result<Message, Status> {
    let bridge = &asked.responder.bridge;
    let place = asked.responder.interaction.place;
    let channel = place.parent.unwrap_or(place.channel);
    if bridge.channels(|channels| channels.global == Some(channel)) {
        return Err(Status::invalid_argument("this is the main channel; it belongs to every project"));
    }
    if let Some(project) = asked.given("project") {
        link(asked, project, &channel.to_string()).await?;
        return Ok(done(format!("<#{channel}> belongs to {} now; its name can be left out here.", inline(project))));
    }
    let Some(project) = bridge.channels(|channels| channels.project(channel).map(str::to_owned)) else {
        return Err(Status::failed_precondition("this channel belongs to no project; name one in `project`"));
    };
    if bridge.channels(|channels| channels.links(&project).and_then(|links| links.main)) == Some(channel) {
        link(asked, &project, "").await?;
    } else {
        bridge.channels(|channels| channels.link_control(&project, None));
        bridge.server.keep(Vec::new(), vec![format!("control:{project}")]).await?;
    }
    Ok(done(format!("<#{channel}> no longer belongs to {}.", inline(&project))))
}

fn map(bridge: &Bridge) -> Message {
    let (global, lines) = bridge.channels(|channels| {
        let line = |(project, links): (&str, &crate::routing::Links)| {
            let main = links.main.map(|id| format!("<#{id}>")).unwrap_or_else(|| "main channel".to_owned());
            let control = links.control.map(|id| format!(" · controlled from <#{id}>")).unwrap_or_default();
            format!("{} {main}{control}", inline(project))
        };
        (channels.global, channels.all().map(line).collect::<Vec<_>>())
    });
    let text =
        if lines.is_empty() { "_No project has a channel of its own._".to_owned() } else { crate::text::cut(&lines.join("\n"), 3900) };
    let global = global.map_or_else(|| "does not exist".to_owned(), |id| format!("<#{id}>"));
    Message::embed(boxed(Style::Info, "Channels", text).beside("Main channel", global))
}

/// Locks a channel and marks it as over.
pub(super) async fn archive(bridge: &Bridge, channel: u64) -> Result<(), CallError> {
    let found = bridge.out.call(Call::new(Method::Get, format!("/channels/{channel}"), None)).await?;
    let name = found["name"].as_str().unwrap_or("channel");
    let everyone = bridge.config.guild_id;
    let lock = json!({ "type": 0, "allow": "0", "deny": (SEND | SEND_IN_THREADS).to_string() });
    bridge.out.call(Call::new(Method::Put, format!("/channels/{channel}/permissions/{everyone}"), Some(lock))).await?;
    if !name.starts_with("archived-") {
        let body = json!({ "name": crate::text::cut(&format!("archived-{name}"), 100) });
        bridge.out.call(Call::new(Method::Patch, format!("/channels/{channel}"), Some(body))).await?;
    }
    Ok(())
}
