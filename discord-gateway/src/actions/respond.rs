//! Answering an interaction: something within three seconds, the rest within fifteen minutes.

use serde_json::{Value, json};

use crate::bridge::Bridge;
use crate::discord::Interaction;
use crate::message::{Choice, Message, Modal};
use crate::outbound::{Call, CallError, Method};
use crate::trust::Role;

/// The way to answer one interaction.
#[derive(Clone, Debug)]
pub(crate) struct Responder {
    pub(crate) bridge: Bridge,
    pub(crate) interaction: Interaction,
}

impl Responder {
    /// To this interaction.
    pub(crate) const fn new(bridge: Bridge, interaction: Interaction) -> Self {
        Self { bridge, interaction }
    }

    /// What the person may do here.
    pub(crate) fn role(&self) -> Option<Role> {
        let Interaction { person, place, .. } = &self.interaction;
        self.bridge.config.access.role(person, *place)
    }

    /// Makes repeating what is asked for safe.
    pub(crate) fn request_id(&self) -> String {
        format!("discord-{}", self.interaction.id)
    }

    async fn callback(&self, kind: u8, data: Value) -> Result<(), CallError> {
        let path = format!("/interactions/{}/{}/callback", self.interaction.id, self.interaction.token);
        let mut call = Call::new(Method::Post, path, Some(json!({ "type": kind, "data": data })));
        call.tries = 2;
        match self.bridge.out.call(call).await {
            // An answer that was lost on its way has arrived all the same.
            Err(error) if error.code() == 40_060 => Ok(()),
            other => other.map(drop),
        }
    }

    /// Shows that it is being worked on.
    pub(crate) async fn defer(&self, ephemeral: bool) -> Result<(), CallError> {
        self.callback(5, if ephemeral { json!({ "flags": 64 }) } else { json!({}) }).await
    }

    /// Shows nothing yet: the message with the button will change.
    pub(crate) async fn defer_update(&self) -> Result<(), CallError> {
        self.callback(6, json!({})).await
    }

    /// Answers at once, for the asker only.
    pub(crate) async fn whisper(&self, message: &Message) -> Result<(), CallError> {
        self.callback(4, message.answer(true)).await
    }

    /// Opens a form.
    pub(crate) async fn open(&self, modal: &Modal) -> Result<(), CallError> {
        self.callback(9, modal.wire()).await
    }

    /// Offers choices for an option that is being written.
    pub(crate) async fn offer(&self, choices: &[Choice]) -> Result<(), CallError> {
        let choice =
            |choice: &Choice| json!({ "name": crate::text::cut(&choice.label, 100), "value": crate::text::cut(&choice.value, 100) });
        self.callback(8, json!({ "choices": choices.iter().take(25).map(choice).collect::<Vec<_>>() })).await
    }

    /// Tells the asker something beside the answer, for nobody else.
    pub(crate) async fn aside(&self, message: &Message) -> Result<(), CallError> {
        let path = format!("/webhooks/{}/{}", self.interaction.application, self.interaction.token);
        self.bridge.out.call(Call::new(Method::Post, path, Some(message.answer(true)))).await.map(drop)
    }

    /// Tells the asker alone that a command came to nothing, where everybody was to see its answer: the sign that it is worked on goes.
    pub(crate) async fn refuse(&self, message: &Message) -> Result<(), CallError> {
        let path = format!("/webhooks/{}/{}/messages/@original", self.interaction.application, self.interaction.token);
        match self.bridge.out.call(Call::new(Method::Delete, path, None)).await {
            Err(error) if !error.is_gone() => self.finish(message).await,
            _ => self.aside(message).await,
        }
    }

    /// Puts the answer where the deferral stands.
    pub(crate) async fn finish(&self, message: &Message) -> Result<(), CallError> {
        let path = format!("/webhooks/{}/{}/messages/@original", self.interaction.application, self.interaction.token);
        let mut call = Call::new(Method::Patch, path, Some(message.wire(None)));
        call.files.clone_from(&message.files);
        self.bridge.out.call(call).await.map(drop)
    }
}
