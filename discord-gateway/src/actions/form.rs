//! A form that was sent.

use std::collections::BTreeMap;

use super::click::{DENIED, finish};
use super::perform::{needed, perform};
use super::respond::Responder;
use crate::backend::sentence;
use crate::custom_id::{Action, Verb, read};
use crate::outbound::CallError;
use crate::render::refusal;

/// Does what a form was for.
pub(crate) async fn form(responder: &Responder, id: &str, values: &BTreeMap<String, String>) -> Result<(), CallError> {
    let Some(role) = responder.role() else { return responder.whisper(&refusal(DENIED)).await };
    let (verb, id) = match read(id) {
        Ok(Action::On(verb @ (Verb::ReplyForm | Verb::RejectForm | Verb::ReopenForm | Verb::PlanRejectForm), id)) => (verb, id),
        Ok(_) => return responder.whisper(&refusal("this form means nothing to Agent Queue")).await,
        Err(error) => return responder.whisper(&refusal(&error.to_string())).await,
    };
    if role < needed(verb) {
        return responder.whisper(&refusal(DENIED)).await;
    }
    responder.defer(true).await?;
    let text = values.get("text").map(|text| text.trim()).unwrap_or_default();
    if verb == Verb::ReplyForm {
        responder.bridge.answered(&id, text);
    }
    let done = match responder.bridge.server.person(&responder.interaction.person, role) {
        Ok(server) => perform(&server, verb, &id, text, responder.request_id()).await,
        Err(status) => Err(status),
    };
    finish(responder, done.map_err(|status| sentence(&status)), verb != Verb::ReplyForm).await
}
