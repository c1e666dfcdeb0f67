//! A command that was used: the right is checked, it is acknowledged at once, done, and answered.

use std::collections::BTreeMap;

use tonic::Status;

use super::catalogue::{Command, command};
use super::options::Asked;
use super::{agent, channel, figures, git, hook, note, overview, project, task, task_edit};
use crate::actions::Responder;
use crate::backend::sentence;
use crate::message::Message;
use crate::outbound::CallError;
use crate::render::refusal;

/// What somebody without the right reads.
const DENIED: &str = "You don't have permission to use this command.";

/// Does what a command asks for.
pub(crate) async fn run(responder: &Responder, words: &[String], options: BTreeMap<String, String>) -> Result<(), CallError> {
    let Some(command) = command(words) else {
        return responder.whisper(&refusal("this command belongs to another version of Agent Queue; wait a minute and try again")).await;
    };
    let Some(role) = responder.role().filter(|role| *role >= command.role) else {
        return responder.whisper(&refusal(DENIED)).await;
    };
    responder.defer(command.quiet).await?;
    let place = responder.interaction.place;
    let here = responder.bridge.project_of(place.channel, place.parent).await;
    let answer = match responder.bridge.server.person(&responder.interaction.person, role) {
        Ok(server) => dispatch(command, &Asked::new(responder, server, options, here)).await,
        Err(status) => Err(status),
    };
    match answer {
        Ok(message) => responder.finish(&message).await,
        Err(status) => {
            tracing::debug!(command = command.words, message = status.message(), "refused");
            let told = refusal(&sentence(&status));
            if command.quiet { responder.finish(&told).await } else { responder.refuse(&told).await }
        }
    }
}

async fn dispatch(command: &Command, asked: &Asked<'_>) -> Result<Message, Status> {
    let (group, word) = command.words.split_once(' ').unwrap_or(("", command.words));
    match (group, word) {
        ("task", "add" | "edit" | "set-status" | "depend" | "undepend") => task_edit::run(word, asked).await,
        ("task" | "archive", _) => task::run(command.words, asked).await,
        ("project", _) => project::run(word, asked).await,
        ("channel", _) | ("", "set-project") => channel::run(word, asked).await,
        ("agent" | "workspace", _) => agent::run(command.words, asked).await,
        ("note", _) | ("", "notes") => note::run(command.words, asked).await,
        ("hook", _) => hook::run(word, asked).await,
        ("git" | "plan", _) => git::run(command.words, asked).await,
        ("", "usage" | "limits" | "board") => figures::run(word, asked).await,
        _ => overview::run(word, asked).await,
    }
}
