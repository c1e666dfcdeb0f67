//! A click on a button, or a choice in a select.

use serde_json::{Value, json};

use super::answer::answer;
use super::perform::{needed, perform};
use super::respond::Responder;
use super::show::{details, show, tasks};
use crate::backend::sentence;
use crate::custom_id::{Action, Verb, read, write};
use crate::message::{Button, ButtonStyle, Message, Modal, ModalField};
use crate::outbound::{Call, CallError, Method};
use crate::render::refusal;
use crate::text::inline;
use crate::trust::Role;

/// What somebody without the right reads.
pub(super) const DENIED: &str = "You don't have permission to do this.";

/// Does what a click means.
pub(crate) async fn click(responder: &Responder, id: &str, values: &[String]) -> Result<(), CallError> {
    let Some(role) = responder.role() else { return responder.whisper(&refusal(DENIED)).await };
    let action = match read(id) {
        Ok(action) => action,
        Err(error) => return responder.whisper(&refusal(&error.to_string())).await,
    };
    let wanted = match &action {
        Action::On(verb, _) => needed(*verb),
        Action::Tasks { .. } | Action::Choose | Action::Notes { .. } => Role::Viewer,
        Action::DeleteProject { .. } => Role::Admin,
        _ => Role::Operator,
    };
    if role < wanted {
        return responder.whisper(&refusal(DENIED)).await;
    }
    let server = match responder.bridge.server.person(&responder.interaction.person, role) {
        Ok(server) => server,
        Err(status) => return responder.whisper(&refusal(&sentence(&status))).await,
    };
    match action {
        Action::On(verb @ (Verb::Reply | Verb::Reject | Verb::Reopen | Verb::PlanReject), id) => responder.open(&form_of(verb, id)).await,
        Action::On(Verb::Stop, id) => {
            let sure = write(&Action::On(Verb::StopSure, id.clone())).map(|id| Button::new(id, "Yes, stop it", "🛑", ButtonStyle::Danger));
            let text = format!("Stop {}? Its work is saved; the task is blocked until somebody restarts it.", inline(&id));
            responder.whisper(&Message::text(text).with_buttons(sure.into_iter().collect())).await
        }
        Action::On(verb @ (Verb::Details | Verb::Explain | Verb::Error | Verb::Diff | Verb::PlanShow), id) => {
            responder.defer(true).await?;
            let shown = show(&server, verb, &id).await.unwrap_or_else(|status| refusal(&sentence(&status)));
            responder.finish(&shown).await
        }
        Action::On(verb, id) => {
            responder.defer(true).await?;
            let done = perform(&server, verb, &id, "", responder.request_id()).await;
            finish(responder, done.map_err(|status| sentence(&status)), verb != Verb::StopSure).await
        }
        Action::Allow { .. } | Action::Deny { .. } | Action::Option { .. } => {
            responder.defer(true).await?;
            let chosen = values.first().map(String::as_str);
            let done = answer(&responder.bridge, &server, &action, chosen, responder.request_id()).await;
            // The question itself is closed when the server tells that it was answered.
            finish(responder, done.map_err(|status| sentence(&status)), false).await
        }
        Action::Tasks { project, view, open, page } => {
            responder.defer_update().await?;
            match tasks(&server, &project, view, Some(open), page).await {
                Ok(shown) => responder.finish(&shown).await,
                // The list stays as it is for everybody else.
                Err(status) => responder.aside(&refusal(&sentence(&status))).await,
            }
        }
        Action::Choose => {
            responder.defer(true).await?;
            let shown = match values.first() {
                Some(id) => details(&server, id).await.unwrap_or_else(|status| refusal(&sentence(&status))),
                None => refusal("nothing was chosen"),
            };
            responder.finish(&shown).await
        }
        Action::Notes { project, note } => crate::notes::act(responder, &server, role, &project, note).await,
        Action::DeleteProject { project, archive } => {
            responder.defer_update().await?;
            let shown = crate::slash::delete_project(responder, &server, &project, archive).await;
            responder.finish(&shown.unwrap_or_else(|status| refusal(&sentence(&status)))).await
        }
        Action::CancelChat { message } if crate::chat::cancel(&responder.bridge, &message) => {
            responder.whisper(&Message::text("🛑 Cancelled.")).await
        }
        Action::CancelChat { .. } => responder.whisper(&refusal("there is nothing to cancel any more")).await,
    }
}

/// The form that a verb opens.
pub(super) fn form_of(verb: Verb, id: String) -> Modal {
    let (then, title, label, required) = match verb {
        Verb::Reject => (Verb::RejectForm, "Reject the work", "What is wrong with it?", true),
        Verb::Reopen => (Verb::ReopenForm, "Reopen with feedback", "What should be different?", true),
        Verb::PlanReject => (Verb::PlanRejectForm, "Reject the plan", "What should be different? Empty: put it away", false),
        _ => (Verb::ReplyForm, "Reply to Agent", "Your reply", true),
    };
    let fields = vec![ModalField { id: "text", label: label.to_owned(), required, most: if verb == Verb::Reply { 2000 } else { 4000 } }];
    Modal { id: write(&Action::On(then, id)).unwrap_or_default(), title: title.to_owned(), fields }
}

/// Tells the clicker what was done; what was done cannot be clicked again.
pub(super) async fn finish(responder: &Responder, done: Result<String, String>, spend: bool) -> Result<(), CallError> {
    match done {
        Ok(text) => {
            responder.finish(&Message::text(text.clone())).await?;
            if spend { spent(responder, &text).await } else { Ok(()) }
        }
        Err(sentence) => responder.finish(&refusal(&sentence)).await,
    }
}

/// True for a button that only shows something: that is of use after the decision too.
fn only_shows(part: &Value) -> bool {
    let id = part.get("custom_id").and_then(Value::as_str).unwrap_or_default();
    matches!(read(id), Ok(Action::On(Verb::Details | Verb::Explain | Verb::Error | Verb::Diff | Verb::PlanShow, _)))
}

/// Disables the buttons of the message that was clicked, but for those that only show something, and says there who decided what.
async fn spent(responder: &Responder, text: &str) -> Result<(), CallError> {
    let Some(message) = responder.interaction.message else { return Ok(()) };
    let path = format!("/channels/{}/messages/{message}", responder.interaction.place.channel);
    // An answer that only its asker sees is not to be found here: there is nothing to disable for others.
    let Ok(mut found) = responder.bridge.out.call(Call::new(Method::Get, path.clone(), None).minor()).await else { return Ok(()) };
    let mut rows = found.get_mut("components").map(Value::take).unwrap_or_default();
    for row in rows.as_array_mut().into_iter().flatten() {
        for part in row.get_mut("components").and_then(Value::as_array_mut).into_iter().flatten() {
            if !only_shows(part) {
                part["disabled"] = json!(true);
            }
        }
    }
    let mut embeds = found.get_mut("embeds").map(Value::take).unwrap_or_default();
    if let Some(first) = embeds.as_array_mut().and_then(|embeds| embeds.first_mut()) {
        let line = json!({ "name": "Decided", "value": format!("{text}\n-# <@{}>", responder.interaction.person.id), "inline": false });
        match first.get_mut("fields").and_then(Value::as_array_mut) {
            Some(fields) if fields.len() < 25 => fields.push(line),
            Some(_) => {}
            None => first["fields"] = json!([line]),
        }
    }
    let body = json!({ "components": rows, "embeds": embeds, "allowed_mentions": { "parse": [] } });
    match responder.bridge.out.call(Call::new(Method::Patch, path, Some(body)).minor()).await {
        Err(error) if error.is_gone() => Ok(()),
        other => other.map(drop),
    }
}
